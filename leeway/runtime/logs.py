"""Logs: structlog's events and everybody else's, one line each on standard error."""

from __future__ import annotations

import logging
import sys
from typing import Final

import structlog

from leeway.runtime.mistake import Mistake

LEVELS: Final = ("debug", "info", "warning", "error")
FORMATS: Final = ("auto", "json", "console")
NOISY: Final = ("httpx", "httpcore", "apscheduler", "urllib3", "watchdog", "asyncio", "grpc", "uvicorn.access")
"""Libraries whose info is our debug."""
OURS_TO_TELL: Final = ("clickhouse_connect",)
"""Libraries that log what they also raise; whoever catches it says it better."""


def quieten() -> None:
    """Let libraries not tell a failure that we tell."""
    for name in OURS_TO_TELL:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def configure_logs(component: str, level: str, style: str) -> None:
    """Send every log record of this process to standard error, with the component's name on it.

    Args:
        style: 'json', 'console', or 'auto': console for a terminal, else JSON.

    Raises:
        Mistake: An unknown level or style.
    """
    if level not in LEVELS:
        raise Mistake(f"log_level is {level!r}; it must be one of {', '.join(LEVELS)}")
    if style not in FORMATS:
        raise Mistake(f"log_format is {style!r}; it must be one of {', '.join(FORMATS)}")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    json = style == "json" or (style == "auto" and not sys.stderr.isatty())
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
        if json
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    quieten()
    logging.captureWarnings(capture=True)
    structlog.contextvars.bind_contextvars(component=component)
