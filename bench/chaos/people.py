"""The people of the chaos: they start agents, click at the same moment, twice, too late, and where they may not.

Everything goes through the local workspace as Slack would send it. What a person sent, and whether it was acked, is
written down; what the bot makes of it is seen on the cards, as anybody sees it.
"""

import asyncio
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.blockkit import texts_of
from adapters.localslack import LocalSlack
from adapters.localslack.delivery.deliveries import DeliveryOutcome
from adapters.localslack.faults import FaultRequest
from adapters.localslack.people import interactions
from adapters.localslack.people.interactions import NoSuchThingError, Press
from adapters.localslack.state.roster import Member
from adapters.localslack.state.state import Channel, Json
from bench.chaos.graphs import AMOUNT
from bench.chaos.machines import StuckError, wait_until
from bench.chaos.recorder import Recorder, now

REQUESTER, STRANGER = "alice", "erin"
APPROVERS: Final = ("bob", "carol", "dave")
PEOPLE: Final = (REQUESTER, *APPROVERS, STRANGER)
DECIDING: Final = ("signoff_approve", "signoff_edit", "signoff_reject", "signoff_answer")
_GATE = re.compile(r"\bc\d+\.\w+")
_APPROVAL = re.compile(r"\S+#[0-9a-f]+$")
_FORM_SECONDS = 3.0
_LOOK_AGAIN = 0.05


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of agent: its gates, and who decides them."""

    name: str
    gates: tuple[str, ...] = ("pay",)
    may: tuple[str, ...] = APPROVERS
    quorum: int = 1
    expires: bool = False


SHAPES: Final = (
    Shape("approve"),
    Shape("tool"),
    Shape("parallel", gates=("left", "right")),
    Shape("quorum", quorum=2),
    Shape("expiry", expires=True),
    Shape("question", may=(REQUESTER,)),
)


@dataclass(frozen=True, slots=True)
class Gate:
    """One request, as the people know it."""

    shape: Shape
    case: str
    name: str

    def __str__(self) -> str:
        return f"{self.case}.{self.name}"


class Board:
    """The messages of the bot about each gate, found as they are posted."""

    def __init__(self, slack: LocalSlack) -> None:
        self._slack = slack
        self._seen: dict[str, str] = defaultdict(str)
        self.messages: dict[str, list[tuple[Channel, str]]] = defaultdict(list)
        """In the channel, where everybody sees them."""
        self.copies: dict[str, list[tuple[Channel, str]]] = defaultdict(list)
        """In somebody's direct messages: nobody presses these here, but they must tell the truth, too."""
        self.approvals: dict[str, str] = {}
        """The gate of each approval, read from the buttons of its card."""

    def look(self) -> None:
        """Find what was posted since."""
        for channel in self._slack.workspace.state.channels.values():
            for ts in self._new(channel):
                self._read(channel, ts, channel.messages[ts])

    def live(self, gate: Gate) -> tuple[Channel, str] | None:
        """The card of a gate that can be decided now."""
        self.look()
        for channel, ts in reversed(self.messages[str(gate)]):
            if is_live(channel.messages.get(ts, {})):
                return channel, ts
        return None

    def last(self, gate: Gate) -> tuple[Channel, str] | None:
        """The last card of a gate that is still there, decided or not."""
        self.look()
        return next((each for each in reversed(self.messages[str(gate)]) if each[1] in each[0].messages), None)

    def _new(self, channel: Channel) -> Sequence[str]:
        found = []
        for ts in reversed(channel.messages):
            if ts <= self._seen[channel.id]:
                break
            found.append(ts)
        if found:
            self._seen[channel.id] = found[0]
        return found[::-1]

    def _read(self, channel: Channel, ts: str, message: Json) -> None:
        if "bot_id" not in message or not (gate := gate_of(text_of(message))):
            return
        (self.copies if channel.id.startswith("D") else self.messages)[gate].append((channel, ts))
        for element in elements(message):
            if approval := _APPROVAL.search(str(element.get("value", ""))):
                self.approvals[approval[0].split(".", 2)[-1]] = gate


def gate_of(text: str) -> str:
    """Find the name of a gate in a text; "" where it has none."""
    found = _GATE.search(text)
    return found[0] if found else ""


