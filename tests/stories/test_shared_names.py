"""Workers of one supervisor look up names in Slack once; here two bots of one process pass them on."""

import json
from dataclasses import dataclass, field, replace

import pytest
from stories.test_calling import a_rule
from stories.world import World

from bot.config.load import load
from bot.config.problems import ProblemsError
from bot.config.settings import Config
from bot.runtime.shared_names import ToldNames
from bot.wiring.assembly import bot
from bot.wiring.slack import CHANNELS_SECONDS
from engine.ids import UserId

LISTS = ("users.list", "usergroups.list", "conversations.list")


@dataclass(slots=True)
class Shared:
    """What a supervisor keeps for its workers."""

    kept: ToldNames | None = None
    times: list[str] = field(default_factory=list)

    async def told(self) -> ToldNames | None:
        return self.kept

    def tell(self, names: str) -> None:
        self.kept = ToldNames(names, 0.0)
        self.times.append(names)


async def known_by_the_first(world: World) -> tuple[Config, Shared]:
    """A bot has looked up a rule's names, and Slack lists nothing any more."""
    await world.start("review_tool_call", approvals=[a_rule(approvers={"users": ["alice"], "groups": ["payments"]})])
    config = load(world.folder / "app.yaml", world.slack.environment() | {"REDIS_URL": world.redis_url})
    shared = Shared()
    async with bot(config, shared=shared) as first:
        assert first.core.rules.book == world.bot.core.rules.book
    assert len(shared.times) == 1
    for each in LISTS:
        await world.slack.people.fault(method=each, error="missing_scope", times=99)
    return config, shared


async def test_a_second_worker_lists_nothing_in_slack_and_means_the_same_people(world: World) -> None:
    config, shared = await known_by_the_first(world)
    async with bot(config, shared=shared) as second:
        assert second.core.rules.book == world.bot.core.rules.book
        assert second.core.rules.handles == world.bot.core.rules.handles
    assert len(shared.times) == 1, "it told nothing that it had not looked up"


async def test_a_worker_that_starts_much_later_asks_again_which_channels_are_open_and_nothing_else(
    world: World,
) -> None:
    config, shared = await known_by_the_first(world)
    assert shared.kept is not None
    shared.kept = replace(shared.kept, age=CHANNELS_SECONDS)
    with pytest.raises(ProblemsError, match=r"conversations\.list"):
        async with bot(config, shared=shared):
            raise AssertionError("it started")
    await world.slack.people.fault(reset=True)
    for each in LISTS[:2]:
        await world.slack.people.fault(method=each, error="missing_scope", times=99)
    async with bot(config, shared=shared) as late:
        assert late.core.rules.book == world.bot.core.rules.book


async def test_names_that_cannot_be_read_are_looked_up(world: World) -> None:
    """They are those of another version, which was installed while the bot runs."""
    config, shared = await known_by_the_first(world)
    shared.kept = ToldNames("[{}, {}]", 0.0)
    with pytest.raises(ProblemsError):
        async with bot(config, shared=shared):
            raise AssertionError("it started")
    await world.slack.people.fault(reset=True)
    async with bot(config, shared=shared) as late:
        assert late.core.rules.book == world.bot.core.rules.book


@pytest.mark.promise("P6")
async def test_who_is_in_a_group_is_never_taken_from_another_worker(world: World) -> None:
    config, shared = await known_by_the_first(world)
    assert shared.kept is not None
    known, channels = json.loads(shared.kept.names)
    (group,) = known["groups"]["found"].values()
    group["people"] = ["U0MALLORY"]
    shared.kept = ToldNames(json.dumps([known, channels]), 0.0)
    await world.slack.people.fault(reset=True)
    async with bot(config, shared=shared) as second:
        found = await second.ports.groups.members(group["id"], 5.0)
    assert UserId("U0BOB") in found.people
    assert UserId("U0MALLORY") not in found.people
