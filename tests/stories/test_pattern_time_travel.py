"""Time travel: looking back in a conversation, and running on from an earlier point of it, as it was or changed."""

from collections.abc import Mapping
from typing import Any

import pytest
from fakes.people import Form, Message, Person
from stories.world import World

STATE: Mapping[str, Any] = {"input": {"task": "$text"}, "reply": "log[2]"}
PREPARED = "Finished: prepare. Next: ask"
AGREED = "Finished: ask. Next: act"


async def look(card: Message, by: Person, row: str) -> Form:
    """Open the history by the menu of a card, and look at one of its points."""
    await card.click("History", by=by)
    listed = await by.expect_form(title="History")
    rows = [block for block in listed.view["blocks"] if block["type"] == "section"]
    found = next(block for block in rows if row in block["text"]["text"])
    element = found["accessory"]
    outcome = await by._act(
        "click", view_id=listed.view["id"], action_id=element["action_id"], block_id=found["block_id"]
    )
    assert outcome.acked
    return await by.expect_form(title="Go back")


@pytest.mark.promise("P4")
@pytest.mark.promise("P9")
async def test_a_replay_from_before_a_question_asks_it_anew_and_withdraws_the_old_card(world: World) -> None:
    await world.start("trouble", **STATE)
    card = await world.asked("the move")
    form = await look(card, world.bob, PREPARED)
    assert "task" in form.fields
    assert not (await form.submit()).errors
    told = await world.alice.expect_message("#deploys", containing="restarted from an earlier step")
    assert told.shown["text"] == "<@U0BOB> restarted from an earlier step."
    shown = await card.becomes("Withdrawn", buttons=[])
    assert "restarted from an earlier step" in shown.text
    anew = await world.bob.expect_card("#deploys", containing="Do the move?")
    assert anew.ts != card.ts
    await card.click("Approve", stale=True)
    await world.bob.expect_message("#deploys", containing="restarted", ephemeral=True)
    await anew.click("Approve")
    await world.alice.expect_message("#deploys", containing="done")
    assert len([each for each in world.outside.done if each.startswith("act")]) == 1
    thread = world.thread(card)
    rows = await world.bot.ports.audit.of_thread(thread)
    assert [row.who for row in rows if row.what.value == "travelled"] == ["U0BOB"]


async def test_a_fork_runs_on_with_the_state_that_was_written(world: World) -> None:
    await world.start("trouble", **STATE)
    card = await world.asked("the move")
    form = await look(card, world.bob, PREPARED)
    await form.submit({"task": "another move"})
    anew = await world.bob.expect_card("#deploys", containing="Do another move?")
    await anew.click("Approve")
    await world.alice.expect_message("#deploys", containing="done")
    assert any(each.startswith("act on another move") for each in world.outside.done)


async def test_a_wrong_value_is_refused_at_its_field(world: World) -> None:
    await world.start("rollout", input={"service": "$text"}, reply="status", interrupt_before=["deploy"])
    card = await world.asked("billing")
    form = await look(card, world.bob, "Finished: plan. Next: deploy")
    assert (await form.submit({"replicas": "many"})).errors
    assert not (await form.submit({"replicas": "1"})).errors
    anew = await world.bob.expect_card("#deploys", containing='Run the step "deploy"?')
    assert "1" in anew.text
    await world.done()


@pytest.mark.promise("P6")
async def test_behind_a_decision_only_who_could_have_made_it_goes_back(world: World) -> None:
    await world.start("trouble", approvals=[{"approvers": {"users": ["carol"]}}], **STATE)
    card = await world.asked("the move")
    await card.click("Approve", by=world.carol)
    await world.alice.expect_message("#deploys", containing="done")
    done = list(world.outside.done)
    for nobody in (world.alice, world.bob):
        form = await look(card, nobody, AGREED)
        await form.submit()
        refused = await nobody.expect_form(title="History")
        assert "<@U0CAROL>" in refused.text
    await world.at_rest()
    assert world.outside.done == done
    form = await look(card, world.carol, AGREED)
    await form.submit()
    await world.alice.expect_message("#deploys", containing="restarted from an earlier step")
    await world.at_rest()
    assert len(world.outside.done) == len(done) + 1, "it acts again, once"


@pytest.mark.promise("P6")
async def test_what_took_two_people_takes_nobody_alone_back(world: World) -> None:
    rule = {"approvers": {"users": ["bob", "carol"]}, "quorum": 2}
    await world.start("trouble", approvals=[rule], **STATE)
    card = await world.asked("the move")
    form = await look(card, world.bob, PREPARED)
    await form.submit()
    assert "takes 2 people" in (await world.bob.expect_form(title="History")).text


