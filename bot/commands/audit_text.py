"""The rows of the audit in words, for people: when, who, what happened, under which rule.

On a terminal the lines are wrapped; elsewhere each row is one line, for grep, and the values of a request follow it in
indented lines.
"""

import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from bot import concealment
from bot.wiring.terminal import Directory, Names, line, value_line
from engine.approvals.audit import Entry, What
from engine.asks.ask import Json
from engine.ids import TeamId, UserId

_INDENT = " " * 4
_NARROWEST = 40
_DONE = {
    What.ASKED: "asked",
    What.VOTED: "voted",
    What.EDITED: "changed and approved",
    What.DECIDED: "decided",
    What.ANSWERED: "answered",
    What.REFUSED: "was refused",
    What.REMINDED: "people were reminded",
    What.ESCALATED: "escalated",
    What.CALLED: "people were notified",
    What.LOOKING: "is looking at it",
    What.HANDED_OVER: "handed it over",
    What.EXTENDED: "moved the deadline",
    What.NUDGED: "sent a reminder",
    What.FELL: "may no longer decide: the vote no longer counts",
    What.EXPIRED: "expired",
    What.STOPPED: "the run was stopped",
    What.WITHDRAWN: "withdrew it",
    What.DELIVERED: "the graph has the answer",
    What.UNDELIVERABLE: "was not delivered",
    What.CHANGED: "the graph changed its request after the decision",
    What.TRAVELLED: "restarted the conversation from an earlier step",
    What.GRANTED: "allowed calls like this for a while",
    What.GRANT_USED: "was allowed by a grant",
    What.GRANT_REVOKED: "revoked the grant",
}
_SAID_ALREADY = frozenset({"digest", "actions", "grounds", "operator"})
"""Details that stand elsewhere in the line, or that `--json` has for programs."""
_SHORT = 8


async def lines(rows: Sequence[Entry], directory: Directory) -> Sequence[str]:
    """The rows as lines of text."""
    teams = (TeamId(row.thread.partition(":")[0]) for row in rows)
    names = await directory.names(teams, (row.who for row in rows if row.who is not None))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return [each for row in rows for each in _wrapped(in_words(row, names), width)]


def in_words(row: Entry, names: Names) -> Sequence[str]:
    """A row as one line, and the values of a request in a line each."""
    detail = concealment.shown_value(row.detail)
    details = detail if isinstance(detail, dict) else {}
    times = f" ({row.times} times, last {row.last:%Y-%m-%d %H:%M:%S})" if row.times > 1 and row.last else ""
    parts = [
        f"{row.at:%Y-%m-%d %H:%M:%S} UTC",
        row.approval.rpartition("#")[2][:_SHORT],
        f"{_who(row, details, names)}{_DONE[row.what]}{_details(detail, names)}{times}",
        f"[{row.rule}]" if row.rule else "",
    ]
    values = details.get("actions") if row.what is What.ASKED else None
    return [line("  ".join(each for each in parts if each)), *map(line, _values(values))]


def _who(row: Entry, details: Mapping[str, Json], names: Names) -> str:
    if row.who is not None:
        return f"{names.person(row.who)} "
    if "operator" in details:
        return f"the operator {details['operator']} "
    return "the graph " if row.what in (What.ASKED, What.WITHDRAWN) else ""


def _details(detail: Json, names: Names) -> str:
    if isinstance(detail, dict):
        told = [f"{key}: {_shown(each, names)}" for key, each in detail.items() if key not in _SAID_ALREADY]
        return f": {', '.join(told)}" if told else ""
    return "" if detail is None else f": {_shown(detail, names)}"


def _shown(value: Json, names: Names) -> str:
    if isinstance(value, str):
        return names.people.get(UserId(value), value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(_shown(each, names) for each in value)
    return value_line(value)


def _values(actions: Json) -> Iterator[str]:
    for action in actions if isinstance(actions, list) else ():
        if not isinstance(action, dict):
            yield str(action)
            continue
        value = action.get("value")
        yield str(action.get("name"))
        if isinstance(value, dict):
            yield from (f"{name}: {value_line(each)}" for name, each in value.items())
        elif value is not None:
            yield value_line(value)


def _wrapped(row: Sequence[str], width: int | None) -> Iterator[str]:
    head, *values = row
    indented = [f"{_INDENT}{each}" for each in values]
    if width is None:
        yield from (head, *indented)
        return
    for each in (head, *indented):
        indent = _INDENT * (2 if each.startswith(_INDENT) else 1)
        yield from textwrap.wrap(each, max(width, _NARROWEST), subsequent_indent=indent) or [""]
