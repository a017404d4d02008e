"""Writes what this version of Signoff leaves behind when it is killed: the fixture that later versions go on from.

`make fixture` writes `tests/upgrade/VERSION/`. Do that for each release, right before its version number is raised, and
commit the folder; those of earlier versions stay as they are, since people upgrade from them, too. A fixture is never
written anew or edited: what it holds is what that version stored.

The real bot runs on a real Valkey and the local workspace, people bring it into the state that `SCENES` list, and then
Redis and the workspace are copied while it runs, in mid-run: what a `kill -9` at that moment leaves. A folder holds

| file | content |
|---|---|
| `*.py`, `*.yaml` | the user's files, as of then: copied from `agents/` |
| `redis.json.gz` | every key of Redis: see `upgrade.snapshot` |
| `slack.json.gz` | the workspace: its messages with the buttons of that version |
| `effects.txt` | what the graphs had done |
| `documents.json.gz` | documents of every kind that the codec writes, also of kinds that the scenes leave none of |
| `made.json` | the version, the time that the bot's clock showed, and where each scene's messages stand |
"""

import asyncio
import base64
import gzip
import json
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from fakes.oncall_services import ServiceServer, on_call
from fakes.people import Message, PeopledSlack, wait_until
from stories.world import World
from upgrade import snapshot
from upgrade.filled import filled

from adapters.localslack.state import people_file
from adapters.redis import codec, embedded
from adapters.redis.keys import Keys
from engine.approvals.approval import Approval
from engine.approvals.audit import Entry
from engine.approvals.effects import Effect
from engine.asks.ask import Ask
from engine.conversation import Conversation
from engine.ports import DeadLetter, LastLookup, Unposted
from engine.rules.grants import Grant

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
AGENTS = HERE / "agents"
SECRETS = {
    "bot_token": "xoxb-local-made-up",
    "app_token": "xapp-1-local-made-up",
    "signing_secret": "made-up",
    "verification_token": "made-up",
}
"""Buttons and checkpoints may be signed with these: the next version has to have the same ones."""
ON_CALL = on_call("bob@example.com", starts="2020-01-01T00:00:00Z", ends="2120-01-01T00:00:00Z")


@dataclass(slots=True)
class Stage:
    """The world, and the messages that tests will look for, by a name each."""

    world: World
    service: ServiceServer
    marks: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def mark(self, name: str, message: Message) -> Message:
        """Let a message be found under this name."""
        assert name not in self.marks, f"two messages are named {name}"
        self.marks[name] = {"channel": message.channel, "ts": message.ts, "thread_ts": message.thread_ts}
        return message

    async def asked(self, agent: str, text: str, *, containing: str = "", name: str = "", channel: str = "") -> Message:
        """Alice asks an agent, and bob sees the card."""
        await self.world.alice.say("#deploys", f"@signoff {agent} {text}")
        card = await self.world.bob.expect_card(channel or "#deploys", containing=containing or text)
        return self.mark(name or agent, card)

    def hold(self, name: str) -> None:
        """Let a node wait, or fail: see `agents`."""
        (self.world.folder / f"hold {name}").touch()

    async def did(self, what: str) -> None:
        """Wait until a graph did something."""

        async def look() -> bool | None:
            log = self.world.folder / "effects.txt"
            return True if log.exists() and what in log.read_text(encoding="utf-8").splitlines() else None

        await wait_until(look, instead=lambda: f"no graph did {what!r}")


Scene = Callable[[Stage], Awaitable[Any]]


# What waits for somebody ----------------------------------------------------------------------------------------------


async def plain_questions(stage: Stage) -> None:
    """A card of each way to ask, untouched."""
    await stage.asked("plain", "drop the table")
    await stage.asked("review", "billing")
    await stage.asked("form", "a hotel", containing="Whom shall I book for?")
    await stage.asked("query", "help", containing="Which framework should I use?")
    await stage.asked("letter", "Dear Zoe")
    await stage.asked("inbox", "Grand Hotel")
    await stage.asked("elicit", "a table", containing="For how many?")
    await stage.asked("anything", "a route", containing="north")
    await stage.asked("worded", "a letter", containing="Send this letter?")
    await stage.asked("rollout", "search")
    await stage.asked("paused", "mail")
    await stage.asked("team", "invoice 7")
    await stage.asked("risky", "the archive")
    await stage.asked("calls", "two calls", containing="notes.txt", name="calls file")
    stage.mark("calls mail", await stage.world.bob.expect_card("#deploys", containing="zoe@example.com"))
    await stage.asked("question", "a trip", containing="Which city?")


