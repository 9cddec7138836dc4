"""OTLP's bytes: what a request holds, what of it can be stored, how ClickHouse wants it. Pure: bytes in, bytes out."""
