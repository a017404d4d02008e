"""Messages: which conversation they belong to, when their turn comes, and who is told what."""

import pytest
from fakes.people import wait_until
from stories.world import World, agent

from bot.config.entries import Mode


@pytest.mark.promise("P7")
async def test_a_message_waits_until_the_run_before_it_is_done(world: World) -> None:
    await world.start("slow")
    first = await world.alice.say("#deploys", "@signoff one")
    await world.done("began one")
    await world.alice.say("#deploys", "@signoff two", thread=first.ts)
    await world.alice.say("#deploys", "@signoff three", thread=first.ts)
    await world.done("began one")
    world.outside.door("first").set()
    world.outside.door("second").set()

    for text in ("one", "two", "three"):
        await world.alice.expect_message("#deploys", containing=f"{text} is done")
    turns = [f"{step} {text}" for text in ("one", "two", "three") for step in ("began", "first", "second")]
    await world.done(*turns)
    await world.nothing_else()


@pytest.mark.promise("P7")
async def test_threads_do_not_wait_for_one_another(world: World) -> None:
    await world.start(
        agents={"slow": agent("slow", channels=["#deploys"]), "echo": agent("echo", channels=["#general"])}
    )
    await world.alice.say("#deploys", "@signoff one")
    await world.done("began one")
    await world.bob.say("#general", "@signoff hello")
    await world.bob.expect_message("#general", containing="1: hello")
    await world.bob.say("#deploys", "@signoff two")
    await world.done("began one", "began two")
    world.outside.door("first").set()
    world.outside.door("second").set()
    await world.alice.expect_message("#deploys", containing="one is done")
    await world.bob.expect_message("#deploys", containing="two is done")
    steps = [f"{step} {text}" for text in ("one", "two") for step in ("began", "first", "second")]
    await world.done(*steps, in_any_order=True)
    await world.nothing_else()


@pytest.mark.promise("P3")
@pytest.mark.promise("P4")
async def test_a_message_while_an_approval_is_open_is_passed_on_afterwards(world: World) -> None:
    await world.start("review_tool_call")
    card = await world.asked("billing")
    await world.alice.say("#deploys", "@signoff and ledger", thread=card)
    await world.alice.expect_message("#deploys", containing="Queued until", ephemeral=True)
    await world.at_rest()
    assert (await card.now()).buttons == ["Approve", "Edit", "Reject"]

    await card.click("Approve")
    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="deployed x2")
    later = await world.bob.expect_card("#deploys", containing="and ledger")
    assert later.thread_ts == card.thread_ts
    await later.click("Approve")
    await world.alice.expect_message("#deploys", containing="deployed x2")
    await world.done("deploy billing x2", "deploy and ledger x2")
    await world.nothing_else()


