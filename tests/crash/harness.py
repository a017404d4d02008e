"""The world of a crash: Slack and Redis live here and stay; the bot lives in processes that die.

A story is told once, as a person would live it: who waits for a card waits over the death and the next life. Whoever
keeps the bot alive starts it again when it died. A click whose ack was lost is made again only where the card still
has its button after the next life has done all its work, as a person would do it: Slack does not repeat clicks.
"""

import asyncio
import contextlib
import multiprocessing
import os
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import redis
import yaml
from crash.dying_bot import Life, live
from crash.redis_proxy import At, RedisProxy
from fakes.patience import PATIENCE
from fakes.people import Message, Outcome, PeopledSlack, Person, wait_until

from adapters.redis.keys import Keys
from adapters.redis.stores.approvals import RedisApprovals
from adapters.redis.stores.audit import RedisAudit
from adapters.redis.stores.conversations import RedisConversations
from adapters.redis.transport.connection import Database
from engine.approvals.approval import Approval, Place, State
from engine.approvals.audit import Entry, What
from engine.conversation import Conversation, thread_id
from engine.ids import ChannelId, MessageTs, TeamId, ThreadId

HERE = Path(__file__).parent
TEAM = TeamId("T0LOCAL")
ACK_SECONDS = 1.5
"""How long the workspace waits for an ack, in place of Slack's 3 seconds."""
RETRIES = (0.1, 0.5, 1.0, 1.0, 2.0, 2.0, 4.0)
"""When the workspace repeats an event that was not acked, in place of Slack's minutes."""

LATE, NOT_SAVED = "already", "couldn't save"
"""Of the sentences that one person is told: somebody was first; Redis did not answer in time."""

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["crash.dying_bot"])
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), str(HERE.parent.parent)])  # for the fork server


@contextlib.asynccontextmanager
async def peopled(folder: Path) -> AsyncIterator[PeopledSlack]:
    """A workspace that is patient with bots that die, and repeats soon."""
    data = folder / "slack"
    async with PeopledSlack(data=data, rate_limit=None, retry_after=RETRIES, ack_timeout=ACK_SECONDS) as slack:
        yield slack


