"""`signoff audit`: who did what, when and under which rule: the rows, and each as a line of JSON.

A request or conversation is named by the short id that `/signoff mine` and Home show, by the link to a message of the
conversation, or by the id of a thread or an approval, as in the logs.
"""

import dataclasses
import re
from collections.abc import AsyncIterator, Sequence
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from bot.concealment import shown_value
from bot.config.problems import ConfigProblem, ProblemsError
from bot.wiring.terminal import few, json_line
from engine.approvals.audit import Entry, What
from engine.asks.ask import Json
from engine.ids import ThreadId, thread_of
from engine.ports import Approvals

_SHORT_ID = re.compile(r"[0-9a-f]{4,64}")
_MESSAGE = re.compile(r"/archives/([A-Z0-9]+)/p(\d+)(\d{6})")
HOW = "Give the short id that /signoff mine shows, a link to the conversation, or the thread that the log names."


class Audits(Protocol):
    """The stored rows, by thread."""

    async def of_thread(self, thread: ThreadId) -> Sequence[Entry]:
        """The rows of a thread, oldest first."""

    def threads(self) -> AsyncIterator[ThreadId]:
        """The threads that have an audit, in no order; one may come twice."""


async def rows(which: str, audit: Audits, approvals: Approvals) -> Sequence[Entry]:
    """The rows of a thread or of one request. Raises ProblemsError where there are none, or several are meant."""
    found = await _meant(which.strip(), audit)
    if not found:
        raise ProblemsError([ConfigProblem(which, "No audit rows for this id", HOW)])
    return [await _with_values(row, approvals) for row in found]


async def _meant(which: str, audit: Audits) -> Sequence[Entry]:
    if "#" in which:
        thread = thread_of(which)  # type: ignore[arg-type]
        return [row for row in await audit.of_thread(thread) if row.approval == which]
    if (link := _MESSAGE.search(which)) is not None:
        named = parse_qs(urlsplit(which).query).get("thread_ts", [f"{link[2]}.{link[3]}"])[0]
        ends = (f":{link[1]}:{named}", f":{link[1]}:root")
        found = {each async for each in audit.threads() if each.endswith(ends)}
        return [row for each in sorted(found) for row in await audit.of_thread(each)]
    if _SHORT_ID.fullmatch(which.lower()):
        return await _of_request(which.lower(), audit)
    return await audit.of_thread(ThreadId(which))


async def _of_request(short: str, audit: Audits) -> Sequence[Entry]:
    found: dict[str, list[Entry]] = {}
    for thread in {each async for each in audit.threads()}:
        for row in await audit.of_thread(thread):
            if row.approval.rpartition("#")[2].startswith(short):
                found.setdefault(row.approval, []).append(row)
    if len(found) > 1:
        fix = f"Give more of it: {few(each.rpartition('#')[2] for each in found)}."
        raise ProblemsError([ConfigProblem(short, f"{len(found)} requests have this id", fix)])
    return next(iter(found.values()), [])


def line(row: Entry) -> str:
    """A row as JSON, with its secrets masked."""
    last = None if row.last is None else str(row.last)
    return json_line(dataclasses.asdict(row) | {"at": str(row.at), "last": last, "detail": shown_value(row.detail)})


async def _with_values(row: Entry, approvals: Approvals) -> Entry:
    """Add the values of the actions to a row, which has their names only: the values are stored once, with the ask."""
    if row.what is not What.ASKED or not isinstance(row.detail, dict):
        return row
    ask = await approvals.ask(row.approval)
    if ask is None:
        return row
    values: list[Json] = [{"name": each.name, "value": each.value} for each in ask.actions]
    return dataclasses.replace(row, detail={**row.detail, "actions": values})
