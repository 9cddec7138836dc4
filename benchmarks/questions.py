"""How long people wait for answers with ten million spans stored, and how many bytes a span takes on disk.

A day of a fleet of agents is stored and assembled by Leeway's own processes. Then its pages', calls' and commands'
questions are asked: cold, each of a store that has just started, with the kernel's page cache dropped where it lets us;
and warm, again and again, each time for something else.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from benchmarks import plots, report, servers
from benchmarks.asked import questions
from benchmarks.asking import Answered, Question, ask_cold, ask_warm, store
from benchmarks.day import Day, fill
from benchmarks.screen import Screen, figure, parser, table
from leeway.storage import Database

MILLION: Final = 10**6
BYTES_AIM: Final = 45
JAEGER_BYTES: Final = 76
COLUMNS: Final = 12
"""As many of the largest columns are named."""
SIZES: Final = """
SELECT what, bytes FROM (
    SELECT column AS what, sum(column_bytes_on_disk) AS bytes
    FROM system.parts_columns WHERE active AND database = 'leeway' AND table = 'span_rows' GROUP BY column
    UNION ALL
    SELECT concat('index ', name), sum(data_compressed_bytes + marks_bytes)
    FROM system.data_skipping_indices WHERE database = 'leeway' AND table = 'span_rows' GROUP BY name)
ORDER BY bytes DESC"""
TABLES: Final = """
SELECT table, sum(bytes_on_disk) AS bytes, count() AS parts, sum(rows) AS rows
FROM system.parts WHERE active AND database = 'leeway' GROUP BY table ORDER BY bytes DESC"""

Answers = list[tuple[Question, Answered]]


def main() -> None:
    arguments = _arguments()
    servers.end_cleanly_on_signals()
    console = Console(stderr=arguments.json)
    with Screen(console, "questions: what an answer takes") as screen, ExitStack() as held:
        folder = held.enter_context(servers.folder(Path(arguments.data) if arguments.data else None))
        day = fill(folder, int(arguments.millions * MILLION), screen)
        screen.done(f"{day.spans:,} spans of a day, stored and assembled in {day.filled_s:.0f} s")
        sizes, tables, answers = _ask_all(folder, day, arguments, screen)
    console.print(table("milliseconds from the question to the answer read", _rows(answers), texts=2))
    for line in _facts(sizes, tables):
        console.print(line, highlight=False)
    figures = {
        "environment": report.environment(report.command("benchmarks.questions")),
        "day": asdict(day),
        "answers": [{"question": q.name, "asks": q.asks, "aim_ms": q.aim_ms, **asdict(a)} for q, a in answers],
        "bytes": {row["what"]: row["bytes"] for row in sizes},
        "tables": tables,
    }
    if arguments.json:
        print(json.dumps(figures))
    if arguments.report:
        pictures = {"times": _times(answers), "bytes": _bytes(day, sizes)}
        report.write(Path(arguments.report), "questions", figures, _markdown(day, answers, sizes, tables), pictures)


def _arguments() -> Any:  # noqa: ANN401 - argparse's namespace
    made = parser(__doc__)
    made.add_argument("--millions", type=float, default=10.0, help="spans of the day, in millions (default 10)")
    made.add_argument("--data", metavar="FOLDER", help="keep the day there, and use it when it is there")
    made.add_argument("--cold", type=int, default=3, help="how often each is asked of a new store (default 3)")
    made.add_argument("--warm", type=int, default=40, help="how often each is asked again, at most (default 40)")
    made.add_argument("--only", default="", help="only the questions with this in their names")
    return made.parse_args()


def _ask_all(
    folder: Path, day: Day, arguments: Any, screen: Screen  # noqa: ANN401 - argparse's namespace
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], Answers]:  # fmt: skip
    """What takes which bytes, and every question's times."""
    answers: Answers = []
    with screen.busy("looking up what to ask for"), store(folder) as db:
        wanted = [q for q in questions(db, day) if arguments.only in q.name]
        sizes, tables = _sizes(db), db.rows(TABLES)
    cold: dict[str, tuple[list[float], bool]] = {}
    for n, question in enumerate(wanted, 1):
        with screen.busy(f"cold, {n} of {len(wanted)}: {question.name}"):
            cold[question.name] = ask_cold(folder, question, arguments.cold)
    with store(folder) as db:
        for n, question in enumerate(wanted, 1):
            with screen.busy(f"warm, {n} of {len(wanted)}: {question.name}"):
                warm_ms, rows = ask_warm(db, question, arguments.warm)
            cold_ms, is_dropped = cold[question.name]
            answer = Answered(cold_ms, warm_ms, rows, is_dropped)
            screen.done(f"{question.name}: {figure(answer.warm)} ms warm, {figure(answer.cold)} ms cold")
            answers.append((question, answer))
    return sizes, tables, answers


