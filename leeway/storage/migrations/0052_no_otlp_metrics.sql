-- As spans (0022), metrics are decoded before they are inserted.
DROP TABLE IF EXISTS leeway.otlp_metrics SYNC
