SELECT count() AS runs FROM leeway.run_rows
