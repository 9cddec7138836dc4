"""The commands for what is stored: how they are asked. What they do is in the `…_command.py` of each."""

from __future__ import annotations

from pathlib import Path
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
    "--signal",
    type=click.Choice(["traces", "logs", "metrics"]),
    default="traces",
    show_default=True,
    help="What to export.",
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


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would go; change nothing.")
@click.option("--every-h", type=click.FloatRange(0, min_open=True), help="Again after so many hours, until a signal.")
@CLICKHOUSE_URL
@CONFIG
def retention(
    file: Path | None, *, dry_run: bool, every_h: float | None, clickhouse_url: str | None, config: str | None
) -> None:
    """Let go of what is too old.

    FILE says how many days spans, logs, metrics, runs and so on are kept, and for which projects it differs
    (docs/retention.md); without it, the file that `leeway up` follows. Without --every-h it is done once, as a cron
    job would.
    """
    from leeway.runtime.life_command import run_retention

    every_s = None if every_h is None else every_h * 3600
    run_retention(_sources(config, clickhouse_url), file, dry_run=dry_run, every_s=every_s)


@click.command()
@click.argument("name", required=False)
@click.option("--base", default="", metavar="NAME", help="Write only what has changed since that backup.")
@CLICKHOUSE_URL
@CONFIG
def backup(name: str | None, base: str, clickhouse_url: str | None, config: str | None) -> None:
    """Write all of the database into the store's folder of backups.

    Everything may go on meanwhile. NAME is the time if it is left out.
    """
    from leeway.runtime.life_command import run_backup

    run_backup(_sources(config, clickhouse_url), name, base)


@click.command()
@click.argument("name")
@CLICKHOUSE_URL
@CONFIG
def restore(name: str, clickhouse_url: str | None, config: str | None) -> None:
    """Bring a backup into an empty store.

    Start the store alone on a new data folder (`leeway store`), restore, then start the rest. One that was cut off is
    begun again.
    """
    from leeway.runtime.life_command import run_restore

    run_restore(_sources(config, clickhouse_url), name)


@click.command()
@click.option("--user", metavar="ID", help="Whose data, as user_id in spans.")
@click.option("--conversation", metavar="ID", help="Which conversation, as conversation_id in spans.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; the audit keeps it.")
@click.option("--project", "projects", multiple=True, help="Only in this project; several times if need be.")
@click.option("--dry-run", is_flag=True, help="Say how many traces would go; change nothing.")
@CLICKHOUSE_URL
@CONFIG
def forget(
    user: str | None,
    conversation: str | None,
    reason: str,
    projects: tuple[str, ...],
    *,
    dry_run: bool,
    clickhouse_url: str | None,
    config: str | None,
) -> None:
    """Delete a user's or a conversation's data for good.

    Every trace in which they appear goes whole, from spans, logs, runs and observations, and so do metrics that name
    them. The audit keeps who asked and why, and of the id a hash.
    """
    from leeway.runtime.life_command import run_forget

    sources = _sources(config, clickhouse_url)
    if user is not None and conversation is None:
        run_forget(sources, "user", user, reason, projects, dry_run=dry_run)
    elif conversation is not None and user is None:
        run_forget(sources, "conversation", conversation, reason, projects, dry_run=dry_run)
    else:
        raise click.UsageError("say --user or --conversation, one of them")


COMMANDS: Final[tuple[click.Command, ...]] = (export, retention, backup, restore, forget)
