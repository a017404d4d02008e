"""Static breakpoints: people decide before a node of a graph that knows nothing of approval."""

from collections.abc import Mapping
from typing import Any

import pytest
from fakes.people import Message, Person
from stories.test_pattern_time_travel import look
from stories.world import World

from bot.wiring.ports import Ports
from engine.approvals.effects import Effect, Resume
from engine.ports import Lanes

STATE: Mapping[str, Any] = {"input": {"service": "$text"}, "reply": "status"}
GATED: Mapping[str, Any] = {**STATE, "interrupt_before": ["deploy"]}


@pytest.mark.promise("P3")
async def test_a_breakpoint_shows_the_next_node_and_the_state_and_waits(world: World) -> None:
    await world.start("rollout", **GATED)
    card = await world.asked("billing")
    assert 'Run the step "deploy"?' in card.text
    assert all(words in card.text for words in ("service:", "billing", "replicas:", "3"))
    assert card.buttons == ["Continue", "Edit state", "Skip", "Stop"]
    await world.at_rest()
    await world.done()

    await world.restart()
    await card.click("Continue")
    await world.alice.expect_message("#deploys", containing="billing runs x3, and everybody knows")
    await card.becomes("Continued by <@U0BOB>", buttons=[])
    await world.done("deploy billing x3", "announce billing")
    await world.nothing_else()


@pytest.mark.promise("P4")
async def test_an_edited_state_is_what_runs(world: World) -> None:
    await world.start("rollout", **GATED)
    card = await world.asked("billing")
    form = await card.open_form("Edit state")
    wrong = await form.submit({"replicas": "many"})
    assert wrong.errors
    await form.submit({"replicas": "1"})
    await world.alice.expect_message("#deploys", containing="billing runs x1")
    shown = await card.becomes("Continued with changes by <@U0BOB>", buttons=[])
    assert "3 → 1" in shown.text
    await world.done("deploy billing x1", "announce billing")
    await world.nothing_else()


@pytest.mark.parametrize(
    ("button", "outcome", "done"), [("Skip", "Skipped", ["announce billing"]), ("Stop", "Stopped", [])]
)
async def test_a_node_is_skipped_or_the_run_is_stopped(
    world: World, button: str, outcome: str, done: list[str]
) -> None:
    await world.start("rollout", **GATED)
    card = await world.asked("billing")
    await card.click(button)
    await card.becomes(f"{outcome} by <@U0BOB>", buttons=[])
    if button == "Skip":
        await world.alice.expect_message("#deploys", containing="billing is planned, and everybody knows")
    else:
        told = await world.alice.expect_message("#deploys", containing="stopped the run. To start again, send a new")
        assert told.notification.startswith("<@U0BOB> stopped")
    await world.done(*done)
    await world.nothing_else()
    await world.alice.say("#deploys", "@signoff ledger", thread=card)
    await world.bob.expect_card("#deploys", containing="ledger")
    await world.done(*done)


@pytest.mark.promise("P6")
async def test_a_breakpoint_is_decided_under_the_rules(world: World) -> None:
    rule = {"approvers": {"users": ["bob", "carol"]}, "quorum": 2}
    await world.start("rollout", approvals=[rule], **GATED)
    card = await world.asked("billing")
    await card.click("Continue", by=world.alice)
    await world.alice.expect_message("#deploys", containing="not an approver", ephemeral=True)
    await card.click("Continue")
    await card.becomes("1 of 2 approvals")
    await world.done()
    await card.click("Continue", by=world.carol)
    await world.alice.expect_message("#deploys", containing="billing runs x3")
    await world.done("deploy billing x3", "announce billing")
    await world.nothing_else()


@pytest.mark.promise("P4")
async def test_a_message_meanwhile_waits_for_the_breakpoint(world: World) -> None:
    await world.start("rollout", **GATED)
    card = await world.asked("billing")
    await world.alice.say("#deploys", "@signoff ledger", thread=card)
    await world.alice.expect_message("#deploys", containing="Queued until", ephemeral=True)
    await card.click("Continue")
    await world.alice.expect_message("#deploys", containing="billing runs x3")
    await world.bob.expect_card("#deploys", containing="ledger")
    await world.done("deploy billing x3", "announce billing")


