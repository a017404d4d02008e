"""Review tool calls: the review node of the guide, LangChain's middleware, Agent Inbox, tools that ask themselves.

https://docs.langchain.com/oss/python/langgraph/interrupts#interrupts-in-tools
https://docs.langchain.com/oss/python/langchain/human-in-the-loop

Batches of three calls in every order, and rules for each call of a batch, are told in `test_batches`.
"""

import pytest
from fakes.people import Message
from stories.world import World

# The review node of the guide -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "values", "said"),
    [
        ("Approve", {}, "The tool says: deployed x2"),
        ("Edit", {"replicas": "4", "service": "ledger"}, "The tool says: deployed x4"),
        ("Reject", {"Reason": "use staging"}, "The tool says: use staging"),
    ],
)
async def test_a_tool_call_to_review_is_continued_updated_or_given_feedback(
    world: World, choice: str, values: dict[str, str], said: str
) -> None:
    await world.start("review_tool_call")
    card = await world.asked("billing")
    assert "Is this correct?" in card.text
    assert card.buttons == ["Approve", "Edit", "Reject"]
    if values:
        assert not (await (await card.open_form(choice)).submit(values)).errors
    else:
        await card.click(choice)
    await world.alice.expect_message("#deploys", containing=said)
    done = {"Approve": ["deploy billing x2"], "Edit": ["deploy ledger x4"], "Reject": []}
    await world.done(*done[choice])
    await card.becomes("by <@U0BOB>", buttons=[])
    await world.nothing_else()


BY_NAME = (
    (
        "review_action, review_data = human_review\n",
        'review_action = human_review["action"]\n    review_data = human_review.get("data")\n',
    ),
)


@pytest.mark.parametrize(
    ("choice", "values", "said"),
    [
        ("Approve", {}, "The tool says: deployed x2"),
        ("Edit", {"replicas": "4"}, "The tool says: deployed x4"),
        ("Reject", {"Reason": "use staging"}, "The tool says: use staging"),
    ],
)
async def test_a_review_node_that_reads_its_answer_by_name_gets_it_by_name(
    world: World, choice: str, values: dict[str, str], said: str
) -> None:
    world.rewrite("review_tool_call", *BY_NAME)
    await world.start("review_tool_call")
    card = await world.asked("billing")
    if values:
        assert not (await (await card.open_form(choice)).submit(values)).errors
    else:
        await card.click(choice)
    await world.alice.expect_message("#deploys", containing=said)
    await card.becomes("by <@U0BOB>", buttons=[])
    await world.nothing_else()


# LangChain's middleware -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interrupts", ["batched", "per_call"], ids=str)
async def test_each_tool_offers_what_its_policy_allows_and_its_schema_makes_the_form(
    world: World, interrupts: str
) -> None:
    world.rewrite("per_tool", ('interrupt_mode="batched"', f'interrupt_mode="{interrupts}"'))
    await world.start("per_tool")
    await world.alice.say("#deploys", "@signoff release it")
    if interrupts == "batched":
        deploy = ask = await world.bob.expect_card("#deploys", containing="Approve 2 actions?")
        assert deploy.buttons == ["Approve", "Edit", "Reject", "Answer", "Reject"]
    else:
        deploy = await world.bob.expect_card("#deploys", containing="Approve deploy?")
        ask = await world.bob.expect_card("#deploys", containing="ask_user")
        assert deploy.buttons == ["Approve", "Edit", "Reject"]
        assert ask.buttons == ["Answer", "Reject"]  # a rejection that the policy does not take stops the run
    form = await deploy.open_form("Edit")
    assert form.fields == ["service", "environment", "replicas", "canary"]
    kinds = [each["type"] for each in form.values.values()]
    assert kinds == ["plain_text_input", "static_select", "number_input", "checkboxes"]
    wrong = await form.submit({"environment": "production", "replicas": "99"})
    assert list(wrong.errors.values()) == ["This must be at most 20."]
    sent = await form.submit({"environment": "production", "replicas": "5", "canary": ["Yes"]})
    assert not sent.errors
    await world.at_rest()
    answered = await (await (await ask.now()).open_form("Answer")).submit({"Answer": "those of May"})
    assert not answered.errors
    await world.alice.expect_message("#deploys", containing="ask_user: those of May")
    await world.done("deploy billing to production x5 as a canary")
    shown = await deploy.becomes("by <@U0BOB>", buttons=[])
    assert "staging → production" in shown.text
    await ask.becomes("by <@U0BOB>", buttons=[])
    await world.nothing_else()


