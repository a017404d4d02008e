"""The result of a check, for people and as JSON."""

import json
import sys
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from bot.checks.interrupts import as_json, table
from bot.checks.probes import asked
from bot.config.problems import ConfigProblem
from bot.masking import masked
from engine.asks.ask import Json
from engine.asks.foreseen import Foreseen


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a check. `lines` sum up a valid configuration; `warnings` do not stop the bot.

    `interrupts` are those of each agent whose graph could be loaded, None for one that runs on a LangGraph Server.
    """

    problems: tuple[ConfigProblem, ...]
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    interrupts: Mapping[str, Sequence[Foreseen] | None] = field(default_factory=dict)


@dataclass(slots=True)
class Findings:
    """Everything found so far. `notes` are lines for the summary."""

    problems: list[ConfigProblem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    async def ask(self, question: Awaitable[Sequence[str]], where: str) -> None:
        """Ask a probe that answers with warnings."""
        answer, problems = await asked(question, where)
        self.warnings += answer or ()
        self.problems += problems


def show(report: Report, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Print a report, problems and warnings on stderr; gives the exit code."""
    out, err = out or sys.stdout, err or sys.stderr
    err.writelines(masked(f"warning: {' '.join(each.split())}\n") for each in report.warnings)
    err.writelines(masked(f"{problem}\n") for problem in report.problems)
    if not report.problems:
        out.writelines(f"{line}\n" for line in report.lines)
    out.writelines(masked(f"{line}\n") for line in table(report.interrupts))
    return 1 if report.problems else 0


def show_json(report: Report, out: TextIO | None = None) -> int:
    """Print a report as one JSON object (see docs/check.md); gives the exit code."""
    problems: list[Json] = [{"where": each.where, "what": each.what, "fix": each.fix} for each in report.problems]
    agents: dict[str, Json] = {name: as_json(each) for name, each in report.interrupts.items()}
    made: dict[str, Json] = {
        "version": 1,
        "ok": not report.problems,
        "faults": problems,
        "warnings": [*report.warnings],
        "summary": [*report.lines],
        "agents": agents,
    }
    (out or sys.stdout).write(json.dumps(_masked(made), ensure_ascii=False, indent=2) + "\n")
    return 1 if report.problems else 0


def _masked(value: Json) -> Json:
    """A value without secrets in its texts."""
    match value:
        case str():
            return masked(value)
        case list():
            return [_masked(each) for each in value]
        case dict():
            return {masked(key): _masked(each) for key, each in value.items()}
    return value
