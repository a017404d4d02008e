"""`signoff audit`: who did what, when and under which rule: the rows, and each as a line of JSON.

A request or conversation is named by the short id that `/signoff mine` and Home show, by the link to a message of the
conversation, or by the id of a thread or an approval, as in the logs.
"""

import contextlib
import dataclasses
import re
from collections.abc import Collection, Sequence

from bot.commands.named import Message, message_of, requests_named
from bot.concealment import shown_value
from bot.config.problems import ConfigProblem, ProblemsError
from bot.wiring.storage import Storage
from bot.wiring.terminal import few, json_line
from engine.approvals.audit import Entry, What
from engine.asks.ask import Json
from engine.ids import ApprovalId, ThreadId, thread_of
from engine.ports import Approvals

_SHORT_ID = re.compile(r"[0-9a-f]{4,64}")
HOW = (
    "Give the short id that /signoff mine shows, a link to the conversation, or the thread that the log names. "
    "What signoff demo keeps is read with --demo .signoff."
)


async def rows(which: str, kept: Storage) -> Sequence[Entry]:
    """The rows of a thread or of one request. Raises ProblemsError where there are none, or several are meant."""
    which = which.strip()
    message = message_of(which)
    found = await (_meant(which, kept) if message is None else _of_message(message, which, kept))
    if not found:
        raise ProblemsError([ConfigProblem(which, "No audit rows for this id", HOW)])
    return [await _with_values(row, kept.approvals) for row in found]


async def _of_message(message: Message, link: str, kept: Storage) -> Sequence[Entry]:
    """The rows of the conversation that a message stands in, or of that which a card in another channel is of."""
    ends = (f":{message.channel}:{message.thread}", f":{message.channel}:root")
    threads = {each async for each in kept.audit.threads() if each.endswith(ends)}
    threads = threads or {each.thread for each in await requests_named(kept, link)}
    return [row for each in sorted(threads) for row in await kept.audit.of_thread(each)]


async def _meant(which: str, kept: Storage) -> Sequence[Entry]:
    if "#" in which:
        with contextlib.suppress(ValueError):  # no id of a request
            return [row for row in await kept.audit.of_thread(thread_of(ApprovalId(which))) if row.approval == which]
        return ()
    if _SHORT_ID.fullmatch(which.lower()):
        return await _of_request(which.lower(), kept)
    return await kept.audit.of_thread(ThreadId(which))


async def _of_request(short: str, kept: Storage) -> Sequence[Entry]:
    found = await _rows_of(short, {each async for each in kept.audit.threads_asking(short)}, kept)
    if not found:  # an earlier version kept the audit longer than the request
        found = await _rows_of(short, {each async for each in kept.audit.threads()}, kept)
    if len(found) > 1:
        fix = f"Give more of it: {few(each.rpartition('#')[2] for each in found)}."
        raise ProblemsError([ConfigProblem(short, f"{len(found)} requests have this id", fix)])
    return next(iter(found.values()), [])


async def _rows_of(short: str, threads: Collection[ThreadId], kept: Storage) -> dict[str, list[Entry]]:
    """The rows of these threads about requests whose id begins so, by request."""
    found: dict[str, list[Entry]] = {}
    for thread in threads:
        for row in await kept.audit.of_thread(thread):
            if row.approval.rpartition("#")[2].startswith(short):
                found.setdefault(row.approval, []).append(row)
    return found


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
