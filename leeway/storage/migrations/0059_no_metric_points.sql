-- After the views that read it.
DROP TABLE IF EXISTS leeway.metric_points SYNC
