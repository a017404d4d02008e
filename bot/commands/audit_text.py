"""The rows of the audit in words, for people: when, who, what happened, under which rule.

On a terminal the lines are wrapped; elsewhere each row is one line, for grep, and the values of a request follow it in
indented lines.
"""

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from bot import concealment
from bot.wiring.terminal import Directory, Names, line, value_line
from engine.approvals.audit import Entry, What
from engine.asks.ask import Json
from engine.ids import TeamId, UserId

_INDENT = " " * 4
_NARROWEST = 40
DONE: Final[Mapping[What, str]] = {
    What.ASKED: "the graph asked",
    What.VOTED: "voted",
    What.EDITED: "changed and approved",
    What.DECIDED: "decided",
    What.ANSWERED: "answered",
    What.REFUSED: "was refused",
    What.REMINDED: "people were reminded",
    What.ESCALATED: "escalated to more people",
    What.CALLED: "people were notified",
    What.LOOKING: "is looking at it",
    What.HANDED_OVER: "handed the decision over",
    What.EXTENDED: "moved the deadline",
    What.NUDGED: "sent a reminder",
    What.FELL: "may no longer decide, so the vote no longer counts",
    What.EXPIRED: "nobody decided in time",
    What.STOPPED: "the run was stopped",
    What.WITHDRAWN: "withdrew the request",
    What.DELIVERED: "the graph got the answer",
    What.UNDELIVERABLE: "the graph did not get the answer",
    What.CHANGED: "the graph changed its request after the decision",
    What.TRAVELLED: "restarted the conversation from an earlier step",
    What.GRANTED: "allowed calls like this for a while",
    What.GRANT_USED: "a grant allowed the call",
    What.GRANT_REVOKED: "revoked a grant",
}
"""What each kind of row tells, behind the name of the person who did it."""
_TRIED: Final = {
    "looked": "look at it",
    "handedover": "hand the decision over",
    "extended": "move the deadline",
    "nudged": "send a reminder",
    "cancelled": "withdraw the request",
    "takenback": "withdraw the request",
}
"""The acts of refusals that are no choices on the card."""
_FOR_PROGRAMS: Final = frozenset({"digest", "actions", "action", "revision", "grounds", "operator", "choice"})
"""Details that stand elsewhere in the line, or that only `--json` has."""
_FREE_TEXT: Final = frozenset({"reason"})
"""Details in a person's own words: an id in them is no person of ours."""
_SHORT = 8
_USER = re.compile(r"[UW][A-Z0-9]{2,}")
_NEEDS_QUOTES = re.compile(r'[,:;] |["\[\]]|^$')
"""Texts that could pass for another part of the line."""


async def lines(rows: Sequence[Entry], directory: Directory) -> Sequence[str]:
    """The rows as lines of text."""
    teams = (TeamId(row.thread.partition(":")[0]) for row in rows)
    names = await directory.names(teams, (user for row in rows for user in _people(row)))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    batches = {row.approval for row in rows if len(_actions(row)) > 1}
    return [each for row in rows for each in _wrapped(in_words(row, names, of_batch=row.approval in batches), width)]


def in_words(row: Entry, names: Names, *, of_batch: bool = False) -> Sequence[str]:
    """A row as one line, and the values of a request in a line each. `of_batch`: its request has several actions."""
    detail = concealment.shown_value(row.detail)
    details = detail if isinstance(detail, dict) else {}
    times = f" ({row.times} times, last {_moment(row.last)})" if row.times > 1 and row.last else ""
    number = details.get("action")
    which = f" on action {number + 1}" if of_batch and isinstance(number, int) else ""
    told = "".join(f", {each}" for each in _told(details, names))
    parts = (
        _moment(row.at),
        row.approval.rpartition("#")[2][:_SHORT],
        f"{_who(row, details, names)}{_did(row, details)}{which}{told}{times}",
        f"[{row.rule}]" if row.rule else "",
    )
    values = _values(details.get("actions")) if row.what is What.ASKED else ()
    return ["  ".join(line(each) for each in parts if each), *map(line, values)]


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _people(row: Entry) -> Iterator[UserId]:
    if row.who is not None:
        yield row.who
    for each in row.detail.values() if isinstance(row.detail, dict) else ():
        for text in each if isinstance(each, list) else [each]:
            if isinstance(text, str) and _USER.fullmatch(text):
                yield UserId(text)


def _actions(row: Entry) -> Sequence[Json]:
    found = row.detail.get("actions") if row.what is What.ASKED and isinstance(row.detail, dict) else None
    return found if isinstance(found, list) else ()


def _who(row: Entry, details: Mapping[str, Json], names: Names) -> str:
    if row.who is not None:
        return f"{names.person(row.who)} "
    if "operator" in details:
        return f"the bot's operator (user {_quoted(str(details['operator']))} on its machine) "
    if row.what is What.DECIDED:
        return "the rule "
    return "the graph " if row.what is What.WITHDRAWN else ""


def _did(row: Entry, details: Mapping[str, Json]) -> str:
    choice = str(details.get("choice", ""))
    if row.what is What.REFUSED:
        return f"tried to {_TRIED.get(choice, choice)} and {DONE[row.what]}"
    outcome = choice or (_quoted(row.detail) if isinstance(row.detail, str) else "")
    return f"{DONE[row.what]}: {outcome}" if outcome else DONE[row.what]


def _told(details: Mapping[str, Json], names: Names) -> Iterator[str]:
    for key, each in details.items():
        if key == "refusal":
            yield str(each).replace("_", " ")
        elif key not in _FOR_PROGRAMS:
            shown = _quoted(each) if key in _FREE_TEXT and isinstance(each, str) else _shown(each, names)
            yield f"{key.replace('_', ' ')}: {shown}"


def _shown(value: Json, names: Names) -> str:
    if isinstance(value, str):
        return names.person(UserId(value)) if _USER.fullmatch(value) else _quoted(value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return " and ".join(_shown(each, names) for each in value)
    return value_line(value)


def _quoted(text: str) -> str:
    return json.dumps(line(text), ensure_ascii=False) if _NEEDS_QUOTES.search(text) else text


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
        yield from textwrap.wrap(each, max(width, _NARROWEST), subsequent_indent=indent, break_on_hyphens=False)
