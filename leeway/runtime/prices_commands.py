"""`leeway prices …`: how it is asked. What it does is in prices_command.py."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from leeway.runtime.sources import Sources, read_sources
from leeway.runtime.storage_commands import CLICKHOUSE_URL, CONFIG

FAILURE_STATUS = 1
FROM = click.option("--from", "since", metavar="WHEN", help="First moment, such as 2026-11-01 or 2026-11-01T14:30:00Z.")
TO = click.option("--to", "until", metavar="WHEN", help="The moment before which it ends.")
PRICES = click.option(
    "--prices", metavar="FILE", help="Your own prices, over the shipped ones [LEEWAY_CLICKHOUSE_PRICES]."
)


def _sources(config: str | None, clickhouse_url: str | None, prices: str | None) -> Sources:
    return read_sources({"clickhouse_url": clickhouse_url, "clickhouse.prices": prices}, config)


@click.group()
def prices() -> None:
    """What models cost."""


@prices.command("list")
@click.argument("words", nargs=-1, metavar="[MODEL…]")
@PRICES
@CONFIG
def prices_list(words: tuple[str, ...], prices: str | None, config: str | None) -> None:
    """Show the price table, or the price of models as spans name them."""
    from leeway.runtime.prices_command import list_prices

    sys.exit(0 if list_prices(_sources(config, None, prices), words) else FAILURE_STATUS)


@prices.command("check")
@click.argument("file", type=click.Path(path_type=Path))
def prices_check(file: Path) -> None:
    """Validate a price file."""
    from leeway.runtime.prices_command import check_prices

    sys.exit(0 if check_prices(file) else FAILURE_STATUS)


@prices.command("unknown")
@FROM
@TO
@CLICKHOUSE_URL
@CONFIG
def prices_unknown(since: str | None, until: str | None, clickhouse_url: str | None, config: str | None) -> None:
    """List the models that were called and have no price."""
    from leeway.runtime.prices_command import list_unknown

    list_unknown(_sources(config, clickhouse_url, None), since, until)


@prices.command("reprice")
@FROM
@TO
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@PRICES
@CLICKHOUSE_URL
@CONFIG
def prices_reprice(
    since: str | None,
    until: str | None,
    prices: str | None,
    clickhouse_url: str | None,
    config: str | None,
    *,
    dry_run: bool,
) -> None:
    """Give stored calls the cost that the table gives them now.

    Those that began between two moments, or all; `spans` and `runs` show it. What a span says itself stays. It may be
    broken off and repeated. What drifts were found by is not looked at again.
    """
    from leeway.runtime.prices_command import reprice_stored

    done = reprice_stored(_sources(config, clickhouse_url, prices), since, until, dry_run=dry_run)
    sys.exit(0 if done else FAILURE_STATUS)
