-- After its table, as 0023; what handed its points on to the five tables follows.
DROP VIEW IF EXISTS leeway.metric_points_from_otlp SYNC
