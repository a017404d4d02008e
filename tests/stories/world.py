"""The world of a story: the local workspace with its people, a private Valkey, and the real bot between them.

```python
async def test_an_approved_action_is_done(world: World) -> None:
    await world.start("yes_or_no")
    await world.alice.say("#deploys", "@signoff drop the old table")
    card = await world.bob.expect_card("#deploys", containing="drop the old table")
    await card.click("Approve")
    await world.bob.expect_message("#deploys", containing="approved")
    await world.nothing_else()
```

`world.start` names a graph of `graphs/`, or several agents with all that `app.yaml` may say of them. The graphs are
copied beside `app.yaml`, so a story may rewrite one (`world.rewrite`), also while the bot does not run.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import yaml
from fakes.patience import PATIENCE
from fakes.people import Message, PeopledSlack, Person, wait_until
from fakes.valkey import client_of
from stories.outside import Outside, outside

from adapters.slack.inbound.http import PATH
from adapters.slack.outbound.chat import CLOCKS_DIFFER, SlackChat
from adapters.slack.workspace.client import web_client
from adapters.slack.workspace.identity import Identity
from adapters.slack.workspace.roster import SlackRoster
from bot.commands.serve import serve
from bot.config.entries import Mode
from bot.config.load import load
from bot.config.settings import Config
from bot.runtime.clock import SYSTEM_CLOCK, SystemClock, clock_of
from bot.wiring.assembly import bot
from bot.wiring.graphs import together
from bot.wiring.ports import Ports
from bot.wiring.running import Bot
from engine.approvals.approval import Approval, Place
from engine.approvals.audit import Entry, What
from engine.approvals.effects import Timer
from engine.conversation import thread_id
from engine.ids import ApprovalId, ChannelId, MessageTs, TeamId, ThreadId, UserId

PEOPLE = ("alice", "bob", "carol", "gina", "eve")
TEAM = TeamId("T0LOCAL")
BOT = UserId("U0SIGNOFF")
IDENTITY = Identity(BOT, "B0SIGNOFF", TEAM, "signoff", "local", frozenset(), "E0LOCAL")
NOTHING_SAID: tuple[tuple[str, ...], bool] = ((), True)
"""A story that says nothing of what is done."""

Alter = Callable[[Ports], None]
Read = Callable[[], Config]
Agent = Mapping[str, Any]


def agent(graph: str, **more: Any) -> Agent:
    """An entry of `agents:`, in #deploys where nothing else is said."""
    places = {} if "channels" in more or "direct_messages" in more else {"channels": ["#deploys"]}
    return {"graph": f"{graph}.py:graph", **places, **GRAPH_STATES.get(graph, {}), **more}


GRAPH_STATES: Mapping[str, Agent] = {
    "yes_or_no": {"input": {"action_details": "$text"}, "reply": "status"},
    "text_to_revise": {"input": {"some_text": "$text"}, "reply": "published"},
}
"""How the graphs whose state has no `messages` are fed, and what of it is said."""


@dataclass(slots=True)
class StoryClock:
    """The machine's clock, and how far the story is ahead of it."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        """Aware, in UTC."""
        return datetime.now(UTC) + self.ahead

    def advance(self, **length: float) -> None:
        """Let time pass: `advance(hours=4)`. Timers keep to the machine's clock."""
        self.ahead += timedelta(**length)