async def half_decided(stage: Stage) -> None:
    """One of two approvals, the first of two stages, an edit that needs a second person, one action of three."""
    quorum = await stage.asked("quorum", "drop the quorum")
    await quorum.click("Approve")
    await quorum.becomes("1 of 2")
    staged = await stage.asked("staged", "drop the stage")
    await staged.click("Approve")
    edited = await stage.asked("edited", "Small Hotel")
    assert not (await (await edited.open_form("Edit")).submit({"nights": "5"})).errors
    await edited.becomes("1 of 2")
    batch = await stage.asked("batch", "tidy up", containing="Approve 3 actions?")
    await batch.click("Approve")
    await batch.becomes("by <@U0BOB>")


async def several_at_once(stage: Stage) -> None:
    """Two questions of one step of which one is delivered, two that go in together, and a sheet of six."""
    world = stage.world
    for agent, what in (("pair", "the lease"), ("together", "the loan")):
        legal = await stage.asked(agent, what, containing="Does legal agree?", name=f"{agent} legal")
        stage.mark(f"{agent} finance", await world.bob.expect_card("#deploys", containing="Does finance agree?"))
        await legal.click("Approve")
        await legal.becomes("Approved by <@U0BOB>", buttons=[])
    await stage.did("legal on the lease: True")
    sheet = await stage.asked("sheet", "6", containing="6 requests to decide")
    await sheet.click("Approve")
    await stage.did("paid order 1 back")


async def gates(stage: Stage) -> None:
    """A gated call behind one that was let through and is kept; a grant that is in force."""
    first = await stage.asked("shop", "refunds", containing="A7", name="shop first")
    await first.click("Approve")
    stage.mark("shop", await stage.world.bob.expect_card("#deploys", containing="B1"))
    granted = await stage.asked("granted", "refund C3", containing="C3")
    await granted.click("Allow like this for 8 h")
    await granted.becomes("are allowed in this conversation until", buttons=[])
    await stage.world.alice.expect_message("#deploys", containing="refund_order: refunded 30")


async def deadlines(stage: Stage) -> None:
    """A reminder, an escalation and an expiry to come."""
    await stage.asked("ladder", "drop the ladder")
    await stage.asked("expiring", "drop the milk")
    handed = await stage.asked("handed", "drop the baton")
    assert not (await (await handed.open_form("Extend deadline…")).submit({"value": "24"})).errors
    await handed.click("I'm looking")
    assert not (await (await handed.open_form("Hand over…")).submit({"value": "U0CAROL"})).errors
    await handed.becomes("Handed over to <@U0CAROL>")


async def elsewhere(stage: Stage) -> None:
    """A card in another channel with a copy in a direct message; one that waits until its channel opens again."""
    world = stage.world
    card = await stage.asked("posted", "drop the post", channel="#approvals")
    stage.mark("posted copy", await world.bob.expect_card("dm", containing="drop the post"))
    sign = await world.alice.expect_message("#deploys", containing="Waiting for a decision in <#C0APPROVALS>")
    stage.mark("posted sign", sign)
    await card.becomes("drop the post")
    await world.carol.archives("#archive")
    await world.alice.say("#deploys", "@signoff archived drop the archive")
    await world.alice.expect_message("#deploys", containing="it is archived", ephemeral=True)


async def failure(stage: Stage) -> None:
    """An agent that failed, and waits to be tried again."""
    stage.hold("work")
    await stage.world.alice.say("#deploys", "@signoff broken the mine")
    stage.mark("broken", await stage.world.alice.expect_card("#deploys", containing="does not work today"))


# What was done already ------------------------------------------------------------------------------------------------


