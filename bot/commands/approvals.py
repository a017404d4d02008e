"""`signoff approvals`: the requests that wait, since when and for whom, and those that ended lately.

What waits comes first, the oldest at the top; then what ended, the latest at the top. The table is cut to the width of
the terminal; in a pipe nothing is cut. Below each row stands the link to its card. `--json` has everything.
"""

import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.commands.named import short_id
from bot.config.problems import ConfigProblem, ProblemsError, suggestion
from bot.wiring.storage import Storage
from bot.wiring.terminal import Described, Directory, Names, described, json_line, line, made
from engine.approvals.approval import Approval, Review, State, people_of
from engine.asks.ask import Choice, Json
from engine.authority.parts import Part
from engine.ids import UserId
from engine.sources import Origin

LATELY = 40
_PIECE = 200
_GAP = "  "
_INDENT = " " * 10
_HEAD = ("ID", "STATE", "ASKED", "UNTIL", "AGENT", "CHANNEL", "VOTES", "FOR / BY", "REQUEST")
_WIDEST = {"STATE": 9, "AGENT": 12, "CHANNEL": 12, "FOR / BY": 22}
_NARROWEST = {"ASKED": 7, "UNTIL": 7, "VOTES": 6}
"""Columns whose cells may get longer behind the first piece."""
_NARROWEST_REQUEST = 12


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command. `agents` are those of `app.yaml`."""

    agent: str | None
    agents: Sequence[str]
    pending: bool
    as_json: bool


async def show(kept: Storage, directory: Directory, asked: Asked, now: datetime) -> int:
    """Print the list, piece by piece; returns the exit code. Raises ProblemsError for an agent that is not known."""
    table = _Table(now, _width())
    async for piece in _pieces(kept, asked):
        names = await directory.names(
            (each.home.team for each in piece), (user for each in piece for user in _everybody(each))
        )
        lines = (json_line(_row(each, names)) for each in piece) if asked.as_json else table.lines(piece, names)
        sys.stdout.writelines(f"{each}\n" for each in lines)
        sys.stdout.flush()
        table.is_empty = False
    if table.is_empty and asked.agent is not None and asked.agent not in asked.agents:
        what = f'there is no agent "{line(asked.agent)}"'
        raise ProblemsError([ConfigProblem("--agent", what, suggestion(asked.agent, asked.agents))])
    if table.is_empty and not asked.as_json:
        sys.stderr.write("No request waits.\n" if asked.pending else "No request waits, and none ended lately.\n")
    return 0


async def _pieces(kept: Storage, asked: Asked) -> AsyncIterator[Sequence[Approval]]:
    """What waits, then what ended lately, in pieces: there may be tens of thousands."""
    piece: list[Approval] = []
    async for each in _listed(kept, pending=asked.pending):
        if asked.agent in (None, each.agent):
            piece.append(each)
        if len(piece) == _PIECE:
            yield piece
            piece = []
    if piece:
        yield piece


async def _listed(kept: Storage, *, pending: bool) -> AsyncIterator[Approval]:
    async for each in kept.listing.every_pending():
        yield each
    for each in () if pending else await kept.listing.closed_lately(LATELY):
        yield each


# For people -----------------------------------------------------------------------------------------------------------


class _Table:
    """The lines of the table, at most `width` columns wide. The first piece gives each column its width."""

    def __init__(self, now: datetime, width: int | None) -> None:
        self._now, self._width = now, width
        self._widths: Sequence[int] = ()
        self.is_empty = True

    def lines(self, piece: Sequence[Approval], names: Names) -> Iterator[str]:
        """The lines of some approvals, with the head before the first."""
        rows = [_cells(each, described(each, names), names, self._now) for each in piece]
        if not self._widths:
            self._widths = self._fitting([_HEAD, *rows])
            yield self._line(_HEAD)
        for row, each in zip(rows, piece, strict=True):
            yield self._line(row)
            if link := names.link(each):
                yield f"{_INDENT}{link}"

    def _line(self, row: Sequence[str]) -> str:
        cells = (self._cut(cell, wide).ljust(wide) for cell, wide in zip(row, self._widths, strict=True))
        return _GAP.join(cells).rstrip()

    def _cut(self, cell: str, wide: int) -> str:
        return cell if self._width is None or len(cell) <= wide else f"{cell[: wide - 1]}…"

    def _fitting(self, rows: Sequence[Sequence[str]]) -> Sequence[int]:
        widest = [max(_NARROWEST.get(name, 0), *(len(row[at]) for row in rows)) for at, name in enumerate(_HEAD[:-1])]
        if self._width is None:
            return [*widest, 0]
        widths = [min(wide, _WIDEST.get(name, self._width)) for name, wide in zip(_HEAD, widest, strict=False)]
        left = self._width - sum(widths) - len(_GAP) * len(widths)
        return [*widths, max(left, _NARROWEST_REQUEST)]


def _cells(approval: Approval, said: Described, names: Names, now: datetime) -> tuple[str, ...]:
    ends = approval.expires_at if approval.state is State.PENDING else None
    voters = names.plain(", ".join(f"<@{each}>" for each in approval.deciders))
    return (
        short_id(approval),
        _state(approval),
        _span(now - approval.created_at),
        "-" if ends is None else _span(ends - now),
        line(approval.agent),
        names.channel(approval.place.channel),
        _votes(approval) or "-",
        said.whom or voters or "-",
        said.request,
    )


def _state(approval: Approval) -> str:
    """`pending`, or how it ended in its card's word: `approved`, `retried`, `withdrawn`, `expired`."""
    ended_by_people = approval.state in (State.DECIDED, State.DELIVERED, State.STOPPED)
    return made(approval) if ended_by_people else approval.state.value


