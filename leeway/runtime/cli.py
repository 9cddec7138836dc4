"""The command line: what can be asked, and how a mistake is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

import click
from rich.console import Console
from rich.text import Text

from leeway.model import LeewayError, Rejected, Unavailable
from leeway.runtime import prices_commands, storage_commands
from leeway.runtime.components import COMPONENTS, Component
from leeway.runtime.logs import quieten
from leeway.runtime.mistake import Mistake
from leeway.runtime.sources import Sources, env_name, flag_name, read_sources

CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
ORDER: Final = (
    "up", *(c.name for c in COMPONENTS), "replay", "export", "retention", "backup", "restore", "forget",
    "backtest", "prices", "rules", "redaction", "token", "doctor",
)  # fmt: skip
MISTAKE_STATUS: Final = 2
FAILURE_STATUS: Final = 1


class Told(click.ClickException):
    """A failure that the person gets as one line."""

    exit_code = FAILURE_STATUS

    def __init__(self, error: LeewayError) -> None:
        super().__init__(str(error))

    def show(self, file: Any = None) -> None:  # noqa: ANN401, ARG002 - click's signature
        Console(stderr=True, highlight=False, soft_wrap=True).print(Text("leeway:", "bold red"), Text(self.message))


class ToldMistake(Told):
    """A failure that the person can mend by asking differently."""

    exit_code = MISTAKE_STATUS


class Commands(click.Group):
    """The commands in the order in which a newcomer meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(super().list_commands(ctx), key=ORDER.index)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run the command; the failures that are answers reach the person as one line."""
        try:
            return super().invoke(ctx)
        except (Rejected, Unavailable) as e:
            raise (ToldMistake(e) if isinstance(e, Mistake) else Told(e)) from e


@click.group(cls=Commands, context_settings=CONTEXT)
@click.version_option(version("leeway"), prog_name="leeway")
def main() -> None:
    """Leeway: how far may an agent drift?

    Agents send OpenTelemetry; Leeway keeps every span, finds when behaviour drifts, and acts on it.

    Settings come from flags, then the environment (LEEWAY_...), then leeway.toml, then defaults. Start with: leeway up
    """
    quieten()


class ComponentCommand(click.Command):
    """One component. Its flags are its room's settings, read only when this command is the one."""

    def __init__(self, component: Component) -> None:
        super().__init__(component.name, help=f"{component.summary[0].upper()}{component.summary[1:]}.")
        self.component = component
        self.callback = self._run

    @cached_property
    def _options(self) -> list[click.Parameter]:
        from leeway.runtime.composition import SHARED, settings_of

        options: dict[str, click.Parameter] = {}
        for key, doc in SHARED.items():
            if key != "host":
                options[flag_name(key)] = _option(key, doc)
        for setting in settings_of(self.component):
            default = (
                ""
                if setting.default in ("", None) or not isinstance(setting.default, (int, float, str))
                else setting.default
            )
            options.setdefault(flag_name(setting.key), _option(setting.key, setting.doc, default))
        return [_CONFIG, *options.values()]

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*self._options, *super().get_params(ctx)]

    def _run(self, config: str | None, **flags: str | None) -> None:
        from leeway.runtime.process import run_component

        run_component(self.component, _sources(config, flags))


def _option(key: str, doc: str, default: object = "") -> click.Option:
    said = f" [{env_name(key)}{f'; default {default}' if default != '' else ''}]"
    return click.Option([flag_name(key), key.replace(".", "__")], help=" ".join(doc.split()) + said, metavar="VALUE")


_CONFIG: Final = click.Option(["--config"], help="Settings file [LEEWAY_CONFIG; default leeway.toml]", metavar="FILE")


def _sources(config: str | None, flags: dict[str, str | None]) -> Sources:
    return read_sources({name.replace("__", "."): text for name, text in flags.items()}, config)


for _component in COMPONENTS:
    main.add_command(ComponentCommand(_component))
for _command in (*storage_commands.COMMANDS, prices_commands.prices):
    main.add_command(_command)


def _general_options(command: Callable[..., None]) -> Callable[..., None]:
    from leeway.runtime.composition import DEFAULTS, SHARED

    docs = {
        "data": SHARED["data"],
        "host": "Address to listen on.",
        "clickhouse_url": "A ClickHouse to use instead of the embedded store.",
        "store_port": "Embedded ClickHouse, HTTP.",
        "grpc_port": "OTLP/gRPC.",
        "http_port": "OTLP/HTTP, and the collector's /healthz, /readyz, /metrics.",
        "detectors.port": "The detectors' /healthz, /readyz, /metrics.",
        "api_port": "Control API.",
        "dashboard_port": "Dashboards.",
        "rules": "The rules file.",
        "retention": "The retention file.",
        "log_level": SHARED["log_level"],
    }
    for key, doc in reversed(docs.items()):
        flag = "--detectors-port" if key == "detectors.port" else flag_name(key)
        default = DEFAULTS.get(key, "")
        said = f" [{env_name(key)}{f'; default {default}' if default != '' else ''}]"
        command = click.option(flag, key.replace(".", "__"), help=doc + said, metavar="VALUE")(command)
    return click.option("--config", help="Settings file [LEEWAY_CONFIG; default leeway.toml]", metavar="FILE")(command)


