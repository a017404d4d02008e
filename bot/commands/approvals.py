"""`signoff approvals`: the requests that wait, since when and for whom, and those that ended lately.

What waits comes first, the oldest at the top; then what ended, the latest at the top. The table is cut to the width of
the terminal, and to `WIDTH` columns where there is none; `--json` has everything.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from bot.config.problems import ConfigProblem, ProblemsError, suggestion
from bot.config.settings import Config
from bot.wiring.storage import Storage
from bot.wiring.terminal import Described, Names, described, line, names_of
from engine.approvals.approval import Approval, Review, State, people_of
from engine.asks.ask import Choice, Json
from engine.authority.parts import Part
from engine.ids import UserId
from engine.machine import outcome_of
from engine.sources import Origin

WIDTH = 100
MOST = 1_000
LATELY = 40
_SHORT = 8
_GAP = "  "
_HEAD = ("ID", "STATE", "ASKED", "UNTIL", "AGENT", "CHANNEL", "VOTES", "FOR / BY", "REQUEST")
_WIDEST = {"STATE": 9, "AGENT": 12, "CHANNEL": 12, "FOR / BY": 22}
_NARROWEST_REQUEST = 12


async def show(config: Config, kept: Storage, agent: str | None, *, pending: bool, as_json: bool, now: datetime) -> int:
    """Print the list; returns the exit code. Raises ProblemsError for an agent that is not known."""
    listed = await _found(config, kept, agent, pending=pending)
    users = (user for each in listed for user in (*people_of(each), *_named(each)))
    names = await names_of(config, kept, (each.home.team for each in listed), users)
    if as_json:
        sys.stdout.writelines(f"{json.dumps(_row(each, names), ensure_ascii=False)}\n" for each in listed)
    elif listed:
        sys.stdout.writelines(f"{row}\n" for row in table(listed, names, now, _width()))
    else:
        sys.stderr.write("No request waits.\n" if pending else "No request waits, and none ended lately.\n")
    return 0


async def _found(config: Config, kept: Storage, agent: str | None, *, pending: bool) -> Sequence[Approval]:
    listed = [*await kept.listing.pending(MOST), *([] if pending else await kept.listing.closed_lately(LATELY))]
    if agent is None:
        return listed
    own = [each for each in listed if each.agent == agent]
    if not own and agent not in config.agents:
        what = f'there is no agent "{line(agent)}"'
        raise ProblemsError([ConfigProblem("--agent", what, suggestion(agent, config.agents))])
    return own


def short_id(approval: Approval) -> str:
    """The id of a request in commands."""
    return approval.id.rpartition("#")[2][:_SHORT]


# For people -----------------------------------------------------------------------------------------------------------


def table(listed: Sequence[Approval], names: Names, now: datetime, width: int) -> Iterator[str]:
    """The lines of the table, at most `width` columns wide."""
    rows = [_HEAD, *(_cells(each, described(each, names), names, now) for each in listed)]
    widths = [min(max(len(row[at]) for row in rows), _WIDEST.get(name, WIDTH)) for at, name in enumerate(_HEAD)]
    left = width - sum(widths[:-1]) - len(_GAP) * (len(_HEAD) - 1)
    widths[-1] = max(left, _NARROWEST_REQUEST)
    for row in rows:
        cells = (_fitted(cell, wide) for cell, wide in zip(row, widths, strict=True))
        yield _GAP.join(cells).rstrip()


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
    """`pending`, or how it ended: `approved`, `withdrawn`, `expired`."""
    ended_by_people = approval.state in (State.DECIDED, State.DELIVERED, State.STOPPED)
    return outcome_of(approval) if ended_by_people else approval.state.value


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


def _fitted(cell: str, wide: int) -> str:
    return cell.ljust(wide) if len(cell) <= wide else f"{cell[: wide - 1]}…"


def _width() -> int:
    return shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH


# For programs ---------------------------------------------------------------------------------------------------------


def _row(approval: Approval, names: Names) -> Mapping[str, Json]:
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
        "channel": approval.place.channel,
        "channel_name": names.channels.get(approval.place.channel),
        "thread_ts": approval.place.thread_ts,
        "card": approval.card,
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


def _named(approval: Approval) -> Iterator[UserId]:
    for review in _open(approval):
        for part in review.governing.parts:
            yield from sorted(part.named)
