"""People are reached once, though answers of Slack's are lost: by a mention, a copy of the card, a sign on the way."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from fakes.people import Message
from support.slack_app import Bot
from support.slack_samples import approval, chose, policy

from adapters.slack.workspace.errors import SlackRefused
from engine.approvals.approval import Approval, Calling, Copy, Notify
from engine.asks.ask import Choice
from engine.ids import MessageTs, SheetId, UserId
from engine.ports import Later

BOB, CAROL = UserId("U0BOB"), UserId("U0CAROL")


async def posted(bot: Bot, **more: Any) -> Approval:
    one = approval(place=await bot.place("#deploys"), rule=policy(BOB, CAROL, quorum=2), **more)
    return replace(one, card=await bot.chat.draw(one, 1))


async def seen_by(bot: Bot, name: str, channel: str) -> list[Message]:
    return [each for each in await bot.slack.person(name).messages(channel) if each.from_bot]


async def once(bot: Bot, post: Callable[[int], Awaitable[object]]) -> object:
    """What a second attempt comes to where the answer to the first was lost."""
    await bot.slack.people.fault(method="chat.postMessage", lost_response=True)
    with pytest.raises(SlackRefused):
        await post(1)
    return await post(2)


async def test_a_call_is_posted_once_for_each_piece_of_work(chatting: Bot) -> None:
    one = await posted(chatting)
    await once(chatting, lambda attempt: chatting.chat.call([one], [BOB, CAROL], "w1", attempt))
    (call,) = [each for each in await seen_by(chatting, "bob", "#deploys") if "🔔" in each.text]
    assert "<@U0BOB>, <@U0CAROL>: this request needs your decision (<http" in call.text
    assert call.thread_ts == one.card
    await chatting.chat.call([one], [BOB], "w2", 2)
    assert len([each for each in await seen_by(chatting, "bob", "#deploys") if "🔔" in each.text]) == 2


@pytest.mark.promise("P8")
async def test_a_copy_is_posted_once_and_redrawn(chatting: Bot) -> None:
    one = await posted(chatting)
    copy = await once(chatting, lambda attempt: chatting.chat.copy([one], BOB, attempt))
    assert isinstance(copy, Copy)
    (card,) = await seen_by(chatting, "bob", "dm")
    assert (card.ts, card.channel) == (copy.card, copy.channel)
    assert card.buttons == ["Approve", "Edit", "Reject"]
    assert "any member" not in card.text
    assert await chatting.chat.redraw_copy([chose(one, CAROL, Choice.APPROVE)], copy)
    await card.becomes("1 of 2 approvals: <@U0CAROL>")
    await card.delete()
    assert not await chatting.chat.redraw_copy([one], copy)
    assert await seen_by(chatting, "bob", "dm") == []


async def test_a_sheet_is_copied_as_one_message(chatting: Bot) -> None:
    place = await chatting.place("#deploys")
    rows = [approval(place=place, interrupt=f"i{each}", sheet=SheetId("s"), rule=policy(BOB)) for each in range(3)]
    rows = [replace(each, card=MessageTs("5.5")) for each in rows]
    copy = await once(chatting, lambda attempt: chatting.chat.copy(rows, BOB, attempt))
    assert isinstance(copy, Copy)
    (sheet,) = await seen_by(chatting, "bob", "dm")
    assert sheet.buttons.count("Approve") == 3
    done = [chose(rows[0], BOB, Choice.APPROVE), *rows[1:]]
    assert await chatting.chat.redraw_copy(done, copy)
    assert (await sheet.now()).buttons.count("Approve") == 2


@pytest.mark.parametrize("error", ["user_disabled", "cannot_dm_bot", "user_not_found", "missing_scope"])
async def test_who_takes_no_messages_is_passed_over(chatting: Bot, error: str) -> None:
    one = await posted(chatting)
    await chatting.slack.people.fault(method="conversations.open", error=error)
    assert await chatting.chat.copy([one], BOB, 1) is None


@pytest.mark.parametrize("fault", [{"status": 503}, {"error": "internal_error"}])
async def test_who_cannot_be_reached_just_now_is_tried_again(chatting: Bot, fault: dict[str, Any]) -> None:
    one = await posted(chatting)
    await chatting.slack.people.fault(method="conversations.open", times=3, **fault)
    with pytest.raises(SlackRefused):
        await chatting.chat.copy([one], BOB, 1)


async def test_a_copy_waits_where_slack_says_that_it_is_too_much(chatting: Bot) -> None:
    one = await posted(chatting)
    await chatting.slack.people.fault(method="chat.postMessage", status=429, retry_after=7)
    with pytest.raises(Later):
        await chatting.chat.copy([one], BOB, 1)


async def test_the_app_without_a_messages_tab_reaches_nobody_directly(chatting: Bot) -> None:
    one = await posted(chatting)
    await chatting.slack.people.fault(method="chat.postMessage", error="messages_tab_disabled")
    assert await chatting.chat.copy([one], BOB, 1) is None


async def test_somebody_is_told_of_their_copy_once(chatting: Bot) -> None:
    one = await posted(chatting)
    copy = await chatting.chat.copy([one], BOB, 1)
    assert copy is not None
    told = "This request was handed over to you."
    await once(chatting, lambda attempt: chatting.chat.point_to(copy, told, "w1/bob", attempt))
    (pointer,) = [each for each in await seen_by(chatting, "bob", "dm") if told in each.text]
    assert "(<http" in pointer.text


@pytest.mark.promise("P8")
async def test_a_sign_in_the_conversation_is_posted_once_and_tells_the_end(chatting: Bot) -> None:
    home = await chatting.place("#deploys")
    one = approval(place=home, rule=policy(BOB))
    one = replace(one, place=await chatting.place("#approvals"), home=home, calling=Calling(Notify.MENTION))
    one = replace(one, card=await chatting.chat.draw(one, 1))
    ts = await once(chatting, lambda attempt: chatting.chat.signpost([one], attempt))
    (sign,) = await seen_by(chatting, "alice", "#deploys")
    assert sign.ts == ts
    assert "Waiting for a decision in <#C0APPROVALS> (<http" in sign.text
    assert "<@U0BOB>" not in sign.text
    done = replace(chose(one, BOB, Choice.APPROVE), signpost=MessageTs(sign.ts))
    await chatting.chat.signpost([done], 1)
    assert "Approved by <@U0BOB>" in (await sign.now()).text
    await sign.delete()
    assert await chatting.chat.signpost([done], 1) == sign.ts
    assert await seen_by(chatting, "alice", "#deploys") == []