async def test_who_writes_more_than_can_wait_is_told_that_it_is_not_queued(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.conversation.MOST_HELD", 2)
    await world.start("review_tool_call")
    card = await world.asked("billing")
    for name in ("ledger", "payroll"):
        await world.alice.say("#deploys", f"@signoff {name}", thread=card)
        await world.alice.expect_message("#deploys", containing="Queued until", ephemeral=True)
    await world.alice.say("#deploys", "@signoff reports", thread=card)
    told = "Not queued: 2 of your messages are waiting"
    await world.alice.expect_message("#deploys", containing=told, ephemeral=True)

    await card.click("Approve")
    for name in ("ledger", "payroll"):
        await world.alice.expect_message("#deploys", containing="deployed x2")
        await (await world.bob.expect_card("#deploys", containing=name)).click("Approve")
    await world.alice.expect_message("#deploys", containing="deployed x2")
    await world.done("deploy billing x2", "deploy ledger x2", "deploy payroll x2")
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_a_remark_between_people_is_not_for_the_agent(world: World) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the table")
    await world.bob.say("#deploys", "are you sure?", thread=card)
    await world.alice.say("#deploys", "quite sure", thread=card)
    await world.carol.say("#general", "good morning")
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the table")
    await world.nothing_else()


async def test_a_message_in_a_thread_of_somebody_elses_agent_is_not_passed_on(world: World) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the table")
    await world.bob.say("#deploys", "@signoff drop the view as well", thread=card)
    await world.bob.expect_message("#deploys", containing="This conversation is <@U0ALICE>'s", ephemeral=True)
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the table")
    await world.nothing_else()


@pytest.mark.promise("P6")
@pytest.mark.parametrize("where", ["#deploys", "dm"])
async def test_a_person_of_another_workspace_cannot_start_an_agent(world: World, where: str) -> None:
    await world.start("echo")
    await world.eve.say(where, "@signoff hello")
    await world.eve.expect_message(where, containing="Only members of this workspace can talk to agents here")
    await world.nothing_else()


async def test_a_channel_without_an_agent_says_where_there_is_one(world: World) -> None:
    await world.start("echo")
    await world.alice.say("#general", "@signoff hello")
    await world.alice.expect_message("#general", containing="Mention me in <#C0DEPLOYS>", ephemeral=True)
    await world.nothing_else()


async def test_direct_messages_without_an_agent_say_so(world: World) -> None:
    await world.start(agents={"echo": agent("echo")})
    await world.alice.say("dm", "hello")
    await world.alice.expect_message("dm", containing="No agent takes direct messages here")
    await world.nothing_else()


async def test_where_several_agents_listen_the_first_word_names_one(world: World) -> None:
    await world.start(agents={"echo": agent("echo", description="Repeats"), "ship": agent("review_tool_call")})
    await world.alice.say("#deploys", "@signoff hello")
    told = await world.alice.expect_message("#deploys", containing="Several agents listen here", ephemeral=True)
    assert "`echo`: Repeats" in told.text
    await world.alice.say("#deploys", "@signoff Echo: hello there")
    await world.alice.expect_message("#deploys", containing="1: hello there")
    await world.alice.say("#deploys", "@signoff ship billing")
    card = await world.bob.expect_card("#deploys", containing="billing")
    assert "Requested by <@U0ALICE> via *ship*" in card.text
    await world.nothing_else()


async def test_a_reply_in_a_conversation_needs_no_agents_name(world: World) -> None:
    await world.start(agents={"echo": agent("echo"), "ship": agent("review_tool_call")})
    first = await world.alice.say("#deploys", "@signoff echo one")
    await world.alice.expect_message("#deploys", containing="1: one")
    await world.alice.say("#deploys", "@signoff two", thread=first.ts)
    await world.alice.expect_message("#deploys", containing="2: two")
    await world.nothing_else()


# Which conversation ---------------------------------------------------------------------------------------------------


async def test_the_root_of_a_direct_message_is_one_conversation(world: World) -> None:
    await world.start("echo")
    for number, text in enumerate(("one", "two", "three"), start=1):
        await world.alice.say("dm", text)
        answer = await world.alice.expect_message("dm", containing=f"{number}: {text}")
        assert "thread_ts" not in answer.shown
    await world.nothing_else()


@pytest.mark.promise("P7")
async def test_a_thread_in_a_direct_message_is_a_conversation_of_its_own(world: World) -> None:
    await world.start("echo")
    root = await world.alice.say("dm", "one")
    answer = await world.alice.expect_message("dm", containing="1: one")
    await world.alice.say("dm", "in the thread", thread=root.ts)
    in_thread = await world.alice.expect_message("dm", containing="1: in the thread")
    assert in_thread.thread_ts == root.ts
    await world.alice.say("dm", "two")
    answer = await world.alice.expect_message("dm", containing="2: two")
    assert "thread_ts" not in answer.shown
    await world.nothing_else()


@pytest.mark.promise("P3")
async def test_two_conversations_of_one_person_do_not_mix(world: World) -> None:
    await world.start("advisers")
    lisbon = await world.alice.say("#deploys", "@signoff Lisbon")
    await world.alice.expect_card("#deploys", containing="Ready")
    await world.alice.expect_message("#deploys", containing="travel heard: Lisbon")
    porto = await world.alice.say("#deploys", "@signoff Porto")
    await world.alice.expect_message("#deploys", containing="travel heard: Porto")
    await world.alice.expect_card("#deploys", containing="Ready")

    await world.alice.say("#deploys", "four days", thread=lisbon.ts)
    answer = await world.alice.expect_message("#deploys", containing="travel heard: four days")
    assert answer.thread_ts == lisbon.ts
    await world.alice.expect_card("#deploys", containing="Ready")
    await world.alice.say("#deploys", "two days", thread=porto.ts)
    answer = await world.alice.expect_message("#deploys", containing="travel heard: two days")
    assert answer.thread_ts == porto.ts
    await world.alice.expect_card("#deploys", containing="Ready")
    await world.at_rest()


async def test_two_people_in_direct_messages_do_not_mix(world: World) -> None:
    await world.start("echo")
    await world.alice.say("dm", "of alice")
    await world.bob.say("dm", "of bob")
    await world.alice.expect_message("dm", containing="1: of alice")
    await world.bob.expect_message("dm", containing="1: of bob")
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_a_card_may_stand_in_another_channel(world: World) -> None:
    rule = {"when": {"agent": "*"}, "approvers": {"users": ["bob"]}, "post_to": "#approvals"}
    await world.start("yes_or_no", approvals=[rule])
    await world.alice.say("#deploys", "@signoff drop the table")
    card = await world.bob.expect_card("#approvals", containing="drop the table")
    await world.signpost()
    assert "Requested by <@U0ALICE> via" in card.text
    await card.click("Approve", by=world.carol)
    await world.carol.expect_message("#approvals", containing="not an approver", ephemeral=True)
    await card.click("Approve")
    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the table")
    await world.nothing_else()


@pytest.mark.promise("P1")
@pytest.mark.parametrize("on_expiry", ["reject", "fail"])
async def test_a_message_that_waits_for_a_decision_is_passed_on_when_the_time_for_it_is_over(
    world: World, on_expiry: str
) -> None:
    rule = {"when": {"agent": "*"}, "approvers": {"users": ["bob"]}, "expires_after": "4h", "on_expiry": on_expiry}
    await world.start("yes_or_no", approvals=[rule])
    card = await world.asked("drop the table")
    await world.alice.say("#deploys", "@signoff drop the view", thread=card)
    await world.alice.expect_message("#deploys", containing="Queued until", ephemeral=True)
    world.clock.advance(hours=5)
    await card.click("Approve")
    await world.bob.expect_message("#deploys", containing="This request expired", ephemeral=True)
    await world.alice.expect_message("#deploys", containing="rejected" if on_expiry == "reject" else "stopped here")
    await card.becomes("Nobody decided by", buttons=[])
    await world.at_rest()
    await world.bob.expect_card("#deploys", containing="drop the view")
    await world.done()
    await world.nothing_else()


async def test_the_first_word_of_a_reply_is_the_agents_to_read(world: World) -> None:
    await world.start(agents={"echo": agent("echo"), "ship": agent("review_tool_call")})
    first = await world.alice.say("#deploys", "@signoff echo one")
    await world.alice.expect_message("#deploys", containing="1: one")
    await world.alice.say("#deploys", "@signoff ship it", thread=first.ts)
    await world.alice.expect_message("#deploys", containing="2: ship it")
    await world.nothing_else()


async def test_several_messages_that_wait_for_a_decision_keep_their_order(world: World) -> None:
    await world.start(agents={"ship": agent("review_tool_call")})
    card = await world.asked("billing")
    for text in ("ledger", "search"):
        await world.alice.say("#deploys", f"@signoff {text}", thread=card)
        await world.alice.expect_message("#deploys", containing="Queued until", ephemeral=True)
    await world.restart()
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="deployed x2")
    ledger = await world.bob.expect_card("#deploys", containing="ledger")
    await world.at_rest()
    told = [each for each in await world.alice.messages("#deploys") if each.ephemeral]
    world.slack.people.expected.update((each.channel, each.ts) for each in told)  # search waits again
    await ledger.click("Approve")
    await world.alice.expect_message("#deploys", containing="deployed x2")
    search = await world.bob.expect_card("#deploys", containing="search")
    await search.click("Approve")
    await world.alice.expect_message("#deploys", containing="deployed x2")
    await world.done("deploy billing x2", "deploy ledger x2", "deploy search x2")
    await world.nothing_else()