async def is_refused(world: World, card: Message, values: Mapping[str, str]) -> None:
    """Bob, who approved it, cannot go back behind his approval."""
    done = list(world.outside.done)
    form = await look(card, world.bob, AGREED)
    await form.submit(dict(values))
    assert "<@U0CAROL>" in (await world.bob.expect_form(title="History")).text
    await world.at_rest()
    assert world.outside.done == done


@pytest.mark.promise("P6")
async def test_behind_a_decision_the_state_is_changed_only_by_whom_each_rule_lets_decide(world: World) -> None:
    """Bob may approve this move alone: what he would make of it behind the approval, no card ever shows."""
    small = {"when": {"if": "args.question == 'Do the move?'"}, "approvers": {"users": ["bob"]}}
    await world.start("trouble", approvals=[small, {"approvers": {"users": ["carol"]}}], **STATE)
    card = await world.asked("the move")
    await card.click("Approve", by=world.bob)
    await world.alice.expect_message("#deploys", containing="done")
    await is_refused(world, card, {"task": "another move"})


@pytest.mark.promise("P6")
async def test_who_was_taken_out_of_the_rule_does_not_go_back(world: World) -> None:
    await world.start("trouble", approvals=[{"approvers": {"users": ["bob", "carol"]}}], **STATE)
    card = await world.asked("the move")
    await card.click("Approve", by=world.bob)
    await world.alice.expect_message("#deploys", containing="done")
    await world.stop()
    file = world.folder / "app.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("    - bob\n", ""), encoding="utf-8")
    await world.run()
    await is_refused(world, card, {})


@pytest.mark.promise("P3")
async def test_a_form_that_is_sent_twice_goes_back_once(world: World) -> None:
    await world.start("trouble", **STATE)
    card = await world.asked("the move")
    form = await look(card, world.bob, PREPARED)
    await world.slack.people.fault(duplicate=True)
    await form.submit()
    await world.bob.expect_card("#deploys", containing="Do the move?")
    await world.at_rest()
    cards = [each for each in await world.bob.messages("#deploys") if each.buttons]
    assert len(cards) == 1


async def test_the_command_shows_a_channels_conversations_and_a_persons_own(world: World) -> None:
    await world.start("trouble", **STATE)
    await world.bob.command("#deploys", "/signoff", "history")
    assert "no conversation" in (await world.bob.expect_form(title="History")).text
    await world.asked("the move")
    await world.bob.command("#deploys", "/signoff", "history")
    assert PREPARED in (await world.bob.expect_form(title="History")).text
    await world.asked("another move")
    await world.bob.command("#deploys", "/signoff", "history")
    which = await world.bob.expect_form(title="History")
    assert which.fields == ["Conversation"]
    await which.submit()
    assert PREPARED in (await world.bob.expect_form(title="History")).text


@pytest.mark.promise("P6")
async def test_a_direct_message_is_its_persons_own_to_look_back_in(world: World) -> None:
    await world.start("trouble", **STATE)
    await world.alice.say("dm", "the move")
    card = await world.alice.expect_card("dm", containing="Do the move?")
    form = await look(card, world.alice, PREPARED)
    await form.submit()
    anew = await world.alice.expect_card("dm", containing="Do the move?")
    assert anew.ts != card.ts
    await world.bob.command("dm", "/signoff", "history")
    assert "no conversation" in (await world.bob.expect_form(title="History")).text


@pytest.mark.promise("P5")
async def test_from_a_run_that_a_rejection_stopped_people_go_back_and_are_asked_anew(world: World) -> None:
    await world.start("summary_to_edit", input={"summary": "$text"}, reply="summary")
    card = await world.asked("mat", containing="The cat sat on the mat.")
    assert not (await (await card.open_form("Reject")).submit({"Reason": "dull"})).errors
    await card.becomes("Rejected by", buttons=[])
    await world.alice.expect_message("#deploys", containing="so the run was stopped")
    form = await look(card, world.bob, "Finished: generate_summary. Next: human_review_edit")
    assert not (await form.submit({"summary": "The cat lay on the rug."})).errors
    await world.alice.expect_message("#deploys", containing="restarted from an earlier step")
    anew = await world.bob.expect_card("#deploys", containing="The cat lay on the rug.")
    await anew.click("Approve")
    await world.alice.expect_message("#deploys", containing="Using edited summary: The cat lay on the rug.")
    await world.nothing_else()
