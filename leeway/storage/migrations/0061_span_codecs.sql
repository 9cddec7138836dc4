-- What compresses better for no more CPU (docs/adr/0011): spans of a trace are within seconds of each other and last
-- less than that, so 64 of them share their upper bits. What attributes say repeats; a level more finds it.
ALTER TABLE leeway.span_rows
    MODIFY COLUMN start_time CODEC(T64('bit'), ZSTD(1)),
    MODIFY COLUMN duration_ns CODEC(T64, ZSTD(1)),
    MODIFY COLUMN attributes CODEC(ZSTD(3)),
    MODIFY COLUMN resource_attributes CODEC(ZSTD(3))
