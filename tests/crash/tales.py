"""The tales that are told over every crash: each is what people do and see, and what must be true afterwards."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crash.harness import LATE, World
from fakes.people import Message, Outcome

from engine.approvals.audit import What


@dataclass(frozen=True, slots=True)
class Tale:
    """`tell` is what people do; `did` what the graph must have done; `rows` the audit of each approval.

    `writes` is a bound of its writes to Redis, `points` the lines of its graph that can kill.
    """

    name: str
    flow: str
    tell: Callable[[World], Awaitable[None]]
    did: Sequence[str]
    rows: Sequence[What]
    writes: int
    points: Sequence[str]
    approvals: int = 1
    rules: Sequence[Mapping[str, Any]] = ()

    def __str__(self) -> str:
        return self.name

    def begin(self, world: World) -> None:
        """Write the configuration."""
        world.configure(self.flow, approvals=self.rules)

    async def is_true(self, world: World, *late: str) -> None:
        """Check what must hold whatever died: decided once, resumed once, told once, nothing left over.

        `late` are the sentences to one person that are no surprise.
        """
        await world.nothing_else(*late)
        world.did(*self.did)
        kept = await world.kept()
        assert len(kept.approvals) == self.approvals, kept.approvals
        kept.decided_once(*self.rows, refused=LATE in late)


async def _approve(world: World) -> None:
    await world.ask("billing")
    card = await world.bob.expect_card("#deploys", containing="billing")
    await world.approve(card)
    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="Shipped billing x2")


async def _by_rule(world: World) -> None:
    await world.ask("billing")
    await world.alice.expect_message("#deploys", containing="Shipped billing x2")
    card = await world.alice.expect_message("#deploys", containing="Approved automatically by approvals[0]")
    await card.becomes("Approved automatically", buttons=[])


async def _edit(world: World) -> None:
    await world.ask("billing")
    card = await world.bob.expect_card("#deploys", containing="billing")
    await _send_form(world, card, "Edit", {"replicas": "5"})
    await card.becomes("Approved with changes by", buttons=[])
    await world.alice.expect_message("#deploys", containing="Shipped billing x5")


async def _answer(world: World) -> None:
    await world.ask("a trip")
    first = await world.alice.expect_message("#deploys", containing="Which city?")
    await world.alice.say("#deploys", "Rome", thread=first)
    second = await world.alice.expect_message("#deploys", containing="Which day?")
    await world.alice.say("#deploys", "Monday", thread=second)
    await world.alice.expect_message("#deploys", containing="Booked Rome on Monday.")
    await first.becomes("Rome", buttons=[])
    await second.becomes("Monday", buttons=[])


async def _clean(world: World) -> None:
    await world.ask("clean up")
    logs = await world.bob.expect_card("#deploys", containing="Delete the logs?")
    await world.approve(logs)
    production = await world.bob.expect_card("#deploys", containing="Delete PRODUCTION?")
    await logs.becomes("Approved by", buttons=[])
    await _send_form(world, production, "Reject", {"Reason": "never"})
    await production.becomes("Rejected by", buttons=[])
    await world.alice.expect_message("#deploys", containing="logs True, production False")


async def _expire(world: World) -> None:
    await world.ask("billing")
    card = await world.bob.expect_card("#deploys", containing="billing")
    await world.alice.expect_message("#deploys", containing="Kept billing")
    await card.becomes("billing", buttons=[])


async def _stop(world: World) -> None:
    await world.ask("Dear Bob")
    card = await world.bob.expect_card("#deploys", containing="Dear Bob")
    await _send_form(world, card, "Reject", {"Reason": "never"})
    await card.becomes("The run was stopped.", buttons=[])
    await world.alice.expect_message("#deploys", containing="Reason: never")


async def _call(world: World) -> None:
    await world.ask("billing")
    card = await world.bob.expect_card("#approvals", containing="billing")
    copy = await world.bob.expect_card("dm", containing="billing")
    sign = await world.alice.expect_message("#deploys", containing="Waiting for a decision in")
    await world.approve(copy)
    for each in (card, copy):
        await each.becomes("Approved by", buttons=[])
    await sign.becomes("Approved by")
    await world.alice.expect_message("#deploys", containing="Shipped billing x2")


async def _send_form(world: World, card: Message, button: str, values: Mapping[str, Any]) -> None:
    async def act() -> Outcome:
        pressed = await card.click(button, by=world.bob, stale=True)
        return await (await world.bob.expect_form()).submit(dict(values)) if pressed.acked else pressed

    await world.insist(card, act)


_DECIDED = (What.ASKED, What.VOTED, What.DECIDED, What.DELIVERED)
_AROUND = ("before interrupt", "after answer", "after reviewed", "in act", "after act", "in tell")
_TWICE = ("after answer", "between", "after second answer", "after both")

APPROVED = Tale(
    "approved", "deploy", _approve, ("reviewed continue", "deployed billing x2"), _DECIDED, 44, ("in plan", *_AROUND)
)
EDITED = Tale(
    "edited",
    "deploy",
    _edit,
    ("reviewed update", "deployed billing x5"),
    (What.ASKED, What.EDITED, What.DECIDED, What.DELIVERED),
    44,
    _AROUND,
)
ANSWERED = Tale(
    "answered",
    "trip",
    _answer,
    ("city Rome", "day Monday"),
    (What.ASKED, What.ANSWERED, What.DELIVERED),
    56,
    _TWICE,
    approvals=2,
)
CLEANED = Tale("cleaned", "cleaning", _clean, ("logs deleted",), _DECIDED, 48, _TWICE, approvals=2)
CLEANED_BY_TASK = Tale(
    "cleaned by a task", "cleaning_task", _clean, ("logs deleted",), _DECIDED, 70, _TWICE, approvals=2
)
CLEANED_BY_CALL = Tale(
    "cleaned by a call", "cleaning_call", _clean, ("logs deleted",), _DECIDED, 60, _TWICE, approvals=2
)
EXPIRED = Tale(
    "expired",
    "deploy",
    _expire,
    ("reviewed feedback",),
    (What.ASKED, What.EXPIRED, What.DELIVERED),
    52,
    ("after answer", "in tell"),
    rules=({"when": {"tool": "deploy"}, "approvers": {"users": ["bob"]}, "expires_after": "1s"},),
)
STOPPED = Tale(
    "stopped",
    "letter",
    _stop,
    (),
    (What.ASKED, What.VOTED, What.DECIDED, What.STOPPED),
    32,
    ("before interrupt",),
)
CALLED = Tale(
    "called",
    "deploy",
    _call,
    ("reviewed continue", "deployed billing x2"),
    _DECIDED,
    80,
    ("after answer", "in tell"),
    rules=({"when": {"tool": "deploy"}, "approvers": {"users": ["bob"]}, "notify": "dm", "post_to": "#approvals"},),
)
AUTOMATIC = Tale(
    "automatic",
    "deploy",
    _by_rule,
    ("reviewed continue", "deployed billing x2"),
    (What.ASKED, What.DECIDED, What.DELIVERED),
    36,
    ("before interrupt", "after answer", "in act", "in tell"),
    rules=({"when": {"tool": "deploy"}, "decide": "approve"},),
)
TALES = (APPROVED, AUTOMATIC, EDITED, ANSWERED, CLEANED, CLEANED_BY_TASK, CLEANED_BY_CALL, EXPIRED, STOPPED, CALLED)
