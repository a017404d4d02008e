"""What is written to people, on the local workspace: once, true, and in spite of Slack's failures."""

from dataclasses import replace
from typing import Any

import pytest
from conftest import Bot
from fakes.people import Message
from slack_samples import ARGUMENTS, DIRECT, action, approval, ask, chose, policy, question

from adapters.slack.errors import SlackRefused
from adapters.slack.pacing import Pacer
from engine.approval import Approval, Place, State
from engine.ask import Choice
from engine.ids import ChannelId, MessageTs, UserId


async def pending(bot: Bot, channel: str = "#deploys", **more: Any) -> Approval:
    place = await bot.place(channel)
    return approval(more.pop("what", None), place=place, requester=UserId(await bot.user("alice")), **more)


async def cards(bot: Bot, channel: str = "#deploys") -> list[Message]:
    return [each for each in await bot.slack.person("bob").messages(channel) if each.from_bot]


async def test_a_card_is_posted_and_redrawn_in_its_place(chatting: Bot) -> None:
    one = await pending(chatting)
    card = await chatting.chat.draw(one, 1)
    assert card is not None
    one = replace(one, card=card)
    bob = UserId(await chatting.user("bob"))
    assert await chatting.chat.draw(chose(one, bob, Choice.APPROVE), 1) == card
    (seen,) = await cards(chatting)
    assert seen.buttons == []
    assert "Approved by" in seen.text
    assert "Approved by" in seen.notification


@pytest.mark.parametrize("method", ["chat.postMessage"])
async def test_a_card_whose_answer_was_lost_is_found_and_not_posted_twice(chatting: Bot, method: str) -> None:
    one = await pending(chatting)
    await chatting.slack.people.fault(method=method, lost_response=True)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the client makes of a broken connection
        await chatting.chat.draw(one, 1)
    card = await chatting.chat.draw(one, 2)
    assert [each.ts for each in await cards(chatting)] == [card]


async def test_a_card_in_a_thread_is_found_there(chatting: Bot) -> None:
    root = await chatting.slack.person("alice").say("#deploys", "please")
    one = await pending(chatting)
    one = replace(one, place=replace(one.place, thread_ts=MessageTs(root.ts)))
    card = await chatting.chat.draw(one, 1)
    assert await chatting.chat.draw(one, 2) == card
    assert await chatting.chat.draw(replace(one, id=f"{one.id}x"), 2) != card  # type: ignore[arg-type]


async def test_a_card_that_was_deleted_is_posted_anew_while_it_is_open(chatting: Bot) -> None:
    one = await pending(chatting)
    card = await chatting.chat.draw(one, 1)
    await chatting.client.chat_delete(channel=one.place.channel, ts=str(card))
    again = await chatting.chat.draw(replace(one, card=card), 1)
    assert again not in (None, card)
    await chatting.client.chat_delete(channel=one.place.channel, ts=str(again))
    closed = replace(one, card=again, state=State.WITHDRAWN, note="the agent no longer asks this")
    assert await chatting.chat.draw(closed, 1) is None


async def test_a_place_that_is_gone_is_no_error(chatting: Bot) -> None:
    nowhere = Place(chatting.identity.team, ChannelId("C0NOWHERE"))
    assert await chatting.chat.draw(approval(place=nowhere), 1) is None
    await chatting.chat.say(nowhere, "hello", "k", speaker="", attempt=2)


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 503}, {"error": "internal_error"}, {"error": "token_revoked"}]
)
async def test_what_may_pass_is_raised_without_what_was_sent(chatting: Bot, fault: dict[str, Any]) -> None:
    one = await pending(chatting)
    await chatting.slack.people.fault(method="chat.postMessage", times=3, **fault)
    with pytest.raises(SlackRefused) as raised:
        await chatting.chat.draw(one, 1)
    assert "billing" not in str(raised.value)
    assert "xoxb" not in str(raised.value)


async def test_a_rate_limit_is_waited_out(chatting: Bot) -> None:
    one = await pending(chatting)
    await chatting.slack.people.fault(method="chat.postMessage", retry_after=0)
    assert await chatting.chat.draw(one, 1) is not None
    assert len(await cards(chatting)) == 1


async def test_an_update_is_repeated_after_a_server_error(chatting: Bot) -> None:
    one = await pending(chatting)
    one = replace(one, card=await chatting.chat.draw(one, 1))
    await chatting.slack.people.fault(method="chat.update", status=500)
    assert await chatting.chat.draw(one, 1) == one.card


@pytest.mark.promise("P4")
async def test_what_no_modal_holds_is_a_file_in_the_thread_once(chatting: Bot) -> None:
    value = {"script": "\n".join(f'"line" {number}' for number in range(30_000))}
    one = await pending(chatting, what=ask(action(value)))  # type: ignore[arg-type]
    card = await chatting.chat.draw(one, 1)
    await chatting.chat.draw(replace(one, card=card), 1)
    files = [file for each in await cards(chatting) for file in each.files]
    assert len(files) == 1
    assert files[0]["name"] in (await cards(chatting))[0].text
    assert files[0]["size"] > 400_000


