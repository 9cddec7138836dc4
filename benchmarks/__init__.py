"""What Leeway costs and what it withstands, measured: `make bench` and the other `bench-…` targets of the Makefile.

`shapes.py` makes requests, `wires.py` speaks OTLP over bare sockets, `load.py` sends; `servers.py` runs what is
measured, `gauges.py` reads what it uses, `report.py` writes docs/benchmarks.
"""