def _votes(approval: Approval) -> str:
    """`1/2` for the first action that is not decided, `0/1 +2` if two more wait."""
    waiting = [each for each in approval.reviews if each.decision is None]
    if approval.state is not State.PENDING or not waiting:
        return ""
    more = f" +{len(waiting) - 1}" if len(waiting) > 1 else ""
    return f"{_approvals(waiting[0])}/{waiting[0].policy.quorum}{more}"


def _approvals(review: Review) -> int:
    return sum(vote.choice is not Choice.REJECT for vote in review.votes)


def _span(length: timedelta) -> str:
    """`40 s`, `12 min`, `3 h`, `2 d`; 0 s for what is over."""
    seconds = max(0, int(length.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


# For programs ---------------------------------------------------------------------------------------------------------


def _row(approval: Approval, names: Names) -> dict[str, Json]:
    said = described(approval, names)
    return {
        "id": short_id(approval),
        "approval": approval.id,
        "state": approval.state.value,
        "agent": approval.agent,
        "kind": approval.ask.kind.value,
        "request": said.request,
        "actions": [line(action.name) for action in approval.ask.actions],
        "requester": approval.requester,
        "requester_name": names.people.get(approval.requester),
        "names": {user: names.people[user] for user in _everybody(approval) if user in names.people},
        "channel": approval.place.channel,
        "channel_name": names.channels.get(approval.place.channel),
        "thread_ts": approval.place.thread_ts,
        "card": approval.card,
        "link": names.link(approval) or None,
        "thread": approval.thread,
        "asked_at": _time(approval.created_at),
        "expires_at": _time(approval.expires_at) if approval.state is State.PENDING else None,
        "ended_at": _time(approval.closed_at),
        "waits_for": said.whom or None,
        "approvers": [part for review in _open(approval) for part in _parts(review)],
        "votes": [_vote(index, review) for index, review in enumerate(approval.reviews)],
        "outcome": said.outcome or None,
        "rule": approval.rule,
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _open(approval: Approval) -> Sequence[Review]:
    return [each for each in approval.reviews if each.decision is None and approval.state is State.PENDING]


def _parts(review: Review) -> Iterator[Json]:
    for number, stage in enumerate(review.governing.stages, 1):
        yield from ({"stage": number, "quorum": part.quorum, **_people(part)} for part in stage)


def _people(part: Part) -> dict[str, Json]:
    def of(origin: Origin) -> list[Json]:
        return [line(each.label or each.name) for each in part.sources if each.origin is origin]

    return {
        "users": [*sorted(part.named)],
        "groups": of(Origin.GROUP),
        "oncall": of(Origin.ON_CALL),
        "channel": any(each.origin is Origin.CHANNEL for each in part.sources),
        "requester": any(each.origin is Origin.REQUESTER for each in part.sources),
    }


def _vote(index: int, review: Review) -> Json:
    voters: list[Json] = [
        {"by": vote.by, "choice": vote.choice.value, "at": vote.at.isoformat()} for vote in review.votes
    ]
    return {"action": index, "approvals": _approvals(review), "quorum": review.policy.quorum, "by": voters}


def _everybody(approval: Approval) -> Iterator[UserId]:
    """The requester, the voters, and the people whom the rules of open actions name."""
    yield from people_of(approval)
    for review in _open(approval):
        for part in review.governing.parts:
            yield from sorted(part.named)
