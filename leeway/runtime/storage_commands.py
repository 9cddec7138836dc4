"""The commands for what is stored: how they are asked. What they do is in the `…_command.py` of each."""

from __future__ import annotations

from typing import Final

import click

from leeway.runtime.sources import Sources, read_sources

CLICKHOUSE_URL: Final = click.option(
    "--clickhouse-url", metavar="VALUE", help="Where the data is [LEEWAY_CLICKHOUSE_URL]."
)
CONFIG: Final = click.option("--config", metavar="FILE", help="Settings file [LEEWAY_CONFIG; default leeway.toml]")


def _sources(config: str | None, clickhouse_url: str | None) -> Sources:
    return read_sources({"clickhouse_url": clickhouse_url}, config)


@click.command()
@click.argument("output", default="-", metavar="[FILE]")
@click.option(
    "--signal", type=click.Choice(["traces", "logs"]), default="traces", show_default=True, help="What to export."
)
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["jsonl", "protobuf"]),
    help="JSON lines, or protobuf after its length in four bytes; without it, what the file's name says.",
)
@click.option("--from", "since", metavar="WHEN", help="First moment, such as 2026-11-01 or 2026-11-01T14:30:00Z.")
@click.option("--to", "until", metavar="WHEN", help="The moment before which it ends.")
@click.option("--project", "projects", multiple=True, help="Only this project; several times if need be.")
@click.option("--trace", "traces", multiple=True, metavar="ID", help="Only this trace; several times if need be.")
@CLICKHOUSE_URL
@CONFIG
def export(  # noqa: PLR0913, PLR0917 - a flag each
    output: str,
    signal: str,
    fmt: str | None,
    since: str | None,
    until: str | None,
    projects: tuple[str, ...],
    traces: tuple[str, ...],
    clickhouse_url: str | None,
    config: str | None,
) -> None:
    """Write what is stored as OTLP.

    In order of time, as the file exporter of the OpenTelemetry Collector writes it; `leeway replay` and the Collector
    read it again. FILE ends in .jsonl or .pb, and in .gz to be compressed; - is standard output. Whatever type and
    depth an attribute has, it comes out as it came in.
    """
    from leeway.runtime.export_command import export_file

    export_file(_sources(config, clickhouse_url), output, signal, fmt, since, until, projects, traces)


COMMANDS: Final[tuple[click.Command, ...]] = (export,)