async def closed(stage: Stage) -> None:
    """A card that is decided, and one that a rule decided."""
    card = await stage.asked("closed", "drop the view")
    await card.click("Approve")
    await card.becomes("Approved by <@U0BOB>", buttons=[])
    await stage.world.alice.expect_message("#deploys", containing="Done: drop the view.")
    await stage.world.alice.say("#deploys", "@signoff automatic drop the log")
    told = await stage.world.alice.expect_message("#deploys", containing="Approved automatically")
    stage.mark("automatic", told)
    await stage.world.alice.expect_message("#deploys", containing="Done: drop the log.")


async def own_classes(stage: Stage) -> None:
    """Finished conversations whose checkpoints hold classes of the agents' own code."""
    alice = stage.world.alice
    release = await stage.asked("review", "search", name="reviewed")
    await release.click("Approve")
    await alice.expect_message("#deploys", containing="search runs x2, large for 12.50 EUR on 2030-05-17.")
    booking = await stage.asked("form", "a hotel", containing="Whom shall I book for?", name="booked")
    values = {"guest": "Ada", "guests": "2", "arrival": "2030-05-17", "room": "double"}
    assert not (await (await booking.open_form("Answer", by=alice)).submit(values)).errors
    await alice.expect_message("#deploys", containing="Booked for Ada.")


# Conversations --------------------------------------------------------------------------------------------------------


async def talk(stage: Stage) -> None:
    """Three turns in a direct message; the second agent is active and waits for more."""
    alice = stage.world.alice
    await alice.say("dm", "I want shoes")
    last = await alice.expect_message("dm", containing="Ready for user input.")
    for said in ("they are broken", "both of them"):
        await alice.say("dm", said)
        last = await alice.expect_message("dm", containing="Ready for user input.")
    stage.mark("talk", last)


async def functional(stage: Stage) -> None:
    """A second turn of an agent of the functional API: a task is done, the question behind it is open."""
    first = await stage.asked("weather", "Rome", containing="sunny in Rome", name="weather first")
    await first.click("Approve")
    told = await stage.world.alice.expect_message("#deploys", containing="sunny in Rome")
    await stage.world.alice.say("#deploys", "@signoff Oslo", thread=told)
    stage.mark("weather", await stage.world.bob.expect_card("#deploys", containing="sunny in Oslo"))


async def queued(stage: Stage) -> None:
    """A message behind an open request."""
    card = await stage.asked("queued", "drop the queue")
    await stage.world.alice.say("#deploys", "@signoff drop the index", thread=card)
    await stage.world.alice.expect_message("#deploys", containing="Queued until", ephemeral=True)


# What was under way ---------------------------------------------------------------------------------------------------


async def dead_letter(stage: Stage) -> None:
    """A reply that was tried too often."""
    world = stage.world
    card = await stage.asked("plain", "burn the letter", name="dead")
    await world.at_rest()
    with redis.Redis.from_url(world.redis_url) as client:
        client.set(Keys().tries(world.thread(card), "chat"), 9_999)
    await card.click("Approve")
    await card.becomes("Approved by", buttons=[])

    async def look() -> bool | None:
        return True if await world.bot.ports.lanes.dead_letters() else None

    await wait_until(look, instead=lambda: "no work was given up")


async def kept_click(stage: Stage) -> None:
    """A click that is kept until it is known who is on call."""
    world = stage.world
    card = await stage.asked("paged", "drop the page")
    world.clock.advance(minutes=10)  # the bot asks again only after a while
    stage.service.hangs()
    await card.click("Approve")
    await world.bob.expect_message("#deploys", containing="Checking who is on call", ephemeral=True)


async def mid_run(stage: Stage) -> None:
    """A run that has its answer and is in its node, and behind it a decision that no run has begun to deliver."""
    stage.hold("legal the house")
    legal = await stage.asked("running", "the house", containing="Does legal agree?", name="running legal")
    finance = await stage.world.bob.expect_card("#deploys", containing="Does finance agree?")
    stage.mark("running finance", finance)
    await legal.click("Approve")
    await legal.becomes("Approved by <@U0BOB>", buttons=[])
    await finance.click("Approve")
    await finance.becomes("Approved by <@U0BOB>", buttons=[])


