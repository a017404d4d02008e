"""The functional API: `@entrypoint` and `@task` ask as nodes do, and finished tasks do not run again.

https://docs.langchain.com/oss/python/langgraph/functional-api-human-in-the-loop
"""

from collections.abc import Mapping
from typing import Any

import pytest
from stories.world import World

ESSAY: Mapping[str, Any] = {"input": "$text", "reply": "join(': ', [to_string(is_approved), essay])"}
STEPS: Mapping[str, Any] = {"input": "$text", "reply": "@"}
AGENT: Mapping[str, Any] = {"input": [{"role": "user", "content": "$text"}], "reply": "@"}


@pytest.mark.parametrize("choice", ["Approve", "Reject"])
async def test_a_workflow_asks_between_its_tasks(world: World, choice: str) -> None:
    await world.start("essay", **ESSAY)
    card = await world.asked("cats", containing="An essay about topic: cats")
    assert "Please approve/reject the essay" in card.text
    if choice == "Approve":
        await card.click("Approve")
    else:
        await (await card.open_form("Reject")).submit({"Reason": "dogs"})
    told = "true" if choice == "Approve" else "false"
    await world.alice.expect_message("#deploys", containing=f"{told}: An essay about topic: cats")
    await card.becomes("by <@U0BOB>", buttons=[])
    await world.done("wrote about cats")
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_a_task_asks_and_the_task_before_it_does_not_run_again(world: World) -> None:
    await world.start("three_steps", **STEPS)
    said = await world.alice.say("#deploys", "@signoff foo")
    card = await world.alice.expect_card("#deploys", containing="Please provide feedback: foo bar")
    await world.at_rest()
    await world.alice.say("#deploys", "baz", thread=said.ts)
    await world.alice.expect_message("#deploys", containing="foo bar baz qux")
    await card.becomes("Answered by <@U0ALICE>", buttons=[])
    await world.done("step 1", "step 3")
    await world.nothing_else()


@pytest.mark.promise("P4")
async def test_a_task_whose_code_changed_while_it_waited_is_asked_again(world: World) -> None:
    await world.start("three_steps", **STEPS)
    said = await world.alice.say("#deploys", "@signoff foo")
    card = await world.alice.expect_card("#deploys", containing="Please provide feedback: foo bar")
    await world.stop()
    world.rewrite("three_steps", ('return f"{input_query} {feedback}"', 'return f"{input_query} [{feedback}]"'))
    await world.run()
    await world.alice.say("#deploys", "baz", thread=said.ts)
    await card.becomes("code changed", buttons=[])
    again = await world.alice.expect_card("#deploys", containing="Please provide feedback: foo bar")
    await world.at_rest()
    await world.alice.say("#deploys", "baz", thread=said.ts)
    await world.alice.expect_message("#deploys", containing="foo bar [baz] qux")
    await again.becomes("Answered by <@U0ALICE>", buttons=[])


@pytest.mark.promise("P3")
async def test_an_agent_has_its_tool_calls_reviewed_one_after_the_other_and_remembers(world: World) -> None:
    await world.start("functional_review", **AGENT)
    said = await world.alice.say("#deploys", "@signoff Lisbon Porto Faro")
    for city, choice in (("Lisbon", "Approve"), ("Porto", "Edit"), ("Faro", "Reject")):
        card = await world.bob.expect_card("#deploys", containing=city)
        assert "Is this correct?" in card.text
        if choice == "Approve":
            await card.click(choice)
        elif choice == "Edit":
            assert not (await (await card.open_form(choice)).submit({"location": "Braga"})).errors
        else:
            await (await card.open_form(choice)).submit({"Reason": "too hot there"})
        await card.becomes("by <@U0BOB>", buttons=[])
    answer = await world.alice.expect_message("#deploys", containing="sunny in Lisbon")
    assert "sunny in Braga" in answer.text
    assert "too hot there" in answer.text
    await world.done("weather of Lisbon", "weather of Braga", in_any_order=True)
    await world.at_rest()

    await world.alice.say("#deploys", "@signoff Coimbra", thread=said.ts)
    card = await world.bob.expect_card("#deploys", containing="Coimbra")
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="sunny in Coimbra")
    await card.becomes("by <@U0BOB>", buttons=[])


@pytest.mark.promise("P3")
async def test_a_decision_is_sent_again_where_the_workflow_failed_before_it_reached_the_task(world: World) -> None:
    await world.start("workflow_breaks", input="$text", reply="@")
    card = await world.asked("the invoice", containing="Pay the invoice?")
    world.outside.broken.add("look the account up")
    await card.click("Approve")
    await card.becomes("Approved by <@U0BOB>", buttons=[])
    await world.failed("look the account up")
    world.outside.broken.clear()
    await world.alice.expect_message("#deploys", containing="paid")
    await world.done("pay the invoice")
    await world.nothing_else()