def text_of(message: Json) -> str:
    """All that a message says."""
    return "\n".join([str(message.get("text", "")), *texts_of(message.get("blocks", []))])


def elements(message: Json) -> Iterator[Json]:
    """What can be pressed in a message."""
    for block in message.get("blocks", []):
        yield from block.get("elements", []) if block["type"] == "actions" else []


def is_live(message: Json) -> bool:
    """Say whether a message can still be decided."""
    return any(each["action_id"] in DECIDING for each in elements(message))


class Crowd:
    """All people, and the cases that they began."""

    def __init__(self, slack: LocalSlack, recorder: Recorder, dice: random.Random) -> None:
        self._slack, self._recorder, self._dice = slack, recorder, dice
        self._forms = {name: asyncio.Lock() for name in PEOPLE}
        self.board = Board(slack)
        self.gates: list[Gate] = []
        self.threads: dict[str, str] = {}
        """The case of each thread."""
        self._cases: set[asyncio.Task[None]] = set()

    # Cases ------------------------------------------------------------------------------------------------------------

    def begin(self, number: int) -> None:
        """Begin a case, in a task of its own."""
        self._cases.add(asyncio.create_task(self._live(number), name=f"case {number}"))

    @property
    def under_way(self) -> int:
        """The number of cases that somebody still decides."""
        return sum(not each.done() for each in self._cases)

    async def ended(self) -> None:
        """Wait until everybody has done with their cases."""
        await asyncio.gather(*self._cases)

    async def _live(self, number: int) -> None:
        """Begin a case, and decide what it asks."""
        shape = self._dice.choice(SHAPES)
        gates = [Gate(shape, f"c{number}", name) for name in shape.gates]
        for gate in gates:
            self._recorder.fact(
                "gate", gate=str(gate), case=gate.case, may=list(shape.may), quorum=shape.quorum,
                expires=shape.expires, amount=AMOUNT,
            )  # fmt: skip
        self.gates += gates
        await self._start(gates[0])
        await asyncio.gather(*map(self._decide, gates))

    async def _start(self, gate: Gate) -> None:
        channel = self._channel(gate.shape.name)
        text = f"<@{self._slack.workspace.state.bot.id}> {gate.case}"
        ts, outcome = await interactions.send(self._slack.workspace, self._person(REQUESTER), channel, text, None)
        self.threads[ts] = gate.case
        self._recorder.fact("start", case=gate.case, acked=outcome.acked)

    async def _decide(self, gate: Gate) -> None:
        if not await self._appears(gate):
            return
        await self._dice.choice(self._scripts(gate))(gate)
        for _ in range(3):
            await asyncio.sleep(self._dice.uniform(1.0, 3.0))
            if self.board.live(gate) is None:
                break
            await self.insist(gate)
        if self._dice.random() < 0.3:
            await self.click(self._any(), gate, "approve")

    async def _appears(self, gate: Gate) -> bool:
        async def there() -> bool:
            return self.board.last(gate) is not None

        try:
            await wait_until(there, "a card is posted")
        except StuckError:
            return False
        return True

    async def insist(self, gate: Gate) -> None:
        """Decide what is still open, as people do who see a button."""
        if gate.shape.name == "question":
            await self.form(REQUESTER, gate, "answer", f"town of {gate}")
            return
        for person in self._dice.sample(APPROVERS, gate.shape.quorum):
            await self.click(person, gate, "approve")

    def _scripts(self, gate: Gate) -> Sequence[Any]:
        if gate.shape.name == "question":
            return (self._answer, self._write)
        common = (self._one, self._race, self._against, self._double, self._not_allowed, self._crowded)
        return (*common, self._edit, self._edit) if gate.shape.name == "tool" else common

    # What people do with one card -------------------------------------------------------------------------------------

    async def _one(self, gate: Gate) -> None:
        await self.insist(gate)

    async def _race(self, gate: Gate) -> None:
        await asyncio.gather(*(self.click(each, gate, "approve") for each in APPROVERS))

    async def _against(self, gate: Gate) -> None:
        yes, no = self._dice.sample(APPROVERS, 2)
        await asyncio.gather(self.click(yes, gate, "approve"), self.form(no, gate, "reject", "no"))

    async def _double(self, gate: Gate) -> None:
        person = self._any()
        await asyncio.gather(*(self.click(person, gate, "approve") for _ in range(3)))

    async def _not_allowed(self, gate: Gate) -> None:
        await self.click(STRANGER, gate, "approve")
        await self.click(REQUESTER, gate, "approve")
        await self.insist(gate)

    async def _crowded(self, gate: Gate) -> None:
        clicks = [self.click(each, gate, "approve") for each in (*PEOPLE, *APPROVERS)]
        await asyncio.gather(*clicks, self.form(self._any(), gate, "reject", "no"))

    async def _edit(self, gate: Gate) -> None:
        one, two = self._dice.sample(APPROVERS, 2)
        amounts = self._dice.sample(range(11, 99), 2)
        await asyncio.gather(self.form(one, gate, "edit", amounts[0]), self.form(two, gate, "edit", amounts[1]))

    async def _write(self, gate: Gate) -> None:
        await self.form(REQUESTER, gate, "answer", f"city of {gate}")

    async def _answer(self, gate: Gate) -> None:
        card = self.board.last(gate)
        if card is None:
            return
        channel, ts = card
        root, text, sent = channel.messages[ts]["thread_ts"], f"city of {gate}", now()
        _, outcome = await interactions.send(self._slack.workspace, self._person(REQUESTER), channel, text, root)
        self._clicked(REQUESTER, gate, ("answer", text), sent, outcome)

    # Clicks and forms -------------------------------------------------------------------------------------------------

    async def click(self, by: str, gate: Gate, choice: str) -> None:
        """Press a button that decides at once."""
        sent = now()
        outcome = await self._press(by, gate, choice)
        if outcome is not None:
            self._clicked(by, gate, (choice, None), sent, outcome)

    async def form(self, by: str, gate: Gate, choice: str, value: Any) -> None:
        """Press a button that opens a form, and send it. A person has one form open at a time."""
        async with self._forms[by]:
            person = self._person(by)
            views = self._slack.workspace.views
            views.clear(person.id)
            if await self._press(by, gate, choice) is None:
                return
            end = now() + _FORM_SECONDS
            while (view := views.top(person.id)) is None:
                if now() > end:
                    return  # the press was refused, or Slack failed to open it: its author was told
                await asyncio.sleep(_LOOK_AGAIN)
            if view["callback_id"] != f"signoff_{choice}":
                return
            values = {"amount": str(value)} if choice == "edit" else {"text": value}
            sent = now()
            answered = await interactions.submit(self._slack.workspace, person, view, values)
            for text in answered.errors.values():
                self._recorder.fact("told", case=gate.case, by=by, text=text)
            kept = value if choice in ("edit", "answer") else None
            refused = bool(answered.errors)
            self._clicked(by, gate, (choice, kept), sent, answered.outcome, refused=refused)

    async def _press(self, by: str, gate: Gate, choice: str) -> DeliveryOutcome | None:
        card = self.board.last(gate)
        if card is None:
            return None
        if self._dice.random() < 0.1:
            self.repeat()
        press = Press(f"signoff_{choice}", stale=True)
        try:
            return await interactions.click_message(self._slack.workspace, self._person(by), *card, press)
        except NoSuchThingError:
            return None  # somebody deleted the card meanwhile, or it never had this button

    def repeat(self) -> None:
        """Let Slack deliver the next delivery twice."""
        self._recorder.counts["deliveries repeated"] += 1
        self._slack.workspace.faults.add(FaultRequest(duplicate=1))

    def _clicked(
        self,
        by: str,
        gate: Gate,
        what: tuple[str, Any],
        sent: float,
        outcome: DeliveryOutcome,
        *,
        refused: bool = False,
    ) -> None:
        choice, value = what
        acked = outcome.acked and not refused
        self._recorder.counts["clicks"] += 1
        self._recorder.counts["clicks acked"] += acked
        if acked:
            self._recorder.acks.append(outcome.ms)
        self._recorder.fact(
            "click", gate=str(gate), by=by, choice=choice, value=value, sent=sent, done=now(), acked=acked
        )

    def _any(self) -> str:
        return self._dice.choice(APPROVERS)

    def _person(self, name: str) -> Member:
        return next(each for each in self._slack.workspace.state.people.values() if each.name == name)

    def _channel(self, name: str) -> Channel:
        return next(each for each in self._slack.workspace.state.channels.values() if each.name == name)