def _sizes(db: Database) -> list[dict[str, Any]]:
    """By column and index, the largest first; what is in none of them (keys, marks, checksums) as one."""
    rows = db.rows(SIZES)
    total = next(row["bytes"] for row in db.rows(TABLES) if row["table"] == "span_rows")
    rest = total - sum(row["bytes"] for row in rows)
    return [*rows, {"what": "keys and marks", "bytes": max(rest, 0)}]


# -- telling -------------------------------------------------------------------------------------------------------


def _rows(answers: Answers) -> list[dict[str, str]]:
    return [
        {
            "question": q.name,
            "asked by": q.asks,
            "warm, median": figure(a.warm),
            "p95": figure(a.warm_p95),
            "cold": figure(a.cold),
            "aim": f"{q.aim_ms:,.0f} {'✓' if a.warm <= q.aim_ms else '✗'}",
            "published": q.published or "—",
            "rows": f"{a.rows:,}",
        }
        for q, a in answers
    ]


def _facts(sizes: list[dict[str, Any]], tables: list[dict[str, Any]]) -> list[str]:
    spans = next(t for t in tables if t["table"] == "span_rows")
    runs = [t for t in tables if t["table"] in ("run_rows", "observation_rows")]
    each = spans["bytes"] / spans["rows"]
    return [
        (
            f"- **{each:.1f} bytes a span** on disk, everything of `span_rows` (aim {BYTES_AIM}; Jaeger publishes "
            f"{JAEGER_BYTES}), {spans['rows']:,} spans in {spans['parts']} parts as merges left them"
        ),
        f"- runs and observations take {sum(t['bytes'] for t in runs) / spans['rows']:.1f} bytes a span more",
        "- where the bytes go: " + ", ".join(f"{s['what']} {s['bytes'] / spans['rows']:.2f}" for s in sizes[:COLUMNS]),
    ]


def _markdown(day: Day, answers: Answers, sizes: list[dict[str, Any]], tables: list[dict[str, Any]]) -> str:
    dropped = all(a.is_dropped for _, a in answers)
    cache = "and the kernel's page cache dropped before" if dropped else "with whatever the page cache held"
    facts = "\n".join(_facts(sizes, tables))
    return f"""# Questions

What answers take with {day.spans:,} spans of one day stored: two projects, six services of two agents, three versions
of each, runs of 16 spans, every span with 11 to 15 attributes of its own and six of its resource. Milliseconds from
the question to the answer read, over HTTP, by the queries that Leeway's pages and commands send. Warm: a store that
runs, each time asked for something else, median and 95th percentile. Cold: the first question to a store that has just
started, {cache}, median. What others publish is of their machines and their ten million spans.

![Milliseconds](questions-times.png)

{report.table(_rows(answers))}

## Bytes

![Bytes a span](questions-bytes.png)

{facts}"""


def _times(answers: Answers) -> plots.Chart:
    rows = [
        {"case": q.name, "value": value, "what": what}
        for q, a in answers
        for what, value in (("warm", a.warm), ("cold", a.cold), ("aim", q.aim_ms))
    ]
    return plots.dots(rows, "Milliseconds, on a logarithmic axis", "value", "ms", "what")


def _bytes(day: Day, sizes: list[dict[str, Any]]) -> plots.Chart:
    rows = [{"case": s["what"], "value": s["bytes"] / day.spans} for s in sizes[:COLUMNS]]
    rest = sum(s["bytes"] for s in sizes[COLUMNS:]) / day.spans
    return plots.bars([*rows, {"case": "all others", "value": rest}], "Bytes of a span on disk", "value", "bytes")


if __name__ == "__main__":
    main()
