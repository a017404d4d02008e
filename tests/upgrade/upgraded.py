"""A bot of this version on what an earlier one left behind: see `upgrade.write`.

**Time.** A fixture grows old, and its deadlines, grants and timers would all be over: so this version's bot goes by a
clock that shows the time of the earlier one's death, and `later`. What Redis forgets by itself (TTL) is loaded with
what was left of it then. Whether what stands there without a deadline outlasts the years is a test of its own, on the
machine's clock.

**People.** What was said before the upgrade counts as expected, so a test sees what this version says.
"""

import gzip
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from fakes.oncall_services import ServiceServer
from fakes.people import Message, wait_until
from stories.world import World, _mail
from upgrade import snapshot
from upgrade.write import ON_CALL, SECRETS

from bot.runtime.clock import SystemClock
from engine.approvals.audit import What
from engine.ids import ApprovalId, thread_of

HERE = Path(__file__).parent
MINUTES = timedelta(minutes=5)
"""How long an upgrade takes. What the dead process held (leases, names of agents) has lapsed by then."""


@dataclass(frozen=True)
class Fixture:
    """What one version left behind."""

    folder: Path

    def __str__(self) -> str:
        return self.folder.name

    @cached_property
    def made(self) -> Mapping[str, Any]:
        """The version, the time, and where messages stand."""
        return dict(json.loads((self.folder / "made.json").read_text(encoding="utf-8")))

    @cached_property
    def entries(self) -> Sequence[snapshot.Entry]:
        """All that Redis held."""
        return snapshot.load(self.folder / "redis.json.gz")

    @property
    def at(self) -> datetime:
        """When that bot was killed, by its clock."""
        return datetime.fromisoformat(self.made["at"])

    def files(self) -> set[str]:
        """The names of its files."""
        return {file.name for file in self.folder.iterdir()}

    def unpack(self, home: Path) -> None:
        """Put the user's files and the workspace into a folder."""
        for file in self.folder.iterdir():
            if file.suffix in (".py", ".yaml", ".txt"):
                shutil.copy(file, home)
        (home / "slack").mkdir()
        (home / "slack" / "secrets.json").write_text(json.dumps(SECRETS), encoding="utf-8")
        records = gzip.decompress((self.folder / "slack.json.gz").read_bytes())
        (home / "slack" / "workspace.jsonl").write_bytes(records)


def _order(made: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in made.parent.name.split("."))


FIXTURES = [Fixture(made.parent) for made in sorted(HERE.glob("*/made.json"), key=_order)]
assert FIXTURES, "without a fixture these tests would all be skipped"


class ClockFrom(SystemClock):
    """A clock that goes on from a time in the past."""

    ahead = timedelta(days=36_500)

    def __init__(self, since: datetime) -> None:
        self.behind = datetime.now(UTC) - since

    def now(self) -> datetime:
        """Aware, in UTC."""
        return datetime.now(UTC) - self.behind


@dataclass(slots=True)
class Upgraded:
    """The world after the upgrade; the bot starts when the test says so."""

    fixture: Fixture
    world: World
    service: ServiceServer
    UNDER_WAY: ClassVar = (
        "legal on the house: True",
        "finance on the house: True",
        "signed the house",
        "did drop the page",
    )
    """What this version does of itself, since the earlier one did not come to it."""

    async def begin(self, later: timedelta = MINUTES, clock: SystemClock | None = None) -> None:
        """Start this version's bot, `later` than the one before died."""
        snapshot.put(self.world.redis_url, self.fixture.entries, later)
        self.service.pagerduty(ON_CALL)
        self.world.own_clock = clock or ClockFrom(self.fixture.at + later)
        for name in ("alice", "bob", "carol"):
            for channel in (await self.world.slack.person(name).state())["channels"]:
                self.world.slack.people.expected.update((channel["id"], each["ts"]) for each in channel["messages"])
        await self.world.run()

    async def message(self, name: str) -> Message:
        """A message of the version before as it stands now, seen by whose direct message it is in, else by bob."""
        mark = self.fixture.made["marks"][name]
        person = self.world.alice if mark["channel"] == "D0ALICE" else self.world.bob
        return await Message(person, mark["channel"], {"ts": mark["ts"]}).now()

    async def rows(self, approval: ApprovalId) -> list[What]:
        """The audit of an approval, but for what goes on by itself: calls and reminders."""
        rows = await self.world.bot.ports.audit.of_thread(thread_of(approval))
        return [row.what for row in rows if row.approval == approval and row.what not in (What.CALLED, What.REMINDED)]

    def until(self, timer: str, name: str) -> timedelta:
        """How long after the death of the earlier version a timer of a card is due."""
        thread = self.fixture.made["marks"][name]["thread_ts"]
        (timers,) = [each["value"] for each in self.fixture.entries if each["key"] == "signoff:timers"]
        (due,) = [score for member, score in timers if member.startswith(f"{timer}/") and f":{thread}#" in member]
        return datetime.fromtimestamp(float(due) / 1_000_000, UTC) - self.fixture.at

    def own_types(self) -> set[tuple[str, str]]:
        """The classes of the agents' own code, as the bot that runs has loaded them."""
        names = [name for name in sys.modules if name.startswith(("signoff_agent_release", "signoff_agent_booking"))]
        return {
            (name, each.__name__)
            for name in names
            for each in vars(sys.modules[name]).values()
            if isinstance(each, type) and each.__module__ == name
        }

    def log(self) -> list[str]:
        """What the graphs did, before the upgrade and after it."""
        return (self.world.folder / "effects.txt").read_text(encoding="utf-8").splitlines()

    async def did(self, *what: str) -> None:
        """Wait until graphs did these things, and all is at rest: each was done once."""

        async def look() -> bool | None:
            return True if set(what) <= set(self.log()) else None

        await wait_until(look, instead=lambda: f"not {what}, but {self.log()}")
        await self.at_rest()
        assert [self.log().count(each) for each in what] == [1] * len(what), self.log()

    async def at_rest(self) -> None:
        """Wait until no lane holds work; nothing was given up."""

        async def look() -> bool | None:
            return None if _mail(self.world.redis_url) else True

        await wait_until(look, instead=lambda: f"not done: {_mail(self.world.redis_url)}")
        letters = [each.id for each in await self.world.bot.ports.lanes.dead_letters()]
        assert [each for each in letters if not _was_dead(self.fixture, each)] == [], "work was given up"


def _was_dead(fixture: Fixture, letter: str) -> bool:
    (found,) = [each["value"] for each in fixture.entries if each["key"] == "signoff:dead"]
    return letter in [name for name, _ in found]
