-- Spans are decoded before they are inserted (docs/adr/0007).
DROP TABLE IF EXISTS leeway.otlp_traces SYNC