async def test_an_agent_may_be_called_into_a_thread_of_people(world: World) -> None:
    await world.start("yes_or_no")
    root = await world.bob.say("#deploys", "what about the old table?")
    await world.carol.say("#deploys", "nobody needs it", thread=root.ts)
    await world.alice.say("#deploys", "@signoff drop the table", thread=root.ts)
    card = await world.bob.expect_card("#deploys", containing="drop the table")
    assert card.thread_ts == root.ts
    await card.click("Approve")
    answer = await world.alice.expect_message("#deploys", containing="approved")
    assert answer.thread_ts == root.ts
    await world.done("drop the table")
    await world.nothing_else()


async def test_an_agent_that_fails_says_so_in_a_sentence_and_takes_the_next_message(world: World) -> None:
    await world.start("echo")
    world.outside.broken.add("the echo")
    await world.alice.say("dm", "one")
    told = await world.alice.expect_message("dm", containing="The agent failed: RuntimeError: the echo does not work")
    assert "Traceback" not in told.text
    await world.nothing_else()
    world.outside.broken.clear()
    await world.alice.say("dm", "two")
    await world.alice.expect_message("dm", containing=": two")
    await world.nothing_else()


async def test_a_mention_without_words_starts_the_agent_all_the_same(world: World) -> None:
    await world.start("echo")
    await world.alice.say("#deploys", "@signoff")
    await world.alice.expect_message("#deploys", containing="1:")
    await world.nothing_else()


