"""The disk, while ClickHouse is slow or away: segments, the thread that fills them, the thread that empties them."""
