"""The bot dies (SIGKILL) once in every tale, at every hop of the two ways through, and is started again.

In every run of the tests: the tale of an approval with a death after each call of a port, at each line of the graph and
at every fifth write to Redis, and some deaths of the other tales. `SIGNOFF_CRASHES=all pytest -n 4 tests/crash` runs
all: each tale with a death before and after each call, before and after each write, and at each line.
"""

import pytest
from crash.harness import LATE, World
from crash.sweep import chosen
from crash.tales import (
    ANSWERED,
    APPROVED,
    AUTOMATIC,
    CALLED,
    CLEANED,
    CLEANED_BY_CALL,
    CLEANED_BY_TASK,
    EDITED,
    EXPIRED,
    STOPPED,
    TALES,
    Tale,
)

CALLS = {
    "approvals.create": 1,
    "approvals.get": 3,
    "approvals.known": 1,
    "approvals.open": 2,
    "approvals.save": 3,
    "chat.draw": 2,
    "chat.say": 1,
    "chat.show_waiting": 1,
    "conversations.get": 2,
    "conversations.save": 1,
    "graphs.read_ahead": 1,
    "graphs.resume_if_pending": 1,
    "graphs.start": 1,
    "lanes.put": 3,
    "lanes.ring": 4,
    "roster.facts": 1,
}
"""How often each method of a port is called while one approval is asked, decided and delivered."""
ELSEWHERE = {"graphs.settle": 1, "lanes.clear_timer": 1, "lanes.set_timer": 1}
"""What only other tales call."""
REACHING = {"chat.copy": 1, "chat.redraw_copy": 2, "chat.signpost": 2}
"""What is called where people are reached besides the card."""

_REACHING = [(what, number) for what, calls in REACHING.items() for number in range(1, calls + 1)]
HOPS = [(what, number) for what, calls in CALLS.items() for number in range(1, calls + 1)]


def hops() -> list[tuple[Tale, str]]:
    every = [
        (tale, f"{when}:{what}:{number}")
        for tale in TALES
        for when in ("before", "after")
        for what, number in HOPS + [(what, 1) for what in ELSEWHERE]
        if tale in (EXPIRED, STOPPED) or what not in ELSEWHERE
    ]
    some = [(APPROVED, f"after:{what}:{number}") for what, number in HOPS if what != "approvals.get" or number % 2]
    others = [
        (AUTOMATIC, "before:approvals.create:1"),
        (AUTOMATIC, "after:approvals.create:1"),
        (AUTOMATIC, "after:graphs.resume_if_pending:1"),
        (AUTOMATIC, "after:chat.draw:1"),
        (EDITED, "after:approvals.save:2"),
        (ANSWERED, "before:approvals.save:2"),
        (ANSWERED, "after:approvals.save:2"),
        (ANSWERED, "after:graphs.resume_if_pending:1"),
        (CLEANED, "after:graphs.resume_if_pending:1"),
        (CLEANED_BY_TASK, "after:graphs.resume_if_pending:1"),
        (CLEANED_BY_TASK, "after:graphs.resume_if_pending:2"),
        (CLEANED_BY_CALL, "after:graphs.resume_if_pending:1"),
        (CLEANED_BY_CALL, "after:graphs.resume_if_pending:2"),
        (EXPIRED, "after:lanes.set_timer:1"),
        (STOPPED, "after:approvals.save:2"),
        (STOPPED, "after:graphs.settle:1"),
        *((CALLED, f"{when}:{what}:{number}") for when in ("before", "after") for what, number in _REACHING),
    ]
    return chosen(every, some + others)


def points() -> list[tuple[Tale, str]]:
    every = [(tale, point) for tale in TALES for point in tale.points]
    others = [
        (CLEANED, "between"),
        (CLEANED_BY_TASK, "between"),
        (CLEANED_BY_CALL, "between"),
        (AUTOMATIC, "after answer"),
    ]
    return chosen(every, [(APPROVED, point) for point in APPROVED.points] + others)


def writes() -> list[tuple[Tale, str, int]]:
    every = [
        (tale, when, number) for tale in TALES for when in ("before", "after") for number in range(1, tale.writes + 1)
    ]
    return chosen(every, [(APPROVED, "after", number) for number in range(3, APPROVED.writes, 5)])


@pytest.mark.promise("P1")
@pytest.mark.parametrize("tale", chosen(TALES, [APPROVED]), ids=str)
async def test_every_hop_is_listed(world: World, tale: Tale) -> None:
    """Where a new call or write appears on the two ways through, it is a new place to die at."""
    tale.begin(world)
    async with world.kept_alive(write=("after", 10_000)) as proxy:
        await tale.tell(world)
        await tale.is_true(world)
    assert world.killed == 0
    assert set(world.hops()) <= {*CALLS, *ELSEWHERE, *REACHING}
    assert proxy.writes <= tale.writes


@pytest.mark.promise("P1")
@pytest.mark.promise("P2")
@pytest.mark.promise("P8")
@pytest.mark.parametrize(("tale", "hop"), hops(), ids=str)
async def test_a_death_at_a_hop_changes_nothing(world: World, tale: Tale, hop: str) -> None:
    tale.begin(world)
    async with world.kept_alive(hop):
        await tale.tell(world)
        await tale.is_true(world)
    assert world.killed == 1 or tale is not APPROVED, "the hop was never come to"


@pytest.mark.promise("P3")
@pytest.mark.parametrize(("tale", "point"), points(), ids=str)
async def test_a_death_in_a_node_changes_nothing(world: World, tale: Tale, point: str) -> None:
    tale.begin(world)
    world.dies(point)
    async with world.kept_alive():
        await tale.tell(world)
        await tale.is_true(world)
    assert world.killed == 1


@pytest.mark.promise("P1")
@pytest.mark.promise("P3")
@pytest.mark.parametrize(("tale", "when", "number"), writes(), ids=str)
async def test_a_death_at_a_write_to_redis_changes_nothing(world: World, tale: Tale, when: str, number: int) -> None:
    tale.begin(world)
    async with world.kept_alive(write=(when, number)) as proxy:
        await tale.tell(world)
        # A write that was on its way behind this one may arrive: then the second click of somebody comes late.
        await tale.is_true(world, *((LATE,) if when == "after" else ()))
    assert world.killed == 1 or proxy.writes < number