@dataclass(slots=True)
class World:
    """See the module. Made by the fixture `world`; `people` may be spoken of as `world.alice`."""

    folder: Path
    slack: PeopledSlack
    redis_url: str
    mode: Mode = Mode.SOCKET
    ack_timeout: float = PATIENCE
    slack_timeout: float = PATIENCE
    clock: StoryClock = field(default_factory=StoryClock)
    speed: float = 1
    """How fast the bot's clock runs. Above 1 it is the clock of the demo, and timers go by it, too."""
    own_clock: SystemClock | None = None
    """The bot's clock, for timers as well, in place of `clock`."""
    alter: Alter = lambda _: None
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further keys of `app.yaml`."""
    outside: Outside = field(default_factory=lambda: outside)
    _running: "Running | None" = None
    _said: dict[str, Any] = field(default_factory=dict)
    _done: tuple[tuple[str, ...], bool] = NOTHING_SAID

    @property
    def alice(self) -> Person:
        """A member; in most stories she asks."""
        return self.slack.person("alice")

    @property
    def bob(self) -> Person:
        """A member; in most stories he decides."""
        return self.slack.person("bob")

    @property
    def carol(self) -> Person:
        """Another member."""
        return self.slack.person("carol")

    @property
    def gina(self) -> Person:
        """A guest."""
        return self.slack.person("gina")

    @property
    def eve(self) -> Person:
        """A member of another workspace."""
        return self.slack.person("eve")

    @property
    def bot(self) -> Bot:
        """The bot that runs now."""
        assert self._running is not None, "the bot does not run"
        return self._running.bot

    # The bot's life ---------------------------------------------------------------------------------------------------

    async def start(
        self,
        *graphs: str,
        agents: Mapping[str, Agent] | None = None,
        approvals: Sequence[Mapping[str, Any]] = (),
        **more: Any,
    ) -> None:
        """Write `app.yaml` and start the bot: with one agent in #deploys and direct messages, or with `agents`."""
        # In a direct message the approvers whom a rule names would not see the card.
        seen = all(not {"approvers", "stages"} & rule.keys() or "post_to" in rule for rule in approvals)
        entries = agents or {name: agent(name, channels=["#deploys"], direct_messages=seen, **more) for name in graphs}
        said: dict[str, Any] = {"agents": {name: dict(entry) for name, entry in entries.items()}}
        said["approvals"] = [dict(rule) for rule in approvals]
        said |= {"slack": {"mode": self.mode.value}, "http": {"port": 0}, **self.more}
        self._said = said
        self._write()
        await self.run()

    def _write(self) -> None:
        (self.folder / "app.yaml").write_text(yaml.safe_dump(self._said, sort_keys=False), encoding="utf-8")

    async def reload(self, **changes: Any) -> bool:
        """Change keys of `app.yaml`, and let the bot reload it; gives whether it took effect."""
        self._said |= changes
        self._write()
        return await self.bot.reload.now()

    async def run(self) -> None:
        """Start the bot on the `app.yaml` that is there."""
        self.slack.await_acks(self.ack_timeout)
        environ = self.slack.environment() | {"REDIS_URL": self.redis_url}
        self._running = await Running.begin(self, partial(load, self.folder / "app.yaml", environ))

    async def stop(self) -> None:
        """Stop the bot as SIGTERM does: it drains."""
        self.slack.nobody_hears()
        if self._running is not None:
            running, self._running = self._running, None
            await running.end()

    async def fails(self) -> None:
        """Wait until the bot ends by itself. Raises what it failed with."""
        if self._running is None:
            raise AssertionError("no bot runs")
        running, self._running = self._running, None
        self.slack.nobody_hears()
        await running.ended()

    async def stopping(self) -> "asyncio.Task[None]":
        """Ask the bot to stop; it takes nothing new any more, and waits for what is under way."""
        task = asyncio.create_task(self.stop())
        leaving = self.bot

        async def look() -> bool | None:
            return True if "Slack is not connected" in await leaving.not_ready() else None

        await wait_until(look, instead=lambda: "the bot does not begin to stop")
        return task

    async def restart(self) -> None:
        """Stop the bot and start it again."""
        await self.stop()
        await self.run()

    def rewrite(self, graph: str, *changes: tuple[str, str]) -> None:
        """Change the code of a graph; each text that is replaced must be there."""
        file = self.folder / f"{graph}.py"
        code = file.read_text(encoding="utf-8")
        for before, after in changes:
            assert before in code, f"{graph}.py has no {before!r}"
            code = code.replace(before, after)
        file.write_text(code, encoding="utf-8")

    async def asked(self, text: str, *, channel: str = "#deploys", containing: str | None = None) -> Message:
        """Alice asks the agent, and bob sees the card that comes of it."""
        await self.alice.say(channel, text if channel == "dm" else f"@signoff {text}")
        return await self.bob.expect_card(channel, containing=text if containing is None else containing)

    def becomes(self, name: str, **what: Any) -> None:
        """Somebody becomes a guest or leaves, while the bot runs, and it is told: `becomes("bob", guest=True)`."""
        people = self.slack.workspace.state.people
        who = next(each for each in people.values() if each.name == name)
        people[who.id] = replace(who, **what)
        if self._running is not None:
            cast("SlackRoster", self.bot.ports.roster).changed(UserId(who.id))

    async def signpost(self, channel: str = "#deploys") -> Message:
        """What the conversation says of a card that stands elsewhere; the card may be decided already."""
        return await self.alice.expect_message(channel, containing="(<http", ephemeral=False)

    # What is known afterwards -----------------------------------------------------------------------------------------

    def thread(self, message: Message, *, root: bool = False) -> ThreadId:
        """The conversation that a message stands in; `root`: it stands at the root of a direct message."""
        return thread_id(Place(TEAM, ChannelId(message.channel), None if root else MessageTs(message.thread_ts)))

    async def approval(self, card: Message) -> Approval:
        """The approval that a card is of."""
        value = next(
            element["value"]
            for block in card.shown["blocks"]
            for element in block.get("elements", ())
            if "value" in element
        )
        found = await self.bot.ports.approvals.get(ApprovalId(value.split(".", 2)[2]))
        assert found is not None
        return found

    async def falls_due(self, timer: Timer, card: Message) -> None:
        """The bot has set this timer for a card's approval, and now its time has come."""
        approval = (await self.approval(card)).id

        async def look() -> bool | None:
            return True if f"{timer.value}/{approval}" in _timers(self.redis_url) else None

        await wait_until(look, instead=lambda: f"{timer.value} is not set, only {_timers(self.redis_url)}")
        await self.bot.ports.lanes.set_timer(approval, timer, self.clock.now())

    async def audit(self, card: Message) -> list[str]:
        """The audit of a card's approval, a line for each row: `decided by bob: approve`."""
        return [_line(row) for row in await self.rows(card)]

    async def rows(self, card: Message) -> list[Entry]:
        """The audit's rows of a card's approval."""
        approval = await self.approval(card)
        rows = await self.bot.ports.audit.of_thread(approval.thread)
        return [row for row in rows if row.approval == approval.id]

    async def audited(self, card: Message, *lines: str) -> None:
        """Wait until the audit of a card's approval says just this, but for who was called, where no line says that."""
        seen: list[str] = []

        async def look() -> bool | None:
            seen[:] = [line for line in await self.audit(card) if line != "called" or "called" in lines]
            return True if seen == list(lines) else None

        await wait_until(look, patience=self.slack.people.patience, instead=lambda: f"the audit says {seen}")

    async def done(self, *what: str, in_any_order: bool = False) -> None:
        """Wait until the graphs did just this; `nothing_else` looks again."""
        self._done = (what, in_any_order)

        async def look() -> bool | None:
            return True if self._did_just_that() else None

        await wait_until(look, patience=self.slack.people.patience, instead=lambda: f"the graphs did {outside.done}")

    async def failed(self, step: str) -> None:
        """Wait until a step that is broken raised."""

        async def look() -> bool | None:
            return True if step in outside.failed else None

        await wait_until(look, patience=self.slack.people.patience, instead=lambda: f"{step} was not tried")

    def _did_just_that(self) -> bool:
        what, in_any_order = self._done
        return sorted(outside.done) == sorted(what) if in_any_order else outside.done == list(what)

    async def at_rest(self) -> None:
        """Wait until no lane holds work that could be done now, and none was given up."""

        async def look() -> bool | None:
            return None if _mail(self.redis_url) else True

        def instead() -> str:
            return f"not done: {_mail(self.redis_url)}"

        await wait_until(look, patience=self.slack.people.patience, instead=instead)
        dead = [f"{letter.lane}: {letter.error}" for letter in await self.bot.ports.lanes.dead_letters()]
        assert not dead, f"work was given up: {dead}"

    async def nothing_else(self) -> None:
        """All work is done, nothing was done twice, and nobody saw a message that the story did not expect."""
        await self.at_rest()
        assert self._done == NOTHING_SAID or self._did_just_that(), f"the graphs did {outside.done}"
        for name in PEOPLE:
            self.slack.person(name)
        await self.slack.people.expect_nothing_else()


