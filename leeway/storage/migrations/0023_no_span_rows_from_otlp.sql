-- After its table: an INSERT of an older version meanwhile fails and is sent again, and is not lost.
DROP VIEW IF EXISTS leeway.span_rows_from_otlp SYNC
