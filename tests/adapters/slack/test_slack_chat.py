"""What is written to people, on the local workspace: once, true, and in spite of Slack's failures."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes.people import Message, wait_until
from support.slack_app import Bot
from support.slack_samples import ARGUMENTS, DIRECT, action, approval, ask, chose, policy, question

from adapters.memory import MemoryBudget
from adapters.slack.outbound.chat import SlackChat
from adapters.slack.workspace.errors import CODES, Fate, SlackRefused
from adapters.slack.workspace.pacing import Pace
from engine.approvals.approval import Approval, Place, State
from engine.asks.ask import Choice
from engine.budget import Urgency
from engine.ids import ApprovalId, ChannelId, MessageTs, UserId, sheet_id
from engine.ports import CannotPostError, Later


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


@pytest.mark.parametrize("ahead", [timedelta(hours=3), timedelta(days=400)])
async def test_a_card_is_found_by_a_bot_whose_clock_ran_ahead_of_slacks(chatting: Bot, ahead: timedelta) -> None:
    chat = SlackChat(chatting.client, chatting.identity.user, ahead=timedelta(days=36_500))
    one = replace(await pending(chatting), created_at=datetime.now(UTC) + ahead)
    card = await chat.draw(one, 1)
    assert await chat.draw(one, 2) == card
    assert await chatting.chat.draw(one, 2) != card, "a clock that is taken for right does not find it"


@pytest.mark.promise("P8")
async def test_a_card_in_a_thread_is_found_whatever_the_clock_of_who_asked_said(chatting: Bot) -> None:
    """Another process asked, and its clock is two hours ahead; who searches knows nothing of that."""
    root = await chatting.slack.person("alice").say("#deploys", "please")
    one = await pending(chatting)
    place = replace(one.place, thread_ts=MessageTs(root.ts))
    one = replace(one, place=place, created_at=datetime.now(UTC) + timedelta(hours=2))
    card = await chatting.chat.draw(one, 1)
    assert await chatting.chat.draw(one, 2) == card
    assert [each.ts for each in await cards(chatting)] == [card]


@pytest.mark.promise("P8")
@pytest.mark.parametrize("wrong", [timedelta(hours=2), timedelta(days=-2)])
@pytest.mark.parametrize("known_by", ["its message", "its thread"])
async def test_a_card_and_a_copy_outside_a_thread_are_found_whatever_the_clock_of_who_asked_said(
    chatting: Bot, known_by: str, wrong: timedelta
) -> None:
    root = MessageTs((await chatting.slack.person("alice").say("#deploys", "please")).ts)
    one = await pending(chatting, "#approvals", created_at=datetime.now(UTC) + wrong)
    if known_by == "its message":
        one = replace(one, asked_after=root)
    else:  # an earlier version did not store the message
        one = replace(one, home=replace(await chatting.place("#deploys"), thread_ts=root))
    ids = [ApprovalId(f"{one.id}{each}") for each in "ab"]
    rows = [replace(one, id=each, sheet=sheet_id(ids)) for each in ids]
    bob = UserId(await chatting.user("bob"))
    card, sheet = await chatting.chat.draw(one, 1), await chatting.chat.draw_sheet(sheet_id(ids), rows, 1)
    copy = await chatting.chat.copy([one], bob, 1)
    another = SlackChat(chatting.client, chatting.identity.user)
    assert await another.draw(one, 2) == card
    assert await another.draw_sheet(sheet_id(ids), rows, 2) == sheet
    assert await another.copy([one], bob, 2) == copy
    assert [each.ts for each in await cards(chatting, "#approvals")] == [card, sheet]


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
    assert await chatting.chat.draw(closed, 1) == again
    assert not await cards(chatting)


async def test_a_place_that_takes_nothing_is_named_with_what_to_do(chatting: Bot) -> None:
    nowhere = Place(chatting.identity.team, ChannelId("C0NOWHERE"))
    with pytest.raises(CannotPostError) as raised:
        await chatting.chat.draw(approval(place=nowhere), 1)
    assert raised.value.sentence == (
        "I can't post in <#C0NOWHERE>: I was removed from it, or it was deleted. "
        "Invite me there with `/invite` <@U0SIGNOFF>."
    )
    with pytest.raises(CannotPostError):
        await chatting.chat.say(nowhere, "hello", "k", speaker="", attempt=2)


@pytest.mark.promise("P8")
@pytest.mark.parametrize("code", list(CODES))
async def test_every_code_has_one_fate(chatting: Bot, code: str) -> None:
    """What may pass or be put right is never final, and a card whose thread or message is gone stands elsewhere."""
    fate, _ = CODES[code]
    one = await pending(chatting)
    posted = await chatting.chat.draw(one, 1)
    root = await chatting.slack.person("alice").say("#deploys", "please")
    one = replace(one, place=replace(one.place, thread_ts=MessageTs(root.ts)))
    method = "chat.update" if fate is Fate.NO_MESSAGE else "chat.postMessage"
    await chatting.slack.people.fault(method=method, error=code)
    if fate in (Fate.CLOSED, Fate.NEVER):
        with pytest.raises(CannotPostError) as raised:
            await chatting.chat.draw(one, 1)
        assert raised.value.forever is (fate is Fate.NEVER)
        assert "{" not in raised.value.sentence
        return
    known = posted if fate is Fate.NO_MESSAGE else None
    card = await chatting.chat.draw(replace(one, card=known), 1)
    shown = next(each for each in await chatting.slack.person("bob").messages("#deploys") if each.ts == card)
    assert shown.buttons
    assert ("thread_ts" in shown.shown) is (fate is not Fate.NO_THREAD)


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 503}, {"error": "internal_error"}, {"error": "new_code"}]
)
async def test_what_may_pass_is_raised_without_what_was_sent(chatting: Bot, fault: dict[str, Any]) -> None:
    one = await pending(chatting)
    await chatting.slack.people.fault(method="chat.postMessage", times=3, **fault)
    with pytest.raises(SlackRefused) as raised:
        await chatting.chat.draw(one, 1)
    assert "billing" not in str(raised.value)
    assert "xoxb" not in str(raised.value)


@pytest.mark.promise("P8")
async def test_a_change_that_may_be_made_late_is_not_repeated_in_silence(chatting: Bot) -> None:
    one = await pending(chatting)
    one = replace(one, card=await chatting.chat.draw(one, 1))
    await chatting.slack.people.fault(method="chat.update", status=500)
    with pytest.raises(SlackRefused, match="internal_error"):
        await chatting.chat.draw(one, 1)
    assert await chatting.chat.draw(one, 2) == one.card


@pytest.mark.promise("P8")
async def test_a_card_that_slack_posted_late_is_removed(chatting: Bot) -> None:
    one = await pending(chatting)
    late, card = await chatting.chat.draw(one, 1), await chatting.chat.draw(one, 1)
    assert await chatting.chat.draw(replace(one, card=card), 2) == card
    assert [each.ts for each in await cards(chatting)] == [card]
    assert late != card


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
    assert any("Do not decide before you have read it" in each.text for each in await cards(chatting))


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


async def test_a_reminder_names_people_and_comes_once_for_each_time(chatting: Bot) -> None:
    bob, carol = UserId(await chatting.user("bob")), UserId(await chatting.user("carol"))
    one = await pending(chatting, rule=policy(bob, carol, quorum=2))
    one = chose(replace(one, card=await chatting.chat.draw(one, 1)), bob, Choice.APPROVE)
    await chatting.chat.remind(one, [carol], "w1", 1)
    await chatting.chat.remind(one, [carol], "w1", 2)
    reminders = [each for each in await cards(chatting) if "this request still needs your decision" in each.text]
    assert len(reminders) == 1
    assert f"<@{carol}>" in reminders[0].text
    assert reminders[0].thread_ts == one.card
    await chatting.chat.remind(one, [carol], "w2", 2)
    assert len([each for each in await cards(chatting) if "⏰" in each.text]) == 2


async def test_nobody_is_reminded_of_what_is_decided(chatting: Bot) -> None:
    one = await pending(chatting)
    one = replace(one, card=await chatting.chat.draw(one, 1))
    await chatting.chat.remind(chose(one, UserId("U0BOB"), Choice.APPROVE), [UserId("U0BOB")], "w1", 1)
    assert len(await cards(chatting)) == 1


async def test_a_question_in_a_direct_message_is_reminded_of_at_the_root(chatting: Bot) -> None:
    one = await pending(chatting, "alice", what=question())
    one = replace(one, card=await chatting.chat.draw(one, 1))
    await chatting.chat.remind(one, [one.requester], "w1", 1)
    reminder = await chatting.slack.person("alice").expect_message(
        "dm", containing="this request still needs your answer"
    )
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


class Time:
    """A clock that goes on only where somebody sleeps, or where a test says so."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds

    def pace(self) -> Pace:
        return Pace(MemoryBudget(lambda: self.now), sleep=self.sleep)