async def undrawn(stage: Stage) -> None:
    """A decision that the graph has, while its card still has buttons: Slack does not answer."""
    card = await stage.asked("redrawn", "drop the drawing")
    await stage.world.slack.people.fault(method="chat.update", status=500, times=99_999)
    await card.click("Approve")
    await stage.did("did drop the drawing")
    await stage.world.alice.expect_message("#deploys", containing="Done: drop the drawing.")
    assert (await card.now()).buttons


AT_REST: tuple[Scene, ...] = (
    closed,
    own_classes,
    plain_questions,
    half_decided,
    several_at_once,
    gates,
    deadlines,
    elsewhere,
    failure,
    talk,
    functional,
    queued,
    dead_letter,
)
UNDER_WAY: tuple[Scene, ...] = (kept_click, mid_run, undrawn)
"""The last ones: what they leave under way must not be finished by the time of the copy."""


async def write(folder: Path) -> None:
    """Write a fixture into an empty folder."""
    (folder / "documents.json.gz").write_bytes(_packed(json.dumps(documents(), indent=1)))
    with tempfile.TemporaryDirectory(prefix="fixture-") as temporary:
        home = Path(temporary)
        for file in _files():
            shutil.copy(file, home)
        (home / "slack").mkdir()
        (home / "slack" / "secrets.json").write_text(json.dumps(SECRETS), encoding="utf-8")
        people = people_file.load(home / "people.yaml")
        with embedded.running_sync(home / "valkey") as url:
            async with (
                ServiceServer() as service,
                PeopledSlack(data=home / "slack", people=people, rate_limit=None) as slack,
            ):
                service.pagerduty(ON_CALL)
                (home / ".env").write_text(f"ONCALL_URL={service.url}\n", encoding="utf-8")
                await _live(Stage(World(home, slack, url), service), folder)


async def _live(stage: Stage, folder: Path) -> None:
    world = stage.world
    await world.run()
    try:
        for scene in (*AT_REST, *UNDER_WAY):
            sys.stdout.write(f"{scene.__name__}\n")
            await scene(stage)
        _copy(stage, folder)
    finally:
        for held in world.folder.glob("hold *"):
            held.unlink()
        stage.service.release()
        await world.slack.people.fault(reset=True)
        await world.stop()


def _copy(stage: Stage, folder: Path) -> None:
    """Redis first: what Slack shows may be newer than what the bot knows, as after a real death."""
    world = stage.world
    made = {"version": _version(), "at": world.clock.now().isoformat(), "marks": stage.marks}
    entries = snapshot.take(world.redis_url)
    records = [json.dumps(each, separators=(",", ":")) for each in world.slack.workspace.state.snapshot()]
    snapshot.save(folder / "redis.json.gz", entries)
    (folder / "slack.json.gz").write_bytes(_packed("".join(f"{each}\n" for each in records)))
    (folder / "made.json").write_text(f"{json.dumps(made, indent=1)}\n", encoding="utf-8")
    for name in (*(file.name for file in _files()), "effects.txt"):
        shutil.copy(world.folder / name, folder)


def documents() -> Mapping[str, list[str]]:
    """Documents by the names of their codecs."""
    kinds: Mapping[str, Any] = {
        "APPROVAL": Approval,
        "ASK": Ask,
        "CONVERSATION": Conversation,
        "ENTRY": Entry,
        "GRANT": Grant,
        "EFFECT": Effect,
        "DEAD_LETTER": DeadLetter,
        "UNPOSTED": Unposted,
        "LOOKUP": LastLookup,
    }
    written = {name: [getattr(codec, name).dump(value) for value in filled(kind)] for name, kind in kinds.items()}
    return {name: [base64.b64encode(each).decode() for each in dict.fromkeys(found)] for name, found in written.items()}


def _packed(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def _files() -> list[Path]:
    return sorted(file for file in AGENTS.iterdir() if file.suffix in (".py", ".yaml"))


def _version() -> str:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(declared["project"]["version"])


def main() -> None:
    """Write the fixture of this version, unless there is one."""
    folder = HERE / _version()
    if folder.exists():
        sys.exit(f"{folder} is there already: a fixture is never written anew")
    folder.mkdir()
    try:
        asyncio.run(write(folder))
    except BaseException:
        shutil.rmtree(folder)
        raise


if __name__ == "__main__":
    main()