@dataclass(slots=True)
class World:
    """Slack, Redis, the folder with `app.yaml`, and the bot's processes so far."""

    folder: Path
    slack: PeopledSlack
    redis_url: str
    lives: list[ForkServerProcess] = field(default_factory=list)
    root: str = ""
    """The `ts` of the message that began the conversation."""
    stood_still: bool = False

    @property
    def alice(self) -> Person:
        """She asks."""
        return self.slack.person("alice")

    @property
    def bob(self) -> Person:
        """He decides."""
        return self.slack.person("bob")

    def configure(
        self, flow: str, *, approvals: Sequence[Mapping[str, Any]] = (), mode: str = "socket", **more: Any
    ) -> None:
        """Write `app.yaml`: one agent in #deploys, made of a graph of `flows.py`; `more` is said of it."""
        shutil.copy(HERE / "flows.py", self.folder / "flows.py")
        agent = {"graph": f"flows.py:{flow}", "channels": ["#deploys"], "input": {"text": "$text"}, "reply": "said"}
        agent |= more
        said: dict[str, Any] = {"agents": {flow: agent}, "slack": {"mode": mode}, "http": {"port": 0}}
        said |= {"approvals": [dict(rule) for rule in approvals]} if approvals else {}
        (self.folder / "app.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")

    def dies(self, point: str) -> None:
        """Let the graph kill its process at a point of `flows.py`, once."""
        (self.folder / f"dies {point}").touch()

    def open_door(self, number: int) -> None:
        """Let a slow step go on."""
        (self.folder / f"open {number}").touch()

    # Lives ------------------------------------------------------------------------------------------------------------

    @property
    def killed(self) -> int:
        """How many lives ended by SIGKILL."""
        return sum(life.exitcode == -signal.SIGKILL for life in self.lives)

    @property
    def environ(self) -> dict[str, str]:
        """What the bot's configuration needs."""
        return self.slack.environment() | {"REDIS_URL": self.redis_url}

    def begin(self, hop: str = "", *, redis_url: str = "") -> ForkServerProcess:
        """Start a bot."""
        environ = self.environ | ({"REDIS_URL": redis_url} if redis_url else {})
        life = Life(self.folder, environ, hop, len(self.lives) + 1)
        process = FORKS.Process(target=live, args=(life,), name=f"life-{life.number}")
        process.start()
        self.lives.append(process)
        return process

    async def ready(self, number: int) -> None:
        """Wait until a life serves."""
        await self.until((self.folder / f"ready-{number}").exists, f"life {number} serves")

    async def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until something is true."""

        async def look() -> bool | None:
            return True if true() else None

        await wait_until(look, instead=lambda: f"not so: {what}\n{self.tail()}")

    async def begun(self, what: str) -> None:
        """Wait until a graph did something."""
        await self.until(lambda: what in self.effects(), f"the graph did {what!r}")

    @contextlib.asynccontextmanager
    async def kept_alive(
        self, hop: str = "", write: At | None = None, kill: Callable[[], None] | None = None
    ) -> AsyncIterator[RedisProxy]:
        """Run the bot, and start it again whenever it was killed; ask it to stop in the end, which it does.

        `write` is when it is killed, or whatever `kill` kills in its place.
        """
        kill = kill or (lambda: os.kill(self._pid(), signal.SIGKILL))
        async with RedisProxy(self.redis_url, kill, write).serving() as proxy:
            through = proxy.url if write else ""
            self.begin(hop, redis_url=through)
            keeping = asyncio.create_task(self._keep(through))
            try:
                yield proxy
            finally:
                await self._end(keeping)

    async def _end(self, keeping: "asyncio.Task[None]") -> None:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await self.end_all()

    @contextlib.asynccontextmanager
    async def two(self, hop: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Run a bot, and a second one as soon as the first stands still; the value wakes the first again."""
        first = self.begin(hop)
        watching = asyncio.create_task(self.until(lambda: self._stands_still(first), "it stands still"))
        following = asyncio.create_task(self._follow(watching))

        async def wake() -> None:
            self.stood_still = self._stands_still(first)
            if self.stood_still:
                os.kill(first.pid or 0, signal.SIGCONT)
                await self._both_at_work()

        try:
            yield wake
        finally:
            for task in (watching, following):
                task.cancel()
            await asyncio.gather(watching, following, return_exceptions=True)
            await self.end_all()

    async def _follow(self, watching: "asyncio.Task[None]") -> None:
        await watching
        self.begin()

    async def _both_at_work(self) -> None:
        """Wait until each of two bots has done something from its beginning to its end."""
        for number in range(2 * len(self.lives) + 1):  # Slack delivers to the open sockets in turn
            await self.alice.say("#general", f"@signoff are you there, {number}?")
            await self.alice.expect_message("#general", containing="No agent listens", ephemeral=True)

    def stop(self, life: ForkServerProcess) -> None:
        """Let a bot stand still."""
        os.kill(life.pid or 0, signal.SIGSTOP)

    @staticmethod
    def _stands_still(life: ForkServerProcess) -> bool:
        with contextlib.suppress(OSError):
            return Path(f"/proc/{life.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "T"
        return False

    async def end_all(self) -> None:
        """Ask all bots to stop, which they do."""
        for life in self.lives:
            if life.is_alive():
                os.kill(life.pid or 0, signal.SIGCONT)
                os.kill(life.pid or 0, signal.SIGTERM)
                await asyncio.to_thread(life.join, PATIENCE)
            begun = (self.folder / f"listens-{life.name}").exists()  # before, nothing is there that could be drained
            fine = (0, -signal.SIGKILL) if begun else (0, -signal.SIGKILL, -signal.SIGTERM)
            assert life.exitcode in fine, f"{life.name} ended with {life.exitcode}:\n{self.tail()}"

    async def _keep(self, redis_url: str) -> None:
        while True:
            life = self.lives[-1]
            while life.is_alive():  # noqa: ASYNC110 - a process has no event
                await asyncio.sleep(0.01)
            assert life.exitcode == -signal.SIGKILL, f"the bot ended with {life.exitcode}:\n{self.tail()}"
            self.begin(redis_url=redis_url)

    def _pid(self) -> int:
        pid = self.lives[-1].pid
        assert pid is not None
        return pid

    def close(self) -> None:
        """End what a failed test left, and let go of the processes."""
        for life in self.lives:
            if life.is_alive():
                life.kill()
            life.join()
            life.close()

    def tail(self) -> str:
        """The ends of the logs of all lives, for a failure's message."""
        logs = sorted(self.folder.glob("life-*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in logs)

    # People -----------------------------------------------------------------------------------------------------------

    async def ask(self, text: str) -> None:
        """Alice begins a conversation."""
        outcome = await self.alice.say("#deploys", f"@signoff {text}")
        self.root = outcome.ts

    async def insist(self, card: Message, act: Callable[[], Awaitable[Outcome]]) -> None:
        """Act on a card, again where that was lost: not acked, all work done, and the card still has its buttons."""
        while not (await act()).acked:
            await self.at_rest()
            if not (await card.now()).buttons:
                return

    async def approve(self, card: Message, label: str = "Approve") -> None:
        """Bob presses a button."""
        await self.insist(card, lambda: card.click(label, by=self.bob, stale=True))

    # What is known afterwards -----------------------------------------------------------------------------------------

    async def at_rest(self) -> None:
        """Wait until no lane holds anything."""
        with redis.Redis.from_url(self.redis_url) as client:

            def mail() -> list[str]:
                return [box.decode() for box in client.scan_iter("signoff:*:mail:*", count=1_000)]

            async def look() -> bool | None:
                with contextlib.suppress(redis.ConnectionError):  # it may be the one that died
                    return None if mail() else True
                return None

            await wait_until(look, instead=lambda: f"not done: {mail()}\n{self.tail()}")
            dead = client.hvals("signoff:dead")
            assert not dead, f"work was given up: {dead}\n{self.tail()}"

    async def one_card(self, containing: str, card: Message) -> None:
        """Wait until this is the one card that says so."""
        seen: list[str] = []

        async def look() -> bool | None:
            seen[:] = [each.ts for each in await self.bob.messages("#deploys") if containing in each.text]
            return True if seen == [card.ts] else None

        await wait_until(look, instead=lambda: f"there are {seen}, not {card.ts}")

    async def nothing_else(self, *late: str) -> None:
        """All is done, and nobody saw a message that the story did not expect: no second card, no second reply.

        `late`: a sentence to one person with one of these in it is no surprise: it was LATE, or NOT_SAVED.
        """
        await self.at_rest()
        for person in (self.alice, self.bob):
            for each in await person.messages("#deploys"):
                if each.ephemeral and any(words in each.text for words in late):
                    self.slack.people.expected.add((each.channel, each.ts))
        await self.slack.people.expect_nothing_else()

    def effects(self) -> list[str]:
        """What the graphs did, in order, repetitions included."""
        return [line.partition("\t")[0] for line in self._effects()]

    def did(self, *what: str, at_most: int = 0) -> None:
        """Check that the graphs did just this, in this order at first.

        A node whose process died does its work again, with the same idempotency key: at most once for each death.
        """
        lines = self._effects()
        done = Counter(lines)
        assert list(dict.fromkeys(self.effects())) == list(what), f"{lines}\n{self.tail()}"
        most = 1 + (at_most or self.killed + self.stood_still)
        assert all(times <= most for times in done.values()), f"done more often than the bot died: {lines}"

    def _effects(self) -> list[str]:
        file = self.folder / "effects.log"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def hops(self) -> Counter[str]:
        """How often each method of a port was called, over all lives."""
        return Counter((self.folder / "hops.log").read_text(encoding="utf-8").splitlines())

    @property
    def thread(self) -> ThreadId:
        """The conversation that Alice began."""
        (channel,) = [each.id for each in self.slack.workspace.state.channels.values() if each.name == "deploys"]
        return thread_id(Place(TEAM, ChannelId(channel), MessageTs(self.root)))

    async def kept(self) -> "Kept":
        """What Redis knows of the conversation."""
        async with Database.from_url(self.redis_url) as database:
            keys = Keys()
            rows = await RedisAudit(database, keys).of_thread(self.thread)
            ids = list(dict.fromkeys(row.approval for row in rows))
            approvals = await RedisApprovals(database, keys).known(ids)
            conversation = await RedisConversations(database, keys).get(self.thread)
        return Kept(list(approvals), list(rows), conversation)


@dataclass(frozen=True, slots=True)
class Kept:
    """Approvals, audit and conversation of one thread."""

    approvals: list[Approval]
    rows: list[Entry]
    conversation: Conversation | None

    def decided_once(self, *whats: What, refused: bool = False) -> None:
        """Check that each approval came to its end, with just these audit rows each; `refused`: clicks came late."""
        for approval in self.approvals:
            assert approval.state in (State.DELIVERED, State.STOPPED), f"{approval.id} is {approval.state}"
            rows = Counter(row.what for row in self.rows if row.approval == approval.id)
            # It may expire, or be decided, before anybody is called.
            assert rows.pop(What.CALLED, 0) <= 1, "somebody was called twice"
            if refused:
                rows.pop(What.REFUSED, None)
            assert rows == Counter(whats), f"the audit has {dict(rows)}"