async def test_a_burst_passes_and_then_one_message_a_second_for_each_channel() -> None:
    time = Time()
    pace = time.pace()
    for key in "abcde":
        await pace.turn_to_post("C1", key)
        time.now += 0.9
    await pace.turn_to_post("C1", "f")
    await pace.turn_to_post("C2", "f")
    assert time.slept == [0.5]


@pytest.mark.promise("P7")
async def test_who_would_wait_long_is_told_when_to_come_back_and_keeps_their_place() -> None:
    time = Time()
    pace = time.pace()
    await pace.turn_to_post("C1", "now", 7)
    told = []
    for key in ("second", "third", "second"):
        with pytest.raises(Later) as later:
            await pace.turn_to_post("C1", key)
        told.append(later.value.seconds)
    assert told == [7.0, 8.0, 7.0]
    await pace.turn_to_post("C2", "elsewhere")
    time.now += 7
    with pytest.raises(Later):
        await pace.turn_to_post("C1", "a newcomer")
    await pace.turn_to_post("C1", "second")
    assert time.slept == []
    await pace.turn_to_post("C1", "third")
    assert time.slept == [1.0]


@pytest.mark.promise("P8")
async def test_the_buttons_of_what_is_decided_go_before_a_vote_is_shown(chatting: Bot) -> None:
    time = Time()
    chat = SlackChat(chatting.client, chatting.identity.user, pace := time.pace())
    bob, carol = UserId(await chatting.user("bob")), UserId(await chatting.user("carol"))
    one = await pending(chatting, rule=policy(bob, carol, quorum=2))
    one = replace(one, card=await chat.draw(one, 1))
    for number in range(40):
        await pace.turn("chat.update", str(number), Urgency.NEXT)
    voted = chose(one, bob, Choice.APPROVE)
    with pytest.raises(Later) as later:
        await chat.draw(voted, 1)
    assert later.value.seconds <= 2.0
    assert await chat.draw(chose(voted, carol, Choice.APPROVE), 1) == one.card
    assert (await cards(chatting))[0].buttons == []
    with pytest.raises(Later):
        await pace.turn("chat.update", "another", Urgency.NEXT)