async def test_a_guest_may_talk_to_an_agent_and_answer_its_questions(world: World) -> None:
    await world.start("query")
    await world.gina.say("dm", "help me")
    await world.gina.expect_card("dm", containing="Which framework should I use?")
    await world.at_rest()
    await world.gina.say("dm", "LangGraph")
    await world.gina.expect_message("dm", containing="The expert says: LangGraph")
    await world.nothing_else()


@pytest.mark.parametrize("mode", list(Mode))
async def test_help_says_where_the_agents_listen(world: World) -> None:
    await world.start("echo", description="Repeats what it hears")
    assert (await world.alice.command("#general", "/signoff", "help")).acked
    told = await world.alice.expect_message("#general", containing="Repeats what it hears")
    assert "<#C0DEPLOYS>" in told.text
    await world.alice.open_home()

    async def looked() -> bool | None:
        home = (await world.alice.state())["home"]
        return True if home and "Repeats what it hears" in str(home["blocks"]) else None

    await wait_until(looked)
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_a_rule_may_let_others_answer_a_question(world: World) -> None:
    rule = {"when": {"kind": "question"}, "approvers": {"users": ["bob"]}}
    await world.start("query", approvals=[rule])
    await world.alice.say("#deploys", "@signoff help me")
    card = await world.bob.expect_card("#deploys", containing="Which framework should I use?")
    assert "Requested by <@U0ALICE> via" in card.text
    assert "<@U0BOB> can answer · Press Answer to reply" in card.text
    await card.click("Answer", by=world.alice)
    await world.alice.expect_message("#deploys", containing="not an approver", ephemeral=True)
    await world.bob.say("#deploys", "I would think about it", thread=card)
    await world.at_rest()
    assert (await card.now()).buttons == ["Answer"]  # a comment is no answer
    assert not (await (await card.open_form("Answer")).submit({"Answer": "LangGraph"})).errors
    await world.alice.expect_message("#deploys", containing="The expert says: LangGraph")
    await card.becomes("Answered by <@U0BOB>", buttons=[])
    await world.nothing_else()
