"""`python -m examples.fleet`: send runs to a collector until Ctrl-C, or as many as were asked for."""

from __future__ import annotations

import argparse
import time

from opentelemetry.sdk.trace import SpanProcessor

from examples.fleet.profiles import PROFILES
from examples.fleet.rollout import Rollout
from examples.fleet.telemetry import otlp
from examples.fleet.traffic import Traffic


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.fleet", description=__doc__)
    parser.add_argument("--endpoint", default="http://127.0.0.1:4317", help="the collector (%(default)s)")
    parser.add_argument("--protocol", choices=["grpc", "http"], default="grpc")
    parser.add_argument("--rate", type=float, default=40.0, help="runs a second (%(default)s)")
    parser.add_argument("--split", default="v1=100", help="weights of the versions, such as v1=90,v2=10 (%(default)s)")
    parser.add_argument("--runs", type=int, default=0, help="stop after that many runs (0: never)")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    arguments = parser.parse_args()
    weights = _weights(parser, arguments.split)
    rollout = Rollout(min(weights))
    rollout.shift(weights, "as asked on the command line")

    def processor() -> SpanProcessor:
        return otlp(arguments.endpoint, arguments.protocol)

    traffic = Traffic(rollout, processor, arguments.rate, arguments.seed)
    try:
        with traffic:
            while traffic.failure is None and not 0 < arguments.runs <= traffic.runs.total():
                time.sleep(0.05)
    except KeyboardInterrupt:
        pass
    by_version = ", ".join(f"{version} {count}" for version, count in sorted(traffic.runs.items()))
    print(f"{traffic.runs.total()} runs, {traffic.spans} spans ({by_version}), seed {arguments.seed}")


def _weights(parser: argparse.ArgumentParser, text: str) -> dict[str, float]:
    try:
        weights = {version: float(weight) for version, weight in (part.split("=") for part in text.split(","))}
    except ValueError:
        parser.error(f"--split {text}: write it like v1=90,v2=10")
    for version in weights.keys() - PROFILES.keys():
        parser.error(f"--split {text}: there is no version {version}; there are {', '.join(PROFILES)}")
    return weights


if __name__ == "__main__":
    main()