# Agent Inbox ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "values", "said", "done"),
    [
        ("Approve", None, "Booked Astoria.", ["booked Astoria for 2, late: False"]),
        ("Edit", {"nights": "3", "late_arrival": ["Yes"]}, "Booked Astoria.", ["booked Astoria for 3, late: True"]),
        ("Reject", {"Reason": "too dear"}, "Then not.", []),
        ("Answer", {"Answer": "is it quiet?"}, "I was told: is it quiet?", []),
    ],
)
async def test_agent_inbox_accepts_edits_ignores_and_responds(
    world: World, choice: str, values: dict[str, object] | None, said: str, done: list[str]
) -> None:
    await world.start("inbox")
    card = await world.asked("Astoria", containing="Approve book_hotel?")
    assert "Please review this booking." in card.text
    assert card.buttons == ["Approve", "Edit", "Reject", "Answer"]
    if values is None:
        await card.click(choice)
    else:
        assert not (await (await card.open_form(choice)).submit(values)).errors
    await world.alice.expect_message("#deploys", containing=said)
    await world.done(*done)
    await card.becomes("by <@U0BOB>", buttons=[])
    await world.nothing_else()


# Tools that ask themselves --------------------------------------------------------------------------------------------


@pytest.mark.promise("P3")
async def test_several_gated_calls_of_one_tool_node_are_decided_each_and_done_once(world: World) -> None:
    await world.start("gated_tools")
    await world.alice.say("#deploys", "@signoff bob carol dave")
    cards: dict[str, Message] = {}
    for name, choice in (("bob", "Approve"), ("carol", "Edit"), ("dave", "Reject")):
        card = cards[name] = await world.bob.expect_card("#deploys", containing=f"{name}@example.com")
        assert "Approve send_email?" in card.text
        assert "Approve sending this email?" in card.text
        assert card.buttons == ["Approve", "Edit", "Reject"]
        if choice == "Approve":
            await card.click(choice)
        elif choice == "Edit":
            form = await card.open_form(choice)
            assert form.fields == ["to", "subject", "body"]
            assert not (await form.submit({"subject": "Good morning"})).errors
        else:
            await (await card.open_form(choice)).submit({"Reason": "he is on leave"})
        await card.becomes("by <@U0BOB>", buttons=[])
    said = await world.alice.expect_message("#deploys", containing="Email sent to bob@example.com")
    assert "Email sent to carol@example.com with subject 'Good morning'" in said.text
    assert "Email cancelled by user" in said.text
    await world.nothing_else()


@pytest.mark.parametrize("way", ["reply", "button"])
async def test_a_tool_that_asks_for_human_assistance_is_answered_in_words(world: World, way: str) -> None:
    await world.start("human_assistance")
    await world.alice.say("#deploys", "@signoff Which framework should I use?")
    card = await world.alice.expect_card("#deploys", containing="Which framework should I use?")
    if way == "reply":
        await world.alice.say("#deploys", "LangGraph, of course", thread=card)
    else:
        assert not (await (await card.open_form("Answer")).submit({"Answer": "LangGraph, of course"})).errors
    await world.alice.expect_message("#deploys", containing="The expert says: LangGraph, of course")
    await card.becomes("Answered by <@U0ALICE>", buttons=[])
    await world.nothing_else()