async def test_without_the_scope_for_files_the_card_stands_and_says_what_is_missing(chatting: Bot) -> None:
    value = {"script": "\n".join(f'"line" {number}' for number in range(30_000))}
    one = await pending(chatting, what=ask(action(value)))  # type: ignore[arg-type]
    await chatting.slack.people.fault(method="files.getUploadURLExternal", error="missing_scope")
    assert await chatting.chat.draw(one, 1) is not None
    assert any("Do not decide it unread" in each.text for each in await cards(chatting))


async def test_what_an_agent_says_is_said_once_however_often(chatting: Bot) -> None:
    place, text = await chatting.place("#deploys"), "word " * 5_000
    await chatting.slack.people.fault(method="chat.postMessage", lost_response=True)
    with pytest.raises(Exception):  # noqa: B017, PT011 - likewise
        await chatting.chat.say(place, text, "turn-1", speaker="planner", attempt=1)
    await chatting.chat.say(place, text, "turn-1", speaker="planner", attempt=2)
    await chatting.chat.say(place, text, "turn-1", speaker="planner", attempt=3)
    said = await cards(chatting)
    assert sum(each.text.count("word") for each in said) == 5_000
    assert sum("planner" in each.text for each in said) == 1


async def test_a_reminder_names_who_has_not_decided_and_comes_once(chatting: Bot) -> None:
    bob, carol = UserId(await chatting.user("bob")), UserId(await chatting.user("carol"))
    one = await pending(chatting, rule=policy(bob, carol, quorum=2))
    one = chose(replace(one, card=await chatting.chat.draw(one, 1)), bob, Choice.APPROVE)
    await chatting.chat.remind(one, 1)
    await chatting.chat.remind(one, 2)
    reminders = [each for each in await cards(chatting) if "still waits" in each.text]
    assert len(reminders) == 1
    assert f"<@{carol}>" in reminders[0].text
    assert f"<@{bob}>" not in reminders[0].text
    assert reminders[0].thread_ts == one.card


async def test_nobody_is_reminded_of_what_is_decided(chatting: Bot) -> None:
    one = await pending(chatting)
    one = replace(one, card=await chatting.chat.draw(one, 1))
    await chatting.chat.remind(chose(one, UserId("U0BOB"), Choice.APPROVE), 1)
    assert len(await cards(chatting)) == 1


async def test_a_question_in_a_direct_message_is_reminded_of_at_the_root(chatting: Bot) -> None:
    one = await pending(chatting, "alice", what=question())
    one = replace(one, card=await chatting.chat.draw(one, 1))
    await chatting.chat.remind(one, 1)
    reminder = await chatting.slack.person("alice").expect_message("dm", containing="still waits")
    assert reminder.shown.get("thread_ts") is None
    assert DIRECT.thread_ts is None


async def test_only_the_person_sees_what_they_are_told(chatting: Bot) -> None:
    place = await chatting.place("#deploys")
    await chatting.chat.tell(place, UserId(await chatting.user("bob")), "You are not an approver.")
    await chatting.slack.person("bob").expect_message("#deploys", containing="not an approver", ephemeral=True)
    await chatting.slack.person("carol").expect_nothing_else()


@pytest.mark.parametrize("error", ["user_not_in_channel", "channel_not_found"])
async def test_who_is_not_in_the_channel_is_told_directly(chatting: Bot, error: str) -> None:
    place = await chatting.place("#deploys")
    await chatting.slack.people.fault(method="chat.postEphemeral", error=error)
    await chatting.chat.tell(place, UserId(await chatting.user("bob")), "You are not an approver.")
    await chatting.slack.person("bob").expect_message("dm", containing="not an approver", ephemeral=False)


async def test_an_edit_is_shown_before_and_after(chatting: Bot) -> None:
    bob, carol = UserId(await chatting.user("bob")), UserId(await chatting.user("carol"))
    one = await pending(chatting, rule=policy(bob, carol, quorum=2))
    one = replace(one, card=await chatting.chat.draw(one, 1))
    await chatting.chat.draw(chose(one, bob, Choice.EDIT, value={**ARGUMENTS, "replicas": 9}), 1)  # type: ignore[dict-item]
    assert "3 → 9" in (await cards(chatting))[0].text


# Pacing ---------------------------------------------------------------------------------------------------------------


async def test_a_burst_passes_and_then_one_message_a_second_for_each_channel() -> None:
    now, slept = [100.0], []

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))

    pacer = Pacer(rate=1, burst=3, clock=lambda: now[0], sleep=sleep)
    for _ in range(5):
        await pacer.turn("C1")
    await pacer.turn("C2")
    assert slept == [1.0, 2.0]
    now[0] += 10
    for _ in range(4):
        await pacer.turn("C1")
    assert slept == [1.0, 2.0, 1.0]