@pytest.mark.promise("P8")
async def test_redraws_that_gathered_behind_one_that_waited_are_sent_once(chatting: Bot) -> None:
    time = Time()
    chat = SlackChat(chatting.client, chatting.identity.user, pace := time.pace())
    bob, carol = UserId(await chatting.user("bob")), UserId(await chatting.user("carol"))
    one = await pending(chatting, rule=policy(bob, carol, quorum=2))
    one = replace(one, card=await chat.draw(one, 1))
    for number in range(40):
        await pace.turn("chat.update", str(number), Urgency.NEXT)
    voted = chose(one, bob, Choice.APPROVE)
    for _ in range(3):
        with pytest.raises(Later):
            await chat.draw(voted, 1)
    time.now += 61
    assert await chat.draw(voted, 1) == one.card
    await chatting.slack.people.fault(method="chat.update", error="fatal_error", times=9)
    for _ in range(3):
        assert await chat.draw(voted, 1) == one.card
    with pytest.raises(SlackRefused):  # what an earlier attempt did, only Slack knows
        await chat.draw(voted, 2)
    with pytest.raises(SlackRefused):
        await chat.draw(chose(voted, carol, Choice.APPROVE), 1)


@pytest.mark.parametrize("method", ["chat.update", "chat.postMessage", "chat.delete", "chat.postEphemeral"])
async def test_a_429_sends_the_work_back_and_is_known_to_all(chatting: Bot, method: str) -> None:
    await chatting.slack.people.fault(limits="real")
    time = Time()
    chatting.client.pace = pace = time.pace()
    chat = SlackChat(chatting.client, chatting.identity.user, pace)
    one = await pending(chatting)
    drawn = replace(one, card=await chat.draw(one, 1))
    bob = UserId(await chatting.user("bob"))
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "chat.update": lambda: chat.draw(chose(drawn, bob, Choice.APPROVE), 1),
        "chat.postMessage": lambda: chat.draw(replace(one, id=ApprovalId(f"{one.id}x")), 1),
        "chat.delete": lambda: chat.take_back(one.place, MessageTs("1.1")),
        "chat.postEphemeral": lambda: chat.tell(one.place, bob, "Too late"),
    }
    await chatting.slack.people.fault(method=method, retry_after=20)
    for _ in range(2 if method != "chat.postEphemeral" else 1):  # the second time Slack would take it
        with pytest.raises(Later) as later:
            await calls[method]()
        assert later.value.seconds == 20.0
    time.now += 21
    await calls[method]()


async def test_live_words_take_only_what_cards_leave(chatting: Bot) -> None:
    time = Time()
    chat = SlackChat(chatting.client, chatting.identity.user, pace := time.pace())
    one = await pending(chatting)
    await chatting.slack.people.fault(limits="real")
    bob = UserId(await chatting.user("bob"))
    live = chat.live(one.place, bob)  # at the root of a channel: Slack streams into threads only
    assert await live.show("Let me", "", "") > 0
    for number in range(20):
        await pace.turn("chat.update", str(number), Urgency.NEXT)
    assert await live.show("Let me see", "", "") > 10
    (shown,) = await cards(chatting)
    assert "see" not in shown.text
    await pace.turn("chat.update", "a card", Urgency.NEXT)
    time.now += 61
    await live.show("Let me see now", "", "")
    assert "Let me see now" in (await cards(chatting))[0].text


