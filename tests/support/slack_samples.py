"""Approvals to draw, and a desk that keeps them."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.samples import still_members

from engine.approvals.approval import Approval, Calling, Notify, Place, State, open_reviews
from engine.approvals.events import Act, Chose, Click, Doing
from engine.asks.ask import Action, Ask, Choice, Json, Kind, ValueProblem
from engine.authority.eligibility import AccountType, Facts
from engine.authority.policy import CHANNEL, REQUESTER, Deadlines, Policy, one_part, person
from engine.conversation import thread_id
from engine.ids import (
    AgentName,
    ApprovalId,
    ChannelId,
    InterruptId,
    MessageTs,
    SheetId,
    TeamId,
    ThreadId,
    UserId,
    approval_id,
)
from engine.machine import step
from engine.ports import IncomingMessage, Unless
from engine.sentences.refusals import Closed, Refusal, ShownInPart

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
ALICE, BOB, CAROL = UserId("U0ALICE"), UserId("U0BOB"), UserId("U0CAROL")
HERE = Place(TeamId("T0LOCAL"), ChannelId("C0DEPLOYS"), MessageTs("1700000000.000100"))
DIRECT = Place(TeamId("T0LOCAL"), ChannelId("D0ALICE"))
ALL = (Choice.APPROVE, Choice.EDIT, Choice.REJECT)
ARGUMENTS: Json = {"service": "billing", "version": "2.4.1", "replicas": 3, "dry_run": False}
SCHEMA: dict[str, Json] = {
    "type": "object",
    "properties": {
        "service": {"enum": ["billing", "search"], "description": "The service"},
        "version": {"type": "string"},
        "replicas": {"type": "integer"},
        "dry_run": {"type": "boolean"},
    },
    "required": ["service", "version", "replicas"],
}


def action(value: Json = ARGUMENTS, *, name: str = "deploy_service", **more: Any) -> Action:
    return Action(name, value, more.pop("choices", ALL), **more)


def ask(*actions: Action, kind: Kind = Kind.TOOL_CALL, prompt: str = "", **more: Any) -> Ask:
    return Ask("sample", kind, prompt, actions or (action(),), None, **more)


def question(prompt: str = "Which hotel do you like?") -> Ask:
    return ask(Action("question", None, (Choice.ANSWER,)), kind=Kind.QUESTION, prompt=prompt)


def policy(*users: UserId, quorum: int = 1, own_requests: bool = False) -> Policy:
    return one_part("rule 1", *map(person, users), quorum=quorum, own_requests=own_requests)


ANYBODY = one_part("default", CHANNEL)


def approval(asked: Ask | None = None, *, rule: Policy = ANYBODY, **more: Any) -> Approval:
    asked = asked or ask()
    place: Place = more.pop("place", HERE)
    interrupt = InterruptId(more.pop("interrupt", "i1"))
    thread = thread_id(place)
    if asked.is_question:
        rule = one_part("default: the requester answers", REQUESTER)
    made = Approval(
        id=approval_id(thread, interrupt, "d1"),
        thread=thread,
        agent=AgentName("deploy"),
        interrupt=interrupt,
        digest="d1",
        ask=asked,
        deadlines=Deadlines(expires_after=timedelta(hours=4)),
        requester=ALICE,
        home=place,
        place=place,
        created_at=NOW,
        reviews=open_reviews(asked, (rule,) * len(asked.actions)),
        calling=Calling(Notify.MENTION),
    )
    return replace(made, **more)


def chose(of: Approval, by: UserId, choice: Choice, **more: Any) -> Approval:
    """The approval after a choice that counts."""
    position = more.pop("action", 0)
    event = Chose(
        by,
        Facts(AccountType.MEMBER, in_channel=True),
        position,
        of.reviews[position].revision,
        choice,
        ruling=still_members(of),
        **more,
    )
    taken = step(of, event, NOW + timedelta(minutes=5))
    assert taken.refusal is None, taken.refusal
    return taken.approval


def text_in(value: Any) -> str:
    """Everything that is written in blocks, mentions as Slack spells them, as one text."""
    return "".join(_written(value))


def _written(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if "user_id" in value:
            yield f"<@{value['user_id']}>"
        for name, each in value.items():
            if name in ("text", "url") and isinstance(each, str):
                yield each
            else:
                yield from _written(each)
    elif isinstance(value, list):
        for each in value:
            yield from _written(each)


def buttons_in(blocks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows and buttons of the question; the menus decide nothing."""
    return [each for block in rows_in(blocks) for each in block["elements"] if each["type"] != "overflow"]


def rows_in(blocks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [block for block in blocks if block["type"] == "actions" and block["block_id"] != "menu"]


def labels_in(blocks: Sequence[Mapping[str, Any]]) -> list[str]:
    return [each["text"]["text"] for each in buttons_in(blocks)]


class RecordingDesk:
    """A desk in memory: the engine decides, everything is remembered, and it can be told to fail."""

    def __init__(self) -> None:
        self.kept: dict[ApprovalId, Approval] = {}
        self.clicks: list[Click] = []
        self.acts: list[Act] = []
        self.said: list[IncomingMessage] = []
        self.refused: list[Refusal] = []
        self.failing: Exception | None = None
        self.hanging = False
        self.objections: Callable[[Click], Sequence[ValueProblem]] = lambda _: ()
        self.calls: list[str] = []

    def keep(self, one: Approval) -> Approval:
        self.kept[one.id] = one
        return one

    async def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.hanging:
            await asyncio.get_running_loop().create_future()
        if self.failing:
            raise self.failing

    async def look(self, approval: ApprovalId) -> Approval | None:
        await self._called("look")
        return self.kept.get(approval)

    def shown(self, approval: Approval) -> Approval:
        return approval

    async def choose(self, choice: Click, unless: Unless | None = None) -> Refusal | None:
        await self._called("choose")
        before = self.kept.get(choice.approval)
        if before is not None and unless is not None and await unless(before):
            return ShownInPart()
        self.clicks.append(choice)
        if before is None:
            return Closed("it is no longer kept")
        taken = step(before, choice.chose(Facts(AccountType.MEMBER, in_channel=True)), NOW)
        self.kept[before.id] = taken.approval
        if taken.refusal:
            self.refused.append(taken.refusal)
        return taken.refusal

    async def sheet(self, thread: ThreadId, sheet: SheetId) -> Sequence[Approval]:
        await self._called("sheet")
        return [each for each in self.kept.values() if (each.thread, each.sheet) == (thread, sheet)]

    async def act(self, act: Act) -> Refusal | None:
        await self._called("act")
        self.acts.append(act)
        known = Facts(AccountType.MEMBER, in_channel=True)
        taken = step(self.kept[act.approval], act.event(known, known, ()), NOW)
        self.kept[act.approval] = taken.approval
        return taken.refusal

    async def disallow(self, approval: ApprovalId, by: UserId) -> str:
        await self._called("disallow")
        return f"{by} takes back what {approval} allows"

    async def withdraw(self, approval: ApprovalId, by: UserId) -> Refusal | None:
        return await self.act(Act(approval, by, Doing.WITHDRAW))

    async def card_deleted(self, approval: ApprovalId, channel: ChannelId, card: MessageTs) -> None:
        del approval, channel, card
        await self._called("card_deleted")

    async def hear(self, said: IncomingMessage) -> None:
        await self._called("hear")
        self.said.append(said)

    def problems(self, approval: Approval, click: Click) -> Sequence[ValueProblem]:
        del approval
        return self.objections(click)


def closed(of: Approval, state: State, note: str) -> Approval:
    return replace(of, state=state, note=note, closed_at=NOW)


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