@main.command()
@_general_options
def up(config: str | None, **flags: str | None) -> None:
    """Run everything on this machine; ready when it says so.

    The embedded ClickHouse, the collector, the detectors, the alerts and the dashboards, each in a process of its own.
    A process that dies is started again. One Ctrl-C stops all of it cleanly.
    """
    from leeway.runtime.up import run_up

    sys.exit(run_up(_sources(config, flags)))


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option(
    "--endpoint", default="http://127.0.0.1:4318", show_default=True, metavar="URL", help="http(s):// or grpc(s)://"
)
@click.option(
    "--speed", default="max", show_default=True, metavar="SPEED", help="max, realtime, or a factor such as 10x."
)
@click.option(
    "--shift-to-now", is_flag=True, help="Move all times: the last span ends now (at max), or the first starts now."
)
@click.option(
    "--in-flight", default=128, show_default=True, type=click.IntRange(1, 1024), help="Requests under way at once."
)
@click.option(
    "--retry-for-s",
    default=300.0,
    show_default=True,
    type=click.FloatRange(0),
    help="How long a request is retried when the collector says that a retry makes sense.",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    envvar="OTEL_EXPORTER_OTLP_HEADERS",
    help="name=value sent along, such as authorization=Bearer%20lw_...; several times if need be.",
)
@click.option(
    "--signal",
    type=click.Choice(["traces", "logs", "metrics"]),
    help="What protobuf files hold, where their content does not say.",
)
def replay(
    files: tuple[str, ...],
    endpoint: str,
    speed: str,
    headers: tuple[str, ...],
    signal: Literal["traces", "logs", "metrics"] | None,
    *,
    shift_to_now: bool,
    in_flight: int,
    retry_for_s: float,
) -> None:
    """Send OTLP files to a collector.

    Traces, logs and metrics: JSON lines as OpenTelemetry's file exporter writes them, or length-delimited protobuf;
    gzipped or not; - is standard input. A replay repeated sends the same bytes, so that nothing is there twice. The
    exit status is 0 only if everything was accepted.
    """
    from leeway.runtime.replay_command import replay_files

    ok = replay_files(
        files, endpoint, speed, headers, signal, shift_to_now=shift_to_now, in_flight=in_flight, retry_for_s=retry_for_s
    )
    sys.exit(0 if ok else FAILURE_STATUS)


@main.group()
def rules() -> None:
    """The rules file."""


@rules.command("check")
@click.argument("file", default="leeway-rules.yaml", type=click.Path(path_type=Path))
def rules_check(file: Path) -> None:
    """Validate a rules file; every mistake with its line."""
    from leeway.runtime.rules_command import check_rules

    sys.exit(0 if check_rules(file) else FAILURE_STATUS)


@main.command()
@click.argument("project")
@click.option("--days", type=click.FloatRange(0, min_open=True), help="How long it is good for; without it, for ever.")
def token(project: str, days: float | None) -> None:
    """Make a token that lets senders in.

    Prints the token, once, and the line with its hash that the collector's settings want.
    """
    from leeway.runtime.token_command import make

    make(project, days)


@main.group()
def redaction() -> None:
    """The redaction file."""


@redaction.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("otlp", nargs=-1, metavar="[OTLP…]")
@click.option("--project", default="default", show_default=True, help="Whose rules are meant.")
def redaction_check(file: Path, otlp: tuple[str, ...], project: str) -> None:
    """Validate a redaction file; every mistake with its line.

    Given OTLP files (as for replay) too, say what would be dropped, hashed or masked in them, with examples. Nothing is
    sent or stored.
    """
    from leeway.runtime.redaction_command import check_redaction

    sys.exit(0 if check_redaction(file, otlp, project) else FAILURE_STATUS)


@main.command()
@_general_options
def doctor(config: str | None, **flags: str | None) -> None:
    """Say what is wrong, and what to mend.

    Checks settings, rules, disk, ports, ClickHouse and its clock. Changes nothing. The exit status is 0 when there is
    nothing to mend.
    """
    from leeway.runtime.doctor import tell

    console = Console(highlight=False, soft_wrap=True)
    sys.exit(0 if tell(console, _sources(config, flags)) else FAILURE_STATUS)


@main.command()
@click.argument("rules", type=click.Path(path_type=Path), metavar="RULES")
@click.option("--from", "since", metavar="WHEN", help="First moment, such as 2026-11-01 or 2026-11-01T14:30:00Z.")
@click.option("--to", "until", metavar="WHEN", help="Last moment.")
@click.option("--clickhouse-url", metavar="VALUE", help="Where the spans are [LEEWAY_CLICKHOUSE_URL].")
@click.option("--config", help="Settings file [LEEWAY_CONFIG; default leeway.toml]", metavar="FILE")
def backtest(rules: Path, since: str | None, until: str | None, clickhouse_url: str | None, config: str | None) -> None:
    """Run detectors and rules over stored spans.

    Prints what would have fired and when, as it would have live. No finding and no breaker is written. The same spans
    under the same rules print the same.
    """
    from leeway.runtime.backtest_command import run_backtest

    run_backtest(_sources(config, {"clickhouse_url": clickhouse_url}), rules, since, until)
