ENGINE = ReplacingMergeTree
PARTITION BY toDate(ReceivedAt)
PRIMARY KEY (Project, ServiceName, MetricName, TimeUnix)
ORDER BY (Project, ServiceName, MetricName, TimeUnix, RequestDigest, Ordinal, Position)
SETTINGS
    non_replicated_deduplication_window = 10000,
    min_level_for_wide_part = 1,
    min_bytes_for_wide_part = 67108864,
    auto_statistics_types = ''