@dataclass(slots=True)
class Running:
    """A bot that serves in a task of its own."""

    bot: Bot
    _stop: asyncio.Event
    _task: "asyncio.Task[None]"

    @classmethod
    async def begin(cls, world: World, read: Read) -> "Running":
        """Start, and return when Slack can reach it. Raises what the start fails with."""
        stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
        task = asyncio.create_task(_serve(world, read, stop, ready), name="bot")
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        return cls(cast("Bot", ready.result()), stop, task)

    async def ended(self) -> None:
        """Wait until it ends by itself. Raises what it failed with."""
        await asyncio.shield(self._task)

    async def end(self) -> None:
        """Ask it to stop, and wait until it has. Raises what it failed with."""
        self._stop.set()
        await self._task


async def _serve(world: World, read: Read, stop: asyncio.Event, ready: "asyncio.Future[Bot]") -> None:
    config = read()
    secrets = config.secrets
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            web_client(secrets.slack_bot_token, secrets.slack_api_url or "", timeout=world.slack_timeout)
        )

        clock = world.own_clock or clock_of(world.folder / "clock", world.speed)

        def altered(ports: Ports) -> None:
            ports.clock = world.clock if clock is SYSTEM_CLOCK else clock
            ports.chat = SlackChat(client, BOT, together=together(config), ahead=clock.ahead or CLOCKS_DIFFER)
            met = cast("SlackRoster", ports.roster).met
            ports.roster = SlackRoster(client, IDENTITY, patience=world.slack_timeout, met=met)
            world.alter(ports)

        running = await stack.enter_async_context(bot(config, altered, patience=PATIENCE, clock=clock, read=read))
        await running.load_graphs()
        address = await stack.enter_async_context(running.http())
        if config.mode is Mode.HTTP:
            world.slack.request_url = address + PATH
        await serve(running, stop, on_ready=lambda: ready.set_result(running))


def _line(row: Entry) -> str:
    who = f" by {row.who.removeprefix('U0').lower()}" if row.who else ""
    detail = row.detail if isinstance(row.detail, dict) else {}
    match row.what:
        case What.REFUSED:
            return f"refused{who}: {detail['refusal']}"
        case What.VOTED | What.DECIDED | What.EDITED if detail:
            return f"{row.what.value}{who}: {detail['choice']}"
        case What.EXPIRED | What.WITHDRAWN | What.UNDELIVERABLE:
            return f"{row.what.value}: {row.detail}"
        case _:
            return f"{row.what.value}{who}"


def _timers(redis_url: str) -> list[str]:
    """What is set, as `TIMER/APPROVAL`."""
    with client_of(redis_url) as client:
        found = [client.zrange(key, 0, -1) for key in client.scan_iter("*:timers", count=1_000)]
        return [member.decode() for members in found for member in members if b"/" in member]


def _mail(redis_url: str) -> list[str]:
    """The mailboxes that hold anything: a message leaves its box when it is done."""
    with client_of(redis_url) as client:
        return [box.decode() for box in client.scan_iter("*:mail:*", count=1_000)]
