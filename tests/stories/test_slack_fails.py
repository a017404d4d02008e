"""Slack repeats itself, is slow, refuses, loses answers: at each call of the bot the story ends the same way."""

from typing import Any

import pytest
from fakes.patience import PATIENCE
from stories.world import World

from adapters.localslack.web_api.rate_limit import RateLimit
from bot.config.entries import Mode

TIMEOUT = 1.0
FAULTS: dict[str, dict[str, Any]] = {
    "429": {"retry_after": 0},
    "500": {"status": 500},
    "503 and again": {"status": 503, "times": 2},
    "internal_error": {"error": "internal_error"},
    "times out": {"answer_after": 30},  # Slack does it before the bot comes back and looks
    "loses the answer": {"lost_response": True},
    "loses two answers": {"lost_response": True, "times": 2},
}


@pytest.fixture
def slack_timeout(request: pytest.FixtureRequest) -> float:
    """The bot soon gives up waiting where that is what happens."""
    return TIMEOUT if "times out" in request.node.name else PATIENCE


CALLS = [
    "chat.postMessage",
    "chat.update",
    "chat.postEphemeral",
    "users.info",
    "conversations.members",
    "conversations.replies",
    "*",
]


@pytest.mark.promise("P1")
@pytest.mark.promise("P8")
@pytest.mark.parametrize("fault", list(FAULTS))
@pytest.mark.parametrize("method", CALLS)
async def test_whatever_fails_the_card_is_there_once_and_the_agent_is_resumed_once(
    world: World, method: str, fault: str
) -> None:
    await world.start("yes_or_no")

    async def fail() -> None:
        await world.slack.people.fault(reset=True)
        if method == "conversations.replies":  # it is called only to look for what an earlier attempt may have posted
            await world.slack.people.fault(method="chat.postMessage", lost_response=True)
        await world.slack.people.fault(method=method, **FAULTS[fault])

    await fail()
    card = await world.asked("drop the table")
    await world.at_rest()

    await fail()
    await card.click("Approve", by=world.alice)
    await world.at_rest()
    told = [each for each in await world.alice.messages("#deploys") if each.ephemeral]
    assert told
    world.slack.people.expected.update(
        (each.channel, each.ts) for each in told
    )  # more than once where an answer got lost

    await fail()
    while "Approve" in (await card.now()).buttons:
        await card.click("Approve", stale=True)
        await world.at_rest()
    world.slack.people.expected.update(
        (each.channel, each.ts) for each in await world.bob.messages("#deploys") if each.ephemeral
    )
    await card.becomes("Approved by <@U0BOB>", buttons=[])
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the table")
    rows = await world.audit(card)
    assert rows.count("decided by bob") == rows.count("delivered") == 1
    await world.nothing_else()


@pytest.mark.promise("P2")
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.usefixtures("mode")
async def test_everything_delivered_twice_happens_once(world: World) -> None:
    await world.start("review_tool_call")
    await world.slack.people.fault(duplicate=99)
    card = await world.asked("billing")
    await card.click("Approve")
    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="deployed x2")
    await world.at_rest()
    for each in await world.bob.messages("#deploys"):
        if each.ephemeral:  # the second copy of the click is told that it changed nothing
            assert "already approved" in each.text
            world.slack.people.expected.add((each.channel, each.ts))
    await world.done("deploy billing x2")
    await world.nothing_else()


@pytest.mark.promise("P2")
async def test_a_mention_that_comes_as_two_events_is_one_turn(world: World) -> None:
    await world.start("echo")
    said = await world.alice.say("#deploys", "@signoff one")
    await world.alice.expect_message("#deploys", containing="1: one")
    await world.alice.say("#deploys", "@signoff two", thread=said.ts)
    await world.alice.expect_message("#deploys", containing="2: two")
    await world.nothing_else()


@pytest.mark.promise("P2")
@pytest.mark.parametrize("ack_timeout", [1.0])
@pytest.mark.usefixtures("ack_timeout")
async def test_an_event_whose_acknowledgement_got_lost_is_one_turn(world: World) -> None:
    await world.start("echo")
    await world.slack.people.fault(drop_ack=2)
    await world.alice.say("#deploys", "@signoff one")
    await world.alice.expect_message("#deploys", containing="1: one")
    await world.nothing_else()


@pytest.mark.promise("P1")
@pytest.mark.parametrize("how", [True, 1, "refresh"], ids=["both drop", "one drops", "Slack asks to reconnect"])
async def test_a_dropped_socket_loses_nothing(world: World, how: bool | int | str) -> None:  # noqa: FBT001 - a parameter
    world.slack.workspace.dispatcher._retry_after = (0.0, 0.5, 1.0, 2.0, 4.0)
    await world.start("yes_or_no")
    await world.slack.people.fault(disconnect=how)
    card = await world.asked("drop the table")
    if how is not True:  # both have just come back; it takes Slack's client seconds
        await world.slack.people.fault(disconnect=how)
    while "Approve" in (await card.now()).buttons:
        await card.click("Approve", stale=True)
        await world.at_rest()
    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the table")
    for each in await world.bob.messages("#deploys"):
        if each.ephemeral:
            world.slack.people.expected.add((each.channel, each.ts))
    await world.nothing_else()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("429", None),
        ("500", "Slack closed the form before it could open"),
        ("internal_error", "Slack closed the form before it could open"),
        ("loses the answer", "if you don't see it, please press the button again"),
    ],
)
async def test_a_form_that_does_not_open_is_told_and_opens_the_next_time(
    world: World, fault: str, told: str | None
) -> None:
    await world.start("review_tool_call")
    card = await world.asked("billing")
    await world.slack.people.fault(method="views.open", **FAULTS[fault])
    assert (await card.click("Edit")).acked
    if told:
        await world.bob.expect_message("#deploys", containing=told, ephemeral=True)
        await card.click("Edit")
    form = await world.bob.expect_form(title="Edit")
    assert not (await form.submit({"replicas": "4"})).errors
    await world.alice.expect_message("#deploys", containing="deployed x4")
    await world.done("deploy billing x4")
    await world.nothing_else()