async def test_breakpoints_that_were_compiled_in_are_each_decided(world: World) -> None:
    await world.start("compiled_rollout", **STATE)
    before = await world.asked("billing", containing='Run the step "deploy"?')
    await before.click("Continue")
    after = await world.bob.expect_card("#deploys", containing='Run the step "announce"?')
    await world.done("deploy billing x3")
    await after.click("Continue")
    await world.alice.expect_message("#deploys", containing="and everybody knows")
    await world.done("deploy billing x3", "announce billing")
    await before.becomes("Continued", buttons=[])
    await after.becomes("Continued", buttons=[])
    await world.nothing_else()


async def test_a_node_that_is_not_there_does_not_start(world: World) -> None:
    with pytest.raises(Exception, match='no node "deply" for a breakpoint'):
        await world.start("rollout", **{**GATED, "interrupt_before": ["deply"]})


@pytest.mark.promise("P6")
async def test_before_tools_it_becomes_a_gate_for_each_call_under_the_rules_of_that_tool(world: World) -> None:
    rule = {"when": {"tool": "delete_*"}, "approvers": {"users": ["carol"]}}
    await world.start("cleaner", approvals=[rule], interrupt_before=["tools"])
    card = await world.asked("notes.txt", containing="delete_file")
    assert card.buttons == ["Approve", "Edit", "Reject"] * 2
    await _press(card, "Approve", 0, world.bob)
    await _press(card, "Approve", 1, world.bob)
    await world.bob.expect_message("#deploys", containing="You are not an approver", ephemeral=True)
    await world.done()
    await _press(card, "Approve", 1, world.carol)
    await world.alice.expect_message("#deploys", containing="notes.txt has 3 lines; notes.txt is deleted")
    await world.done("read notes.txt", "delete notes.txt", in_any_order=True)
    await card.becomes("Approved", buttons=[])
    await world.nothing_else()


async def _press(card: Message, label: str, row: int, by: Person) -> None:
    """Press the button of one row."""
    block = next(each for each in card.shown["blocks"] if each.get("block_id") == f"action:{row}")
    element = next(each for each in block["elements"] if each["text"]["text"] == label)
    outcome = await by._act(
        "click", channel=card.channel, ts=card.ts, action_id=element["action_id"], block_id=block["block_id"]
    )
    assert outcome.acked


async def test_a_refused_call_does_not_run_and_the_model_learns_why(world: World) -> None:
    await world.start("cleaner", interrupt_before=["tools"])
    card = await world.asked("notes.txt", containing="delete_file")
    await _press(card, "Approve", 0, world.bob)
    await _press(card, "Reject", 1, world.bob)
    await (await world.bob.expect_form(title="Reject")).submit({"Reason": "keep the notes"})
    await world.alice.expect_message("#deploys", containing="keep the notes; notes.txt has 3 lines")
    await world.done("read notes.txt")
    await card.becomes("keep the notes", buttons=[])
    await world.nothing_else()


# NodeInterrupt, and input as a node -----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["Edit state", "Skip"])
async def test_a_node_interrupt_is_mended_by_another_state_or_skipped(world: World, way: str) -> None:
    await world.start("word_limit", input={"input": "$text"}, reply="input")
    card = await world.asked("hello world", containing="longer than 5 characters: hello world")
    assert card.buttons == ["Continue", "Edit state", "Skip", "Stop"]
    if way == "Skip":
        await card.click("Skip")
        await world.alice.expect_message("#deploys", containing="hello world went through")
        await world.done("step 3 with hello world")
    else:
        await card.click("Continue")
        again = await world.bob.expect_card("#deploys", containing="longer than 5")
        assert again.ts != card.ts, "the condition still holds: it is asked anew"
        await (await again.open_form("Edit state")).submit({"input": "hello"})
        await world.alice.expect_message("#deploys", containing="hello went through")
        await world.done("step 2 with hello", "step 3 with hello")
        await again.becomes("Continued with changes", buttons=[])
    await card.becomes("by <@U0BOB>", buttons=[])
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_words_become_the_input_of_an_empty_node(world: World) -> None:
    feedback = {
        "when": {"node": "human_feedback"},
        "ask": "Which language?",
        "answer": {"update": {"user_feedback": "$text"}, "as_node": "human_feedback"},
    }
    await world.start("human_feedback", input={"input": "$text"}, reply="answer", answers=[feedback])
    await world.alice.say("#deploys", "@signoff hello")
    question = await world.alice.expect_card("#deploys", containing="Which language?")
    await world.alice.say("#deploys", "Finnish", thread=question)
    await world.alice.expect_message("#deploys", containing="hello, in Finnish")
    await question.becomes("Finnish", buttons=[])
    await world.done()
    await world.nothing_else()


