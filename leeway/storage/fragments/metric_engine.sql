ENGINE = ReplacingMergeTree
PARTITION BY toDate(ReceivedAt)
PRIMARY KEY (Project, ServiceName, MetricName, TimeUnix)
ORDER BY (Project, ServiceName, MetricName, TimeUnix, RequestDigest, Ordinal, Position)
SETTINGS non_replicated_deduplication_window = 10000, min_bytes_for_wide_part = 268435456
