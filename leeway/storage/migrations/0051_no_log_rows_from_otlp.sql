-- After its table, as 0023.
DROP VIEW IF EXISTS leeway.log_rows_from_otlp SYNC
