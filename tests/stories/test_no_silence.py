"""A thread never goes silent: every turn ends with something that its people can read."""

from typing import Any

import pytest
from stories.world import World


@pytest.mark.parametrize("where", ["#deploys", "dm"])
async def test_a_turn_without_words_ends_with_the_tools_answer_the_fields_or_done(world: World, where: str) -> None:
    await world.start("endings")
    mention = "@signoff " if where == "#deploys" else ""
    root = await world.alice.say(where, f"{mention}use the tool")
    thread = root.ts if where == "#deploys" else None
    await world.alice.expect_message(where, containing="It rains.")
    await world.alice.say(where, f"{mention}give me the fields", thread=thread)
    said = await world.alice.expect_message(where, containing="Porto")
    assert said.text.split() == ["place:", "Porto", "days:", "3"]
    for told in ("say nothing", "an empty message", "an empty message once more"):
        await world.alice.say(where, f"{mention}{told}", thread=thread)
        done = await world.alice.expect_message(where, containing="Done.")
        assert done.text == "Done."
    await world.nothing_else()


async def test_a_decision_after_which_the_agent_says_nothing_ends_with_done(world: World) -> None:
    await world.start("endings")
    card = await world.asked("ask somebody", containing="Go on?")
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="Done.")
    await card.becomes("Approved by <@U0BOB>", buttons=[])
    await world.restart()
    await world.nothing_else()


async def test_a_reply_that_picks_nothing_is_done(world: World) -> None:
    await world.start("echo", reply="messages[-1].nothing")
    await world.alice.say("dm", "hello")
    await world.alice.expect_message("dm", containing="Done.")
    await world.nothing_else()


# Tool calls without results -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [True, False])
async def test_after_a_failed_tool_the_next_message_is_answered(world: World, *, left: bool) -> None:
    await world.start("strict_agent")
    world.outside.broken.add("the move")
    await world.alice.say("#deploys", "@signoff move the table")
    failure = await world.alice.expect_card("#deploys", containing="the move does not work today")
    if left:
        await failure.click(failure.buttons[-1])
        await failure.becomes("by <@U0ALICE>", buttons=[])
    world.outside.broken.clear()
    await world.alice.say("#deploys", "@signoff what happened?", thread=failure)
    said = await world.alice.expect_message("#deploys", containing="I know")
    assert "Failed: RuntimeError: the move does not work today" in said.text
    await world.alice.say("#deploys", "@signoff move the chair", thread=failure)
    await world.alice.expect_message("#deploys", containing="moved the chair")
    await failure.becomes("", buttons=[])
    await world.done("move the chair")
    await world.nothing_else()


async def test_after_a_time_limit_the_next_message_is_answered(world: World) -> None:
    await world.start("strict_agent", time_limit="1s")
    await world.alice.say("#deploys", "@signoff move hang")
    failure = await world.alice.expect_card("#deploys", containing="longer than 1 second")
    await world.alice.say("#deploys", "@signoff what happened?", thread=failure)
    await world.alice.expect_message("#deploys", containing="Not finished: The agent was stopped")
    await failure.becomes("", buttons=[])
    await world.nothing_else()


async def test_after_a_request_that_expired_and_failed_the_next_message_is_answered(world: World) -> None:
    rule = {"when": {"agent": "*"}, "approvers": {"users": ["bob"]}, "expires_after": "4h", "on_expiry": "fail"}
    await world.start("strict_agent", approvals=[rule])
    card = await world.asked("delete the table", containing="the table")
    world.clock.advance(hours=5)
    await card.click("Approve")
    await world.bob.expect_message("#deploys", containing="expired", ephemeral=True)
    await world.alice.expect_message("#deploys", containing="the agent was stopped here")
    await world.alice.say("#deploys", "@signoff what happened?", thread=card)
    await world.alice.expect_message("#deploys", containing="Not run: nobody approved it.")
    await world.done()
    await world.nothing_else()


# States that the graph's own schema refuses ---------------------------------------------------------------------------

BOUNDED: dict[str, Any] = {"input": {"task": "$text"}, "reply": "status"}


async def test_a_state_beyond_its_schema_is_told_at_once_and_so_is_each_message_after_it(world: World) -> None:
    await world.start("bounded", **BOUNDED)
    await world.alice.say("#deploys", "@signoff too many")
    failure = await world.alice.expect_card("#deploys", containing="number: at most 100 can be ordered")
    assert failure.buttons[0] == "Retry"
    await failure.click("Retry")
    await failure.becomes("Retried", buttons=[])
    failure = await world.alice.expect_card("#deploys", containing="number: at most 100 can be ordered")
    for text in ("hello?", "anybody?"):
        await world.alice.say("#deploys", f"@signoff {text}", thread=failure)
        await world.alice.expect_message("#deploys", containing="Your message was not passed on")
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_an_edit_that_the_schema_refuses_is_refused_at_its_field(world: World) -> None:
    await world.start("bounded", **BOUNDED, interrupt_before=["order"])
    card = await world.asked("tables", containing="number")
    form = await card.open_form("Edit state")
    refused = await form.submit({"number": "500"})
    assert list(refused.errors.values()) == ["At most 100 can be ordered."]
    assert (await card.now()).buttons == card.buttons, "nothing was decided"
    assert not (await form.submit({"number": "50"})).errors
    asked = await world.bob.expect_card("#deploys", containing="Order 50 for porto?")
    await asked.click("Approve")
    await world.alice.expect_message("#deploys", containing="ordered 50")
    await world.done("order 50 for porto")


@pytest.mark.promise("P1")
@pytest.mark.promise("P4")
async def test_a_deploy_that_narrows_the_schema_while_a_request_waits_is_told_and_can_be_fixed(world: World) -> None:
    await world.start("bounded", **BOUNDED)
    card = await world.asked("tables", containing="Order 5 for porto?")
    await world.stop()
    world.rewrite("bounded", ('Literal["lisbon", "porto"]', 'Literal["lisbon"]'))
    await world.run()
    await card.click("Approve")
    failure = await world.alice.expect_card("#deploys", containing="site: Input should be 'lisbon'")
    await card.becomes("the agent's code refuses the state", buttons=[])
    await world.stop()
    world.rewrite("bounded", ('Literal["lisbon"]', 'Literal["lisbon", "porto"]'))
    await world.run()
    await failure.click("Retry")
    await failure.becomes("Retried", buttons=[])
    again = await world.bob.expect_card("#deploys", containing="Order 5 for porto?")
    await again.click("Approve")
    await world.alice.expect_message("#deploys", containing="ordered 5")
    await world.done("order 5 for porto")
    await world.nothing_else()