# Beside a question ----------------------------------------------------------------------------------------------------


class DiesOnce:
    """Lanes that fail once, as though the process had died, where an answer that was held is put into its lane."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self.died = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lanes, name)

    async def put(self, effect: Effect, key: str) -> bool:
        if isinstance(effect, Resume) and not self.died:
            self.died = True
            raise RuntimeError("the process died")
        return await self._lanes.put(effect, key)


async def _approved_at_a_gate_beside(world: World, way: str) -> tuple[Message, Message]:
    """Bob approves a question while the subgraph beside it stands at a breakpoint: the cards of both."""
    world.outside.broken.add("fetch")
    await world.start("gated_beside", input={"table": "$text"}, reply="told", resume=way)
    await world.alice.say("#deploys", "@signoff customers")
    question = await world.bob.expect_card("#deploys", containing="Tell the customers?")
    failure = await world.bob.expect_card("#deploys", containing="fetch does not work today")
    world.outside.broken.clear()
    await failure.click("Retry", by=world.alice)
    await failure.becomes("Retried", buttons=[])
    gate = await world.bob.expect_card("#deploys", containing='Run the step "clean > wipe"?')
    await question.click("Approve")
    await question.becomes("Approved by <@U0BOB>", buttons=[])
    await world.at_rest()
    await world.done("fetch customers")
    return question, gate


@pytest.mark.promise("P3")
@pytest.mark.parametrize("way", ["each", "together"])
async def test_an_answer_given_at_a_breakpoint_beside_it_waits_until_that_is_passed(world: World, way: str) -> None:
    _, gate = await _approved_at_a_gate_beside(world, way)
    await gate.click("Continue")
    await world.alice.expect_message("#deploys", containing="Informed: auditors, customers.")
    await gate.becomes("Continued by <@U0BOB>", buttons=[])
    await world.done("fetch customers", "wipe customers", "customers are told: True")
    await world.nothing_else()


@pytest.mark.promise("P1")
async def test_an_answer_that_a_breakpoint_held_outlives_a_death_right_behind_it(world: World) -> None:
    def dying(ports: Ports) -> None:
        ports.lanes = DiesOnce(ports.lanes)
        made.append(ports.lanes)

    made: list[DiesOnce] = []
    world.alter = dying
    _, gate = await _approved_at_a_gate_beside(world, "each")
    await gate.click("Continue")
    await world.alice.expect_message("#deploys", containing="Informed: auditors, customers.")
    await gate.becomes("Continued by <@U0BOB>", buttons=[])
    await world.done("fetch customers", "wipe customers", "customers are told: True")
    await world.nothing_else()
    assert made[0].died


@pytest.mark.promise("P3")
async def test_an_answer_that_a_breakpoint_held_is_told_undelivered_where_the_run_goes_back(world: World) -> None:
    question, gate = await _approved_at_a_gate_beside(world, "each")
    world.outside.broken.add("fetch")
    await (await look(gate, world.bob, "ask, clean")).submit()
    await world.alice.expect_message("#deploys", containing="restarted from an earlier step")
    await world.bob.expect_card("#deploys", containing="fetch does not work today")
    await question.becomes("not delivered", buttons=[])
    again = await world.bob.expect_card("#deploys", containing="Tell the customers?")
    assert again.ts != question.ts
    await world.at_rest()
