-- As spans (0022), logs are decoded before they are inserted.
DROP TABLE IF EXISTS leeway.otlp_logs SYNC
