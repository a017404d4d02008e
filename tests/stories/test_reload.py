"""`app.yaml` is read anew while the bot runs: all of it takes effect, or nothing does.

What waits keeps the rule that it was asked under, unless somebody is taken out of it.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from stories.world import World, agent

from bot.telemetry import Metrics

pytestmark = pytest.mark.promise("P6")

NOT_AN_APPROVER = "not an approver of this request"
TAKEN_OUT = "you are no longer one of its approvers"


def rules(*users: str, **more: Any) -> list[dict[str, Any]]:
    return [{"when": {"tool": "*"}, "approvers": {"users": [*users]}, **more}]


async def _asked(world: World, approvals: Sequence[Any], **more: Any) -> Any:
    await world.start("review_tool_call", approvals=approvals, **more)
    return await world.asked("billing")


async def _refused(world: World, card: Any, name: str, says: str = NOT_AN_APPROVER) -> None:
    person = world.slack.person(name)
    await card.click("Approve", by=person)
    await person.expect_message("#deploys", containing=says, ephemeral=True)


async def _approves(world: World, card: Any, name: str) -> None:
    await card.click("Approve", by=world.slack.person(name))
    await card.becomes(f"Approved by <@U0{name.upper()}>", buttons=[])
    await world.alice.expect_message("#deploys", containing="deployed x2")


async def test_a_wider_rule_reaches_what_is_asked_from_now_on(world: World) -> None:
    waits = await _asked(world, rules("bob"))
    assert await world.reload(approvals=rules("bob", "carol"))
    await _refused(world, waits, "carol")
    await world.alice.say("#deploys", "@signoff search")
    asked_later = await world.carol.expect_card("#deploys", containing="search")
    await _approves(world, asked_later, "carol")
    await _approves(world, waits, "bob")
    await world.nothing_else()


async def test_who_is_taken_out_of_a_rule_decides_nothing_that_waits(world: World) -> None:
    card = await _asked(world, rules("bob", "carol"))
    assert await world.reload(approvals=rules("carol"))
    await _refused(world, card, "bob", TAKEN_OUT)
    await _approves(world, card, "carol")
    await world.nothing_else()


async def test_the_vote_of_who_is_taken_out_falls(world: World) -> None:
    card = await _asked(world, rules("bob", "carol", "alice", quorum=2, own_requests=True))
    await card.click("Approve", by=world.bob)
    await card.becomes("1 of 2 approvals: <@U0BOB>")
    assert await world.reload(approvals=rules("carol", "alice", quorum=2, own_requests=True))
    await card.click("Approve", by=world.carol)
    await card.becomes("1 of 2 approvals: <@U0CAROL>")
    await world.bob.expect_message("#deploys", containing="your vote no longer counts", ephemeral=True)
    await card.click("Approve", by=world.alice)
    await card.becomes("Approved by <@U0CAROL>, <@U0ALICE>", buttons=[])
    await world.alice.expect_message("#deploys", containing="deployed x2")
    await world.nothing_else()


async def test_without_its_rule_a_request_is_decided_by_those_who_were_asked(world: World) -> None:
    """The default rule names everybody in the channel: that widens, and reaches nothing that waits."""
    card = await _asked(world, rules("bob"))
    assert await world.reload(approvals=[])
    await _refused(world, card, "carol")
    await _approves(world, card, "bob")
    await world.nothing_else()


async def test_the_order_of_the_rules_changes_nothing_where_the_same_people_decide(world: World) -> None:
    other = {"when": {"tool": "other"}, "approvers": {"users": ["carol"]}}
    card = await _asked(world, [other, *rules("bob")])
    assert await world.reload(approvals=rules("bob"))
    await _refused(world, card, "carol")
    await _approves(world, card, "bob")
    await world.nothing_else()


async def test_another_rule_that_comes_first_takes_people_out(world: World) -> None:
    card = await _asked(world, rules("bob", "carol"))
    first = {"when": {"tool": "*", "if": "args.replicas < 5"}, "approvers": {"users": ["carol"]}}
    assert await world.reload(approvals=[first, *rules("bob")])
    await _refused(world, card, "bob", TAKEN_OUT)
    await _approves(world, card, "carol")
    await world.nothing_else()


@pytest.mark.promise("P5")
async def test_a_rule_that_would_approve_now_decides_nothing_that_waits(world: World) -> None:
    card = await _asked(world, rules("bob"))
    assert await world.reload(approvals=[{"when": {"tool": "*"}, "decide": "approve"}])
    await world.at_rest()
    await card.becomes("Approvers: <@U0BOB>", buttons=["Approve", "Edit", "Reject"])
    await _approves(world, card, "bob")
    await world.nothing_else()


async def test_the_same_file_is_the_same_edition(world: World) -> None:
    card = await _asked(world, rules("bob", hours={"zone": "UTC", "days": "mon-sun", "from": "00:00", "to": "24:00"}))
    edition = (await world.approval(card)).edition
    assert await world.reload()
    assert edition == world.bot.core.rules.edition
    assert await world.reload(approvals=rules("bob"))
    assert edition != world.bot.core.rules.edition
    await _approves(world, card, "bob")


WRONG = {
    "a mistake in the file": {"retention": "never"},
    "somebody whom Slack does not know": {"approvals": rules("carol", "nobody")},
    "a group that does not exist": {"approvals": [{"approvers": {"groups": ["nothing"]}, "notify": "dm"}]},
    "a condition that is none": {"approvals": [{"when": {"if": "args.a >"}, "approvers": {"users": ["carol"]}}]},
    "a group in a condition that does not exist": {
        "approvals": [{"when": {"if": "'nothing' in requester_groups"}, "approvers": {"users": ["carol"]}}]
    },
    "an agent": {"agents": {"other": dict(agent("review_tool_call"))}, "approvals": rules("carol")},
    "the time that things are kept": {"retention": "3d", "approvals": rules("carol")},
    "gates": {"defaults": {"gate_tools": ["x"]}, "approvals": rules("carol")},
    "where it listens": {"http": {"port": 8123}, "approvals": rules("carol")},
}


@pytest.mark.promise("P10")
@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG.keys())
async def test_where_anything_is_wrong_or_needs_a_restart_nothing_changes(changes: Any, world: World) -> None:
    card = await _asked(world, rules("bob"))
    kept = dict(world._said)
    assert not await world.reload(**changes)
    (told,) = world.bot.degraded()
    assert told.startswith("app.yaml was not reloaded at ")
    assert stale(world.bot.metrics)
    await _refused(world, card, "carol")
    world._said = kept
    assert await world.reload(approvals=rules("bob", "carol"))
    assert not world.bot.degraded()
    assert not stale(world.bot.metrics)
    await _approves(world, card, "bob")
    await world.nothing_else()


def stale(metrics: Metrics) -> bool:
    return b"signoff_rules_stale 1.0" in metrics.text()


def rotation(name: str) -> dict[str, Any]:
    return {"ops": {"rotation": {"zone": "UTC", "starts": "2020-01-01T00:00", "every": "3650d", "people": [name]}}}


async def test_a_rotation_is_replaced_with_the_rules(world: World) -> None:
    await world.start("review_tool_call", approvals=rules("bob"))
    on_call = [{"when": {"tool": "*"}, "approvers": {"oncall": ["ops"]}}]
    assert await world.reload(oncall=rotation("bob"), approvals=on_call)
    card = await world.asked("billing")
    await _refused(world, card, "carol", "The person on call (ops) can decide it")
    assert await world.reload(oncall=rotation("carol"))
    await _refused(world, card, "bob", "The person on call (ops) can decide it")
    await _approves(world, card, "carol")


@pytest.mark.promise("P6")
async def test_without_its_schedule_nobody_is_on_call(world: World) -> None:
    on_call = [{"when": {"tool": "*"}, "approvers": {"oncall": ["ops"], "users": ["carol"]}}]
    await world.start("review_tool_call", approvals=rules("bob"))
    assert await world.reload(oncall=rotation("bob"), approvals=on_call)
    card = await world.asked("billing")
    assert await world.reload(oncall={}, approvals=rules("bob", "carol"))
    await _refused(world, card, "bob", "ops")
    await _approves(world, card, "carol")