async def test_one_stream_shows_its_words_each_second(chatting: Bot) -> None:
    time = Time()
    chat = SlackChat(chatting.client, chatting.identity.user, time.pace())
    root = await chatting.slack.person("alice").say("#deploys", "please")
    place = replace((await pending(chatting)).place, thread_ts=MessageTs(root.ts))
    await chatting.slack.people.fault(limits="real")
    live = chat.live(place, UserId(await chatting.user("alice")))
    words = ""
    for number in range(90):
        words += f"{number} "
        assert await live.show(words, "", "") == 1.0
        time.now += 1.0
    assert "89" in (await cards(chatting))[-1].text


async def test_a_read_that_is_refused_waits_and_is_repeated(chatting: Bot) -> None:
    await chatting.slack.people.fault(method="users.info", retry_after=1)
    assert (await chatting.client.users_info(user=await chatting.user("bob")))["ok"]


async def test_reads_beyond_the_limit_wait_a_moment_and_go_all_the_same(chatting: Bot) -> None:
    await chatting.slack.people.fault(limits="real")
    time = Time()
    chatting.client.pace = time.pace()
    bob = await chatting.user("bob")
    for _ in range(101):
        await chatting.client.users_info(user=bob)
    assert time.slept == [1.0]


@pytest.mark.promise("P7")
async def test_in_a_busy_channel_work_comes_back_later_and_posts_once(chatting: Bot) -> None:
    time = Time()
    pace = time.pace()
    chat = SlackChat(chatting.client, chatting.identity.user, pace)
    one = await pending(chatting)
    await pace.turn_to_post(one.place.channel, "others", 9)
    text = "\n\n".join(f"part {number} " + "word " * 2_000 for number in range(4))
    for _ in range(2):
        with pytest.raises(Later):
            await chat.draw(one, 1)
        with pytest.raises(Later):
            await chat.say(one.place, text, "key", speaker="", attempt=1)
    assert await cards(chatting) == []
    time.now += 10
    card = await chat.draw(one, 1)
    await chat.say(one.place, text, "key", speaker="", attempt=1)
    posted, *said = await cards(chatting)
    assert posted.ts == card
    assert len(said) > 1
    assert time.slept == [1.0] * (len(said) - 1)
    whole = " ".join(each.text for each in said)
    assert [whole.count(f"part {number} ") for number in range(4)] == [1, 1, 1, 1]


@pytest.mark.promise("P7")
async def test_that_a_file_was_refused_is_told_however_busy_the_channel(chatting: Bot) -> None:
    """The card stands by then: work that came back later would post it again."""
    time = Time()
    chat = SlackChat(chatting.client, chatting.identity.user, pace := time.pace())
    value = {"script": "\n".join(f'"line" {number}' for number in range(30_000))}
    one = await pending(chatting, what=ask(action(value)))  # type: ignore[arg-type]
    await chatting.slack.people.fault(method="files.getUploadURLExternal", error="missing_scope")
    await pace.turn_to_post(one.place.channel, "others", 4)
    assert await chat.draw(one, 1) is not None
    assert any("Do not decide before you have read it" in each.text for each in await cards(chatting))


# Sessions -------------------------------------------------------------------------------------------------------------


async def test_a_session_that_had_no_room_is_shown_as_soon_as_there_is_some(chatting: Bot) -> None:
    await chatting.slack.people.fault(limits="real")
    time = Time()
    chat = SlackChat(chatting.client, chatting.identity.user, pace := time.pace())
    alice = chatting.slack.person("alice")
    root = await alice.say("#general", "please")
    home = replace((await pending(chatting, "#general")).place, thread_ts=MessageTs(root.ts))
    one = approval(place=home, home=home, requester=UserId(await chatting.user("alice")))
    for _ in range(50):
        assert await pace.spare("agents.sessions.setStatus", home.channel, Urgency.FIRST) == 0
    await chat.show_waiting(one, waits=True)
    await chat.show_waiting(one, waits=False)
    await chat.show_waiting(one, waits=True)  # the newest is what counts

    async def look() -> bool | None:
        (message,) = [each for each in await alice.messages("#general") if each.ts == root.ts]
        return message.shown.get("session", {}).get("status") == "suspended" or None

    await wait_until(look)
    assert time.slept == [61.0]
    await chat.aclose()
