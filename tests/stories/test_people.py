"""Who may decide: each who may not is told why in a sentence, and it is recorded (P6, P9)."""

import pytest
from stories.world import World

BOB_DECIDES = {"when": {"agent": "*"}, "approvers": {"users": ["bob"]}}
BOB_AND_CAROL = {"when": {"agent": "*"}, "approvers": {"users": ["bob", "carol"]}}

REFUSED = [
    pytest.param("alice", (), "own_request", "You asked for this yourself", id="the requester"),
    pytest.param("carol", (BOB_DECIDES,), "not_an_approver", "<@U0BOB> can decide it", id="outside of the list"),
    pytest.param("alice", (BOB_DECIDES,), "not_an_approver", "<@U0BOB> can decide it", id="the requester, not listed"),
    pytest.param("gina", (), "guest", "Guests cannot decide", id="a guest"),
    pytest.param("eve", (), "stranger", "Only members of this workspace", id="another workspace"),
]


@pytest.mark.promise("P6")
@pytest.mark.promise("P9")
@pytest.mark.parametrize(("who", "approvals", "code", "sentence"), REFUSED)
async def test_who_may_not_decide_is_told_why(
    world: World, who: str, approvals: tuple[dict[str, object], ...], code: str, sentence: str
) -> None:
    await world.start("yes_or_no", approvals=approvals)
    card = await world.asked("drop the table")
    person = world.slack.person(who)
    assert (await card.click("Approve", by=person)).acked
    await person.expect_message("#deploys", containing=sentence, ephemeral=True)
    await world.done()
    await world.audited(card, "asked", f"refused by {who}: {code}")
    assert (await card.now()).buttons == ["Approve", "Reject"]

    await card.click("Approve", by=world.bob)
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the table")
    await world.nothing_else()


@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    ("what", "code"),
    [({"guest": True}, "guest"), ({"stranger": True}, "stranger"), ({"deactivated": True}, "stranger")],
    ids=["guest", "stranger", "deactivated"],
)
async def test_an_approver_who_is_no_full_member_any_more_decides_nothing(
    world: World, what: dict[str, bool], code: str
) -> None:
    await world.start("yes_or_no", approvals=[BOB_AND_CAROL])
    card = await world.asked("drop the table")
    world.becomes("carol", **what)
    await card.click("Approve", by=world.carol)
    await world.carol.expect_message("#deploys", ephemeral=True)
    await world.audited(card, "asked", f"refused by carol: {code}")
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    ("who", "code"),
    [("alice", "own_request"), ("gina", "guest"), ("eve", "stranger")],
    ids=["own", "guest", "stranger"],
)
async def test_who_may_not_decide_may_not_by_a_form_either(world: World, who: str, code: str) -> None:
    await world.start("review_tool_call")
    card = await world.asked("billing")
    person = world.slack.person(who)
    await card.click("Edit", by=person)
    await world.at_rest()
    if (await person.state())["view"]:  # what only the roster knows is checked when the form is sent
        form = await person.expect_form()
        await form.submit({"replicas": "9"})
        await person.expect_form(title="No effect")
    await person.expect_message("#deploys", ephemeral=True)
    await world.audited(card, "asked", f"refused by {who}: {code}")
    assert (await card.now()).buttons == ["Approve", "Edit", "Reject"]
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_own_requests_may_be_decided_where_the_rule_says_so(world: World) -> None:
    rule = {"when": {"agent": "*"}, "approvers": {"users": ["alice"]}, "own_requests": True}
    await world.start("yes_or_no", approvals=[rule])
    card = await world.asked("drop the table")
    await card.click("Approve", by=world.alice)
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the table")
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_in_a_direct_message_the_person_there_decides(world: World) -> None:
    await world.start("yes_or_no")
    await world.alice.say("dm", "drop the table")
    card = await world.alice.expect_card("dm", containing="drop the table")
    await card.click("Approve")
    await world.alice.expect_message("dm", containing="approved")
    await world.done("drop the table")
    await world.nothing_else()


@pytest.mark.promise("P6")
@pytest.mark.parametrize("method", ["users.info", "conversations.members"])
@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"error": "internal_error"}, {"hold": True}, {"error": "missing_scope"}], ids=str
)
@pytest.mark.parametrize("slack_timeout", [3.0])
@pytest.mark.usefixtures("slack_timeout")
async def test_where_the_roster_cannot_be_read_nobody_decides(
    world: World, method: str, fault: dict[str, object]
) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the table")
    await world.slack.people.fault(method=method, times=9, **fault)
    assert (await card.click("Approve")).acked
    await world.bob.expect_message(
        "#deploys", containing="Couldn't check with Slack whether you may decide this", ephemeral=True
    )
    await world.audited(card, "asked", "refused by bob: roster_unknown")
    await world.done()

    await world.slack.people.fault(reset=True)
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the table")
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_a_question_is_answered_by_the_person_whose_conversation_it_is(world: World) -> None:
    await world.start("two_at_once")
    await world.alice.say("#deploys", "@signoff hello")
    await world.alice.expect_card("#deploys", containing="How old are you?")
    card = await world.alice.expect_card("#deploys", containing="What is your name?")
    await card.click("Answer", by=world.bob)
    await world.bob.expect_message("#deploys", containing="This question is for <@U0ALICE>", ephemeral=True)
    await world.bob.say("#deploys", "My name is Bob", thread=card)  # a comment: nobody is told anything
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_the_requester_is_refused_without_asking_slack_anything(world: World) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the table")
    for method in ("users.info", "conversations.members"):
        await world.slack.people.fault(method=method, times=9, error="internal_error")
    await card.click("Approve", by=world.alice)
    await world.alice.expect_message("#deploys", containing="You asked for this yourself", ephemeral=True)
    await world.audited(card, "asked", "refused by alice: own_request")
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_a_refusal_names_those_who_can_decide_and_not_the_requester(world: World) -> None:
    await world.start("yes_or_no", approvals=[{"approvers": {"users": ["alice", "bob"]}}])
    card = await world.asked("drop the table")
    await card.click("Approve", by=world.carol)
    told = await world.carol.expect_message("#deploys", containing="You are not an approver", ephemeral=True)
    assert "<@U0BOB> can decide it" in told.text
    assert "U0ALICE" not in told.text
    await world.nothing_else()