@pytest.mark.promise("P4")
@pytest.mark.parametrize(
    "method", ["files.getUploadURLExternal", "upload", "files.completeUploadExternal", "conversations.replies"]
)
@pytest.mark.parametrize("fault", ["500", "internal_error", "loses the answer"])
async def test_a_file_that_fails_is_uploaded_once(world: World, method: str, fault: str) -> None:
    world.outside.payload = {"report": "\n".join(f"line {number} {'x' * 85}" for number in range(4_000))}
    await world.start("anything")
    await world.slack.people.fault(method=method, **FAULTS[fault])
    await world.alice.say("#deploys", "@signoff go")
    await world.bob.expect_card("#deploys", containing="see the file")
    message = await world.bob.expect_message("#deploys")
    assert len(message.files) == 1
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_a_card_that_slack_did_not_take_comes_with_the_next_that_it_takes(world: World) -> None:
    await world.start("yes_or_no")
    await world.slack.people.fault(method="chat.postMessage", error="channel_not_found")
    await world.alice.say("#deploys", "@signoff drop the table")
    await world.alice.expect_message("#deploys", containing="I was removed from it, or it was deleted", ephemeral=True)
    await world.at_rest()
    await world.alice.say("#deploys", "@signoff drop the view")
    for text in ("drop the view", "drop the table"):
        card = await world.bob.expect_card("#deploys", containing=text)
        await card.click("Approve")
        await world.alice.expect_message("#deploys", containing="approved")
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_a_card_that_somebody_deleted_is_posted_again(world: World) -> None:
    both = {"when": {"tool": "deploy"}, "approvers": {"users": ["bob", "carol"]}, "quorum": 2}
    await world.start("review_tool_call", approvals=[both])
    card = await world.asked("billing")
    await world.slack.people.fault(method="chat.update", error="message_not_found")
    await card.click("Approve", by=world.bob)
    again = await world.bob.expect_card("#deploys", containing="1 of 2 approvals: <@U0BOB>")
    await again.click("Approve", by=world.carol)
    await again.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="deployed x2")
    await world.done("deploy billing x2")
    await world.nothing_else()


@pytest.mark.promise("P8")
async def test_who_asked_is_told_where_the_card_cannot_be_posted(world: World) -> None:
    rule = {"when": {"agent": "*"}, "approvers": {"users": ["bob"]}, "post_to": "#approvals"}
    await world.start("yes_or_no", approvals=[rule])
    await world.slack.people.fault(method="chat.postMessage", error="is_archived")
    await world.alice.say("#deploys", "@signoff drop the table")
    await world.at_rest()
    said = [each.text for each in await world.alice.messages("#deploys") if each.from_bot]
    assert said
    assert "<#C0APPROVALS>" in said[0]


@pytest.mark.promise("P2")
async def test_a_conversation_whose_every_event_comes_twice_goes_on_as_usual(world: World) -> None:
    await world.start("advisers")
    await world.slack.people.fault(duplicate=99)
    for text in ("Lisbon", "four days", "find me a hotel", "the cheap one"):
        await world.alice.say("dm", text)
        await world.alice.expect_message("dm", containing=f"heard: {text}")
        await world.alice.expect_card("dm", containing="Ready for user input.")
        await world.at_rest()
    await world.nothing_else()


@pytest.mark.parametrize("rate_limit", [RateLimit(per_second=2.0, burst=3)])
async def test_messages_that_slack_holds_back_arrive_once_and_in_order(world: World) -> None:
    await world.start("echo")
    texts = [f"number {number}" for number in range(6)]
    for text in texts:
        await world.alice.say("dm", text)
    for count, text in enumerate(texts, start=1):
        await world.alice.expect_message("dm", containing=f"{count}: {text}")
    seen = [each.text for each in await world.alice.messages("dm") if each.from_bot]
    assert seen == [f"{count}: {text}" for count, text in enumerate(texts, start=1)]
    await world.nothing_else()


@pytest.mark.promise("P4")
async def test_what_slack_itself_refuses_to_show_is_approved_only_after_a_confirmation(world: World) -> None:
    """Slack refuses a card that looked right to the bot: the one in its place shows nothing of the request."""
    await world.start("review_tool_call")
    await world.slack.people.fault(method="chat.postMessage", error="invalid_blocks")
    await world.alice.say("#deploys", "@signoff billing")
    card = await world.bob.expect_card("#deploys", containing="Slack can't show this request here")
    await card.click("Approve", by=world.bob)
    form = await world.bob.expect_form()
    assert "You have seen 0 of" in form.text
    assert world.outside.done == []
    await form.submit({})
    await world.done("deploy billing x2")
