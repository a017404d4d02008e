"""The patterns on a LangGraph Server: the same cards, the same promises."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from fakes.people import Message, Person, wait_until
from server.conftest import LangGraphServer, Proxy
from stories.world import World

from adapters.langgraph.remote import client
from bot.checks.check import check
from bot.cli import invoke
from bot.wiring.probes import probes

STATES: Mapping[str, Mapping[str, Any]] = {
    "yes_or_no": {"input": {"action_details": "$text"}, "reply": "status"},
    "text_to_revise": {"input": {"some_text": "$text"}, "reply": "published"},
    "ask_until_good": {"input": {}, "reply": "city"},
    "rollout": {"input": {"service": "$text"}, "reply": "status"},
    "trouble": {"input": {"task": "$text"}, "reply": "log[2]"},
    "own_words": {"input": {"order": "$text"}, "reply": "told"},
}


async def start(world: World, graph: str, url: str, **more: Any) -> None:
    server = {"url": url, "assistant": graph}
    entry = {"server": server, "channels": ["#deploys"], "direct_messages": True, **STATES.get(graph, {}), **more}
    await world.start(agents={graph: entry})


async def done(server: LangGraphServer, *what: str) -> None:
    async def look() -> bool | None:
        return True if server.done == list(what) else None

    await wait_until(look, instead=lambda: f"the graphs did {server.done}, not {list(what)}")


@pytest.mark.promise("P5")
@pytest.mark.parametrize(
    ("choice", "status", "acts"), [("Approve", "approved", ["act"]), ("Reject", "so the run was stopped", [])]
)
async def test_approve_or_reject(
    world: World, server: LangGraphServer, choice: str, status: str, acts: list[str]
) -> None:
    """What the node makes of a no cannot be seen from here, so it is not sent."""
    await start(world, "yes_or_no", server.url)
    card = await world.asked("act")
    assert "Runs on a LangGraph Server: a change after approval can't be detected." in card.text
    if choice == "Approve":
        await card.click("Approve")
    else:
        await (await card.open_form("Reject")).submit({"Reason": "no"})
    await world.alice.expect_message("#deploys", containing=status)
    await card.becomes({"Approve": "Approved by", "Reject": "The run was stopped."}[choice], buttons=[])
    await done(server, *acts)


@pytest.mark.promise("P5")
@pytest.mark.promise("P6")
@pytest.mark.parametrize("choice", ["Approve", "Reject"])
async def test_a_sentence_is_approved_with_the_word_that_it_names_and_never_told_no(
    world: World, server: LangGraphServer, choice: str
) -> None:
    await start(world, "risky", server.url)
    card = await world.asked("prod-db", containing="Go on and delete it? (yes/no)")
    assert card.buttons == ["Approve", "Reject"]
    await card.click("Approve", by=world.alice)
    await world.alice.expect_message("#deploys", containing="Somebody else", ephemeral=True)
    if choice == "Approve":
        await card.click("Approve")
        await world.alice.expect_message("#deploys", containing="prod-db is deleted.")
        await done(server, "deleted prod-db")
    else:
        await (await card.open_form("Reject")).submit({"Reason": "no"})
        await world.alice.expect_message("#deploys", containing="so the run was stopped")
        await done(server)


@pytest.mark.promise("P4")
async def test_of_a_payload_that_says_nothing_of_its_answers_nothing_is_guessed(
    world: World, server: LangGraphServer
) -> None:
    await start(world, "own_words", server.url)
    card = await world.asked("order 7", containing="Signoff doesn't know what this step takes for an approval")
    assert card.buttons == ["Reject", "Answer"]
    form = await card.open_form("Answer")
    assert "This is not JSON" in str((await form.submit({form.fields[0]: "no, do not"})).errors)
    await form.submit({form.fields[0]: '{"verdict": "no", "why": "too late"}'})
    await world.alice.expect_message("#deploys", containing="too late")


async def test_an_inbox_asks_and_tells_as_anywhere(world: World, server: LangGraphServer) -> None:
    await start(world, "mail_inbox", server.url)
    await world.alice.say("#deploys", "@signoff notify")
    notice = await world.bob.expect_card("#deploys", containing="Lunch is at")
    await notice.click("Got it")
    await world.alice.expect_message("#deploys", containing="I had 1 of my requests back.")
    await done(server, "ignore: None")


async def test_a_text_is_edited(world: World, server: LangGraphServer) -> None:
    await start(world, "text_to_revise", server.url)
    card = await world.asked("Hello wrld")
    form = await card.open_form("Edit")
    await form.submit({form.fields[0]: "Hello world"})
    await world.alice.expect_message("#deploys", containing="Hello world")


@pytest.mark.promise("P5")
async def test_a_rejected_text_stops_the_run_and_the_next_message_begins_anew(
    world: World, server: LangGraphServer
) -> None:
    await start(world, "text_to_revise", server.url)
    card = await world.asked("Hello wrld")
    await (await card.open_form("Reject")).submit({"Reason": "no"})
    await card.becomes("The run was stopped.", buttons=[])
    await world.alice.expect_message("#deploys", containing="so the run was stopped")
    await world.alice.say("#deploys", "@signoff Hello again", thread=card)
    again = await world.bob.expect_card("#deploys", containing="Hello again")
    await again.click("Approve")
    await world.alice.expect_message("#deploys", containing="published: Hello again")
    await world.nothing_else()


@pytest.mark.promise("P10")
async def test_a_breakpoint_at_a_node_that_is_not_there_is_found_by_the_check(
    world: World, server: LangGraphServer
) -> None:
    await start(world, "rollout", server.url, interrupt_before=["deplyo"])
    environ = world.slack.environment() | {"REDIS_URL": world.redis_url}
    (fault,) = (await check(world.folder / "app.yaml", environ, probes())).problems
    assert 'agents.rollout.server: there is no node "deplyo" for a breakpoint' in str(fault)


async def test_tool_calls_of_langchains_middleware(world: World, server: LangGraphServer) -> None:
    await start(world, "assistant", server.url)
    card = await world.asked("tidy up", containing="Approve 3 actions?")
    assert len(card.buttons) == 9


async def test_a_form_is_checked_before_it_is_sent(world: World, server: LangGraphServer) -> None:
    await start(world, "form", server.url)
    await world.alice.say("dm", "please")
    card = await world.alice.expect_card("dm", containing="Which hotel?")
    await card.click(card.buttons[0])
    form = await world.alice.expect_form()
    assert (await form.submit({"city": "Lisbon", "guests": "9"})).errors
    await form.submit({"city": "Lisbon", "guests": "2"})
    await world.alice.expect_message("dm", containing="Booked for 2 guests")
    await done(server, "booked Lisbon for 2")


async def test_input_is_asked_for_until_it_is_good(world: World, server: LangGraphServer) -> None:
    await start(world, "ask_until_good", server.url)
    await world.alice.say("dm", "hello")
    question = await world.alice.expect_card("dm", containing="Which city?")
    for wrong in ("lisbon", "porto"):
        await world.alice.say("dm", wrong)
        await question.becomes(wrong, buttons=[])
        question = await world.alice.expect_card("dm", containing=f"'{wrong}' is no city")
    await world.alice.say("dm", "Lisbon")
    await question.becomes("Lisbon", buttons=[])


async def test_a_conversation_of_several_turns_and_agents(world: World, server: LangGraphServer) -> None:
    await start(world, "advisers", server.url)
    await world.alice.say("dm", "Lisbon")
    for text, who in (("four days", "travel"), ("find me a hotel", "hotel"), ("near the sea", "hotel")):
        await world.alice.expect_card("dm", containing="Ready for user input.")
        await world.at_rest()
        await world.alice.say("dm", text)
        await world.alice.expect_message("dm", containing=f"{who} heard: {text}")


@pytest.mark.promise("P3")
@pytest.mark.parametrize("resume", ["each", "together"])
async def test_parallel_interrupts_in_any_order(world: World, server: LangGraphServer, resume: str) -> None:
    await start(world, "side_by_side", server.url, resume=resume)
    legal = await world.asked("sign", containing="Does legal agree?")
    finance = await world.bob.expect_card("#deploys", containing="Does finance agree?")
    await finance.click("Approve")
    await finance.becomes("Approved", buttons=[])
    await legal.click("Approve", by=world.carol)
    await world.alice.expect_message("#deploys", containing="The contract is signed.")
    assert sorted(server.done) == ["finance: True", "legal: True", "signed"]


@pytest.mark.promise("P3")
async def test_the_answer_to_the_first_question_never_answers_the_second(world: World, server: LangGraphServer) -> None:
    await start(world, "two_questions", server.url)
    first = await world.asked("clean up", containing="Delete the logs?")
    await first.click("Approve")
    await first.click("Approve", stale=True)
    second = await world.bob.expect_card("#deploys", containing="Delete the production database?")
    await world.at_rest()
    assert (await second.now()).buttons == ["Approve", "Reject"]
    await (await second.open_form("Reject")).submit({"Reason": "never"})
    await world.alice.expect_message("#deploys", containing="so the run was stopped")
    await done(server)


@pytest.mark.promise("P3")
@pytest.mark.parametrize("way", ["Continue", "Edit state", "Skip", "Stop"])
async def test_breakpoints(world: World, server: LangGraphServer, way: str) -> None:
    await start(world, "rollout", server.url, interrupt_before=["deploy"])
    card = await world.asked("billing")
    assert card.buttons == ["Continue", "Edit state", "Skip", "Stop"]
    assert "a change after approval can't be detected" in card.text
    await done(server)
    if way == "Edit state":
        await (await card.open_form(way)).submit({"replicas": "1"})
    else:
        await card.click(way)
    expected = {
        "Continue": ["deploy billing x3", "announce billing"],
        "Edit state": ["deploy billing x1", "announce billing"],
        "Skip": ["announce billing"],
        "Stop": [],
    }
    await card.becomes("by <@U0BOB>", buttons=[])
    await done(server, *expected[way])


@pytest.mark.promise("P6")
async def test_a_breakpoint_before_tools_is_a_gate_for_each_call(world: World, server: LangGraphServer) -> None:
    """The graph knows nothing of approval; a refused call does not run, and the model learns why."""
    await start(world, "cleaner", server.url, interrupt_before=["tools"])
    card = await world.asked("notes.txt", containing="delete_file")
    assert card.buttons == ["Approve", "Edit", "Reject"] * 2
    await press(card, "Approve", 0, world.bob)
    await press(card, "Reject", 1, world.bob)
    await (await world.bob.expect_form(title="Reject")).submit({"Reason": "keep the notes"})
    await world.alice.expect_message("#deploys", containing="keep the notes; notes.txt has 3 lines")
    await done(server, "read notes.txt")
    await card.becomes("keep the notes", buttons=[])


async def test_a_call_is_changed_and_another_refused_and_all_refused(world: World, server: LangGraphServer) -> None:
    await start(world, "cleaner", server.url, interrupt_before=["tools"])
    card = await world.asked("notes.txt", containing="delete_file")
    await press(card, "Edit", 0, world.bob)
    await (await world.bob.expect_form()).submit({"path": "plan.txt"})
    await press(card, "Approve", 1, world.bob)
    await world.alice.expect_message("#deploys", containing="plan.txt has 3 lines; notes.txt is deleted")
    again = await world.asked("other.txt", containing="other.txt")
    for row in (0, 1):
        await press(again, "Reject", row, world.bob)
        await (await world.bob.expect_form(title="Reject")).submit({"Reason": f"no {row}"})
    await world.alice.expect_message("#deploys", containing="no 0; no 1")
    assert sorted(server.done) == ["delete notes.txt", "read plan.txt"]


async def press(card: Message, label: str, row: int, by: Person) -> None:
    """Press the button of one row."""
    block = next(each for each in card.shown["blocks"] if each.get("block_id") == f"action:{row}")
    element = next(each for each in block["elements"] if each["text"]["text"] == label)
    outcome = await by._act(
        "click", channel=card.channel, ts=card.ts, action_id=element["action_id"], block_id=block["block_id"]
    )
    assert outcome.acked


@pytest.mark.promise("P4")
async def test_time_travel_asks_anew(world: World, server: LangGraphServer) -> None:
    await start(world, "trouble", server.url)
    card = await world.asked("the move")
    await card.click("History")
    listed = await world.bob.expect_form(title="History")
    row = next(each for each in listed.view["blocks"] if "Finished: prepare" in str(each))
    action = row["accessory"]["action_id"]
    await world.bob._act("click", view_id=listed.view["id"], action_id=action, block_id=row["block_id"])
    form = await world.bob.expect_form(title="Go back")
    await form.submit({"task": "another move"})
    anew = await world.bob.expect_card("#deploys", containing="Do another move?")
    await card.becomes("Withdrawn", buttons=[])
    await anew.click("Approve")
    await world.alice.expect_message("#deploys", containing="done")
    assert [each.split(" with")[0] for each in server.done] == ["prepare the move", "act on another move"]


async def failed(world: World, containing: str) -> Message:
    card = await world.alice.expect_card("#deploys", containing=containing)
    assert card.buttons == ["Retry", "Dismiss"]
    return card


@pytest.mark.promise("P3")
async def test_a_failure_is_retried_without_asking_again(world: World, server: LangGraphServer) -> None:
    await start(world, "trouble", server.url)
    card = await world.asked("the move")
    server.break_step("after the answer")
    await card.click("Approve")
    failure = await failed(world, "RuntimeError: after the answer does not work today")
    server.mend("after the answer")
    await failure.click("Retry")
    await world.alice.expect_message("#deploys", containing="done")
    assert [each.split(" with")[0] for each in server.done] == ["prepare the move", "act on the move"]


@pytest.mark.promise("P5")
@pytest.mark.promise("P8")
async def test_the_bots_operator_withdraws_a_request_and_nothing_runs_on(
    world: World, server: LangGraphServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await start(world, "yes_or_no", server.url)
    card = await world.asked("act")
    await world.at_rest()
    monkeypatch.setenv("REDIS_URL", world.redis_url)
    approval = await world.approval(card)
    words = ["approvals", "withdraw", approval.id, "--reason", "wrong one", "--config", str(world.folder / "app.yaml")]
    assert await asyncio.to_thread(invoke, words) == 0
    shown = await card.becomes("Withdrawn by the bot's operator", buttons=[])
    assert "wrong one" in shown.text
    await world.alice.expect_message("#deploys", containing="withdrew the request, so the run was stopped")
    await world.at_rest()
    assert server.done == []
    again = await world.asked("act anew")
    await again.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await done(server, "act anew")


# What fails between the bot and the server ----------------------------------------------------------------------------


@pytest.mark.promise("P1")
@pytest.mark.promise("P3")
@pytest.mark.parametrize("fault", [503, 409, 429, "drop"])
@pytest.mark.parametrize("call", ["POST runs", "GET join", "GET state", "POST threads"])
async def test_a_call_that_fails_costs_time_and_nothing_is_sent_twice(
    world: World,
    server: LangGraphServer,
    proxy: Proxy,
    call: str,
    fault: int | str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "DOWN_SECONDS", 0.2)
    await start(world, "yes_or_no", proxy.url)
    card = await world.asked("act")
    proxy.fault[call] = [fault, fault]
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await done(server, "act")
    assert not await world.bot.ports.lanes.dead_letters()


@pytest.mark.promise("P1")
async def test_a_server_that_is_down_and_comes_back_loses_nothing(world: World, server: LangGraphServer) -> None:
    await start(world, "yes_or_no", server.url)
    server.stop()
    await world.alice.say("#deploys", "@signoff act")
    server.start()
    card = await world.bob.expect_card("#deploys", containing="act")
    await card.click("Approve")
    await world.alice.expect_message("#deploys", containing="approved")
    await done(server, "act")


@pytest.mark.promise("P1")
async def test_a_run_in_progress_is_joined_by_the_next_process(world: World, server: LangGraphServer) -> None:
    await start(world, "trouble", server.url)
    card = await world.asked("hang")
    await card.click("Approve")

    async def busy() -> bool | None:
        return True if server.done == ["prepare hang"] else None

    await wait_until(busy)
    await world.restart()
    server.open_door("hang")
    await world.alice.expect_message("#deploys", containing="done")
    assert [each.split(" with")[0] for each in server.done] == ["prepare hang", "act on hang"]


async def test_a_run_that_takes_too_long_is_cancelled(world: World, server: LangGraphServer) -> None:
    await start(world, "trouble", server.url, time_limit="2s")
    card = await world.asked("hang")
    await card.click("Approve")
    await failed(world, "it took longer than 2 seconds")


async def test_a_thread_that_is_gone_is_told(world: World, server: LangGraphServer, proxy: Proxy) -> None:
    await start(world, "yes_or_no", proxy.url)
    card = await world.asked("act")
    world_thread = world.thread(card)
    from adapters.langgraph.remote.client import Server, connected, thread_of  # noqa: PLC0415 - only here

    async with connected(Server(server.url, "yes_or_no")) as client:
        await client._client.threads.delete(thread_of(world_thread))
    await card.click("Approve")
    shown = await card.becomes("not delivered", buttons=[])
    assert "memory of this conversation is gone" in shown.text
    await done(server)


async def test_every_run_of_a_turn_has_the_context_and_configurable_of_app_yaml(
    world: World, server: LangGraphServer
) -> None:
    """The server makes the context of the keys that the graph's schema knows, also after another person's click."""
    context = {"asked": "for $user", "where": {"channel": "$channel"}}
    await start(world, "settings", server.url, context=context, configurable={"tenant": "acme/$user"})
    seen = (
        "Settings(asked='for U0ALICE', where={'channel': 'C0DEPLOYS'}, tries=3, user_id='U0ALICE') acme/U0ALICE U0ALICE"
    )
    card = await world.asked("hello", containing=seen)
    await card.click("Approve", by=world.bob)
    await world.alice.expect_message("#deploys", containing=f"{seen} | True")
