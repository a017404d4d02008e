"""Sheets: many requests in one message. A row is whole or says that it is not; Approve all approves what it names."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fakes.people import Message as Seen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.slack_app import Bot
from support.slack_samples import (
    ALICE,
    ANYBODY,
    BOB,
    CAROL,
    HERE,
    NOW,
    action,
    approval,
    ask,
    buttons_in,
    chose,
    closed,
    labels_in,
    policy,
    question,
    text_in,
)

from adapters.blockkit import check_message, limits
from adapters.slack.cards import card as cards
from adapters.slack.cards.sheet import fallback_sheet, seen, sheet
from adapters.slack.drawing.actions import APPROVE_ALL, ShownRows, Target
from adapters.slack.outbound.redraws import FRESH, ROWS_OVERDUE, Redraws
from engine.approvals.approval import Approval, Place, State
from engine.asks.ask import Action, Ask, Choice, Kind
from engine.authority.policy import Policy
from engine.ids import AgentName, MessageTs, sheet_id
from engine.ports import Later

TOGETHER = frozenset({AgentName("deploy")})


def row(number: int, asked: Ask | None = None, *, rule: Policy = ANYBODY, place: Place = HERE) -> Approval:
    asked = asked or ask(action({"order": number, "amount": 10 * number}, name="refund"))
    at = NOW + timedelta(milliseconds=number)
    return approval(asked, rule=rule, interrupt=f"i{number}", created_at=at, place=place)


def sheet_of(*rows: Approval) -> list[Approval]:
    name = sheet_id(each.id for each in rows)
    return [replace(each, sheet=name) for each in rows]


def rows(count: int, place: Place = HERE) -> list[Approval]:
    return sheet_of(*(row(number, place=place) for number in range(1, count + 1)))


def drawn(of: Sequence[Approval], **more: Any) -> list[dict[str, Any]]:
    return sheet(of[0].sheet, of, **more).blocks


def body(of: Sequence[Approval], **more: Any) -> str:
    return text_in(drawn(of, **more))


def approve_all_of(of: Sequence[Approval]) -> dict[str, Any]:
    return next(each for each in buttons_in(drawn(of)) if each["action_id"] == APPROVE_ALL)


def accepted(of: Sequence[Approval]) -> bool:
    both = sheet(of[0].sheet, of), fallback_sheet(of[0].sheet, of)
    return all(
        not check_message({"text": each.text, "blocks": each.blocks}, text_limit=limits.UPDATE_TEXT) for each in both
    )


# What it shows --------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P4")
def test_twenty_requests_are_shown_whole_in_order_each_with_its_own_buttons() -> None:
    of = rows(20)
    shown = body(of)
    places = [shown.index(f"{number}. refund") for number in range(1, 21)]
    assert places == sorted(places)
    assert all(f"order: {number}" in shown for number in range(1, 21))
    targets = [Target.read(each["value"]) for each in buttons_in(drawn(of)) if each["action_id"] == "signoff_approve"]
    assert targets == [Target(each.id, 0, 1) for each in of]
    assert labels_in(drawn(of)) == ["Approve", "Edit", "Reject"] * 20 + ["Approve all 20"]
    assert accepted(of)


def test_a_long_text_that_begins_like_a_headline_is_none() -> None:
    """Else the rest of it would be left out as said already."""
    end = "and wire 40,000 to another account"
    asked = ask(action(None), kind=Kind.APPROVAL, prompt="Pay Ann 40" + "\n" * 3_000 + end)
    of = sheet_of(row(1, asked), row(2))
    assert "Pay Ann 40" in body(of)
    assert end in body(of) or "Show all" in labels_in(drawn(of))


def test_who_decides_and_until_when_is_said_once_where_it_is_the_same() -> None:
    shown = body(rows(20))
    assert shown.count("Any channel member except the requester can approve") == 1
    assert shown.count("Rejected automatically") == 1


def test_a_row_with_another_rule_names_its_own_approvers() -> None:
    shown = body(sheet_of(row(1), row(2), row(3, rule=policy(BOB, CAROL, quorum=2))))
    assert "unless a row says otherwise" in shown
    assert f"0 of 2 approvals · Approvers: <@{BOB}>, <@{CAROL}>" in shown


@pytest.mark.promise("P8")
def test_a_row_that_is_over_is_one_line_without_buttons() -> None:
    of = rows(6)
    of[0] = chose(of[0], BOB, Choice.APPROVE)
    of[1] = chose(of[1], CAROL, Choice.REJECT, text="too late")
    of[2] = closed(of[2], State.WITHDRAWN, "the agent no longer asks this")
    of[3] = chose(of[3], BOB, Choice.EDIT, value={"order": 4, "amount": 1})
    shown = body(of)
    assert "2 of 6 to decide" in shown
    assert f"Approved by <@{BOB}>" in shown
    assert "too late" in shown
    assert "Withdrawn" in shown
    assert "amount: 1)" in shown
    assert {Target.read(each["value"]).approval for each in buttons_in(drawn(of))[:-1]} == {of[4].id, of[5].id}
    assert "✅ 2 approved · ⛔ 1 rejected · ↩️ 1 withdrawn · ▫️ 2 open" in shown


@pytest.mark.promise("P8")
def test_nothing_can_be_pressed_when_all_is_over() -> None:
    of = [chose(each, BOB, Choice.APPROVE) for each in rows(20)]
    assert buttons_in(drawn(of)) == []
    assert "20 approved" in body(of)
    assert accepted(of)


@pytest.mark.promise("P4")
def test_a_row_that_does_not_fit_says_so_can_be_seen_whole_and_is_not_approved_with_the_others() -> None:
    long = row(2, ask(action({"text": "x" * 9_000}, name="send")))
    of = sheet_of(row(1), long, row(3))
    assert "characters: press Show all" in body(of)
    assert "Show all" in labels_in(drawn(of))
    shown = ShownRows.read(approve_all_of(of)["value"])
    assert [shown.approval(mark) for mark, _ in shown.rows] == [of[0].id, of[2].id]
    assert "1 that did not fit is left out" in approve_all_of(of)["confirm"]["text"]["text"]


def test_short_rows_leave_their_room_to_long_ones() -> None:
    of = sheet_of(*(row(n) for n in range(1, 20)), row(20, ask(action({"text": "word " * 400}, name="send"))))
    assert "Show all" not in labels_in(drawn(of))
    assert accepted(of)


def test_a_question_is_answered_and_never_approved_with_the_others() -> None:
    of = sheet_of(row(1), row(2, question()), row(3))
    assert f"A question for <@{ALICE}>" in body(of)
    assert "Answer" in labels_in(drawn(of))
    assert len(ShownRows.read(approve_all_of(of)["value"]).rows) == 2


def test_answers_that_wait_for_the_others_say_so() -> None:
    of = rows(6)
    of[0] = chose(of[0], BOB, Choice.APPROVE)
    assert body(of, together=TOGETHER).count("waits for the others") == 1
    assert "The agent gets all answers together" in body(of, together=TOGETHER)
    assert "waits for the others" not in body(of)
    done = [chose(each, BOB, Choice.APPROVE) if each.state is State.PENDING else each for each in of]
    assert "waits for the others" not in body(done, together=TOGETHER)


def test_approve_all_asks_first_and_names_what_was_shown() -> None:
    of = rows(20)
    of[4] = replace(of[4], reviews=(replace(of[4].reviews[0], revision=7, edited_by=BOB),))
    button = approve_all_of(of)
    assert ShownRows.read(button["value"]).rows[4] == (of[4].id.rpartition("#")[2], 7)
    assert button["confirm"]["confirm"]["text"] == "Approve all"
    with pytest.raises(ValueError, match="unpack"):
        ShownRows.read("nonsense")


TEXT = st.text(st.characters(codec=None), max_size=30) | st.sampled_from(["", "<!channel>", "x" * 5_000, "y\n" * 900])
ASKS = st.builds(
    lambda name, value, prompt, description, kind, choices: Ask(
        "sample", kind, prompt, (Action(name, value, tuple(choices), description),), None
    ),
    TEXT,
    TEXT | st.none() | st.dictionaries(TEXT, TEXT | st.integers(), max_size=5),
    TEXT,
    TEXT,
    st.sampled_from([Kind.TOOL_CALL, Kind.APPROVAL, Kind.TEXT, Kind.QUESTION, Kind.PAYLOAD]),
    st.lists(st.sampled_from([Choice.APPROVE, Choice.EDIT, Choice.REJECT, Choice.ANSWER]), unique=True),
)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(ASKS, min_size=1, max_size=20), st.integers(0, 20), TEXT)
def test_slack_takes_any_sheet(asks: list[Ask], over: int, note: str) -> None:
    made = [row(number, each) for number, each in enumerate(asks)]
    assert accepted(sheet_of(*(closed(each, State.WITHDRAWN, note) for each in made[:over]), *made[over:]))


# Drawing it -----------------------------------------------------------------------------------------------------------


async def conversation(bot: Bot) -> Place:
    said = await bot.slack.person("alice").say("#deploys", "@signoff refund them")
    return replace(await bot.place("#deploys"), thread_ts=MessageTs(said.ts))


async def posted(bot: Bot, of: list[Approval]) -> list[Approval]:
    card = await bot.chat.draw_sheet(of[0].sheet, of, 1)
    assert card is not None
    return [replace(each, card=card) for each in of]


async def sheets_seen(bot: Bot) -> list[Seen]:
    return [each for each in await bot.slack.person("bob").messages("#deploys") if each.from_bot]


async def test_it_is_posted_once_and_found_again_by_a_later_attempt(chatting: Bot) -> None:
    of = rows(6, await conversation(chatting))
    first = await chatting.chat.draw_sheet(of[0].sheet, of, 1)
    assert await chatting.chat.draw_sheet(of[0].sheet, of, 2) == first
    assert len(await sheets_seen(chatting)) == 1


async def test_it_waits_for_rows_that_are_still_to_come(chatting: Bot) -> None:
    of = rows(6, await conversation(chatting))
    with pytest.raises(Later):
        await chatting.chat.draw_sheet(of[0].sheet, of[:4], 1)
    assert await sheets_seen(chatting) == []
    await posted(chatting, of)


def test_rows_that_never_come_are_not_waited_for_without_end() -> None:
    now = [0.0]
    redraws, of = Redraws(lambda: now[0]), rows(6)
    with pytest.raises(Later):
        redraws.wait_for_rows(of[0].sheet, of[:4])
    now[0] = ROWS_OVERDUE
    redraws.wait_for_rows(of[0].sheet, of[:4])


def test_what_was_just_drawn_is_not_drawn_again_but_later_it_is() -> None:
    now = [0.0]
    redraws, of = Redraws(lambda: now[0]), rows(6)
    message, card = sheet(of[0].sheet, of), MessageTs("1.2")
    assert not redraws.stands(card, message)
    redraws.drew(card, message)
    assert redraws.stands(card, message)
    assert not redraws.stands(card, sheet(of[0].sheet, [chose(of[0], BOB, Choice.APPROVE), *of[1:]]))
    now[0] = FRESH
    assert not redraws.stands(card, message)


@pytest.mark.promise("P8")
async def test_twenty_redraws_of_one_truth_are_one_update(chatting: Bot) -> None:
    of = await posted(chatting, rows(20, await conversation(chatting)))
    done = [chose(each, BOB, Choice.APPROVE) for each in of]
    await chatting.chat.draw_sheet(of[0].sheet, done, 1)
    await chatting.slack.people.fault(method="chat.update", error="fatal_error", times=1)
    for _ in range(19):  # none of them calls Slack, or it would raise
        await chatting.chat.draw_sheet(of[0].sheet, done, 1)
    (seen,) = await sheets_seen(chatting)
    assert "20 approved" in seen.text


@pytest.mark.promise("P8")
async def test_a_deleted_sheet_is_posted_again_while_anything_on_it_is_open(chatting: Bot) -> None:
    place = await conversation(chatting)
    of = await posted(chatting, rows(6, place))
    await chatting.client.chat_delete(channel=place.channel, ts=str(of[0].card))
    of[0] = chose(of[0], BOB, Choice.APPROVE)
    again = await posted(chatting, of)
    assert again[0].card != of[0].card
    await chatting.client.chat_delete(channel=place.channel, ts=str(again[0].card))
    done = [chose(each, BOB, Choice.APPROVE) if each.state is State.PENDING else each for each in again]
    assert await chatting.chat.draw_sheet(of[0].sheet, done, 1) == again[0].card
    assert await sheets_seen(chatting) == []


async def test_people_are_reminded_of_a_sheet_once(chatting: Bot) -> None:
    of = await posted(chatting, rows(20, await conversation(chatting)))
    await asyncio.gather(*(chatting.chat.remind(each, [], "w1", 1) for each in of))
    told = [each.text for each in await sheets_seen(chatting) if "⏰" in each.text]
    assert [each.partition(" (<")[0] for each in told] == ["⏰ These requests still need a decision"]


# Approve all ----------------------------------------------------------------------------------------------------------


async def pressed_by(bot: Bot, name: str, seen: Seen) -> None:
    press = next(block for block in seen.shown["blocks"] if block.get("block_id") == "approve-all")
    button = press["elements"][0]
    outcome = await bot.slack.person(name)._act(
        "click",
        channel=seen.channel,
        ts=seen.ts,
        block_id="approve-all",
        action_id=button["action_id"],
        value=button["value"],
        stale=True,
    )
    assert outcome.acked


async def with_sheet(bot: Bot, of: Sequence[Approval]) -> Seen:
    for each in await posted(bot, list(of)):
        bot.desk.keep(each)
    return (await sheets_seen(bot))[-1]


def decided(bot: Bot) -> int:
    return sum(each.state is State.DECIDED for each in bot.desk.kept.values())


@pytest.mark.promise("P6")
async def test_approve_all_approves_what_the_person_may_and_tells_what_was_left(bot: Bot) -> None:
    place = await conversation(bot)
    mine = [row(number, rule=policy(BOB), place=place) for number in range(1, 4)]
    others = [row(number, rule=policy(CAROL), place=place) for number in (4, 5)]
    both = row(6, rule=policy(BOB, CAROL, quorum=2), place=place)
    asked = row(7, question(), place=place)
    seen = await with_sheet(bot, of := sheet_of(*mine, *others, both, asked))
    bot.desk.keep(replace(bot.desk.kept[of[0].id], reviews=(replace(of[0].reviews[0], revision=2, edited_by=CAROL),)))
    await pressed_by(bot, "bob", seen)
    told = await bot.slack.person("bob").expect_message("#deploys", ephemeral=True)
    assert told.text == (
        "✅ You approved 2 of 7 requests. Your approval counts for 1 more; somebody else must approve too. "
        "Left out: 1 changed since you saw it, 2 not yours to decide, 1 to be answered separately."
    )
    assert decided(bot) == 2
    assert {click.choice for click in bot.desk.clicks} == {Choice.APPROVE}
    assert len(bot.desk.clicks) == 3


@pytest.mark.promise("P2")
@pytest.mark.promise("P4")
async def test_a_row_that_is_cut_asks_once_more_before_it_is_approved(bot: Bot) -> None:
    place = await bot.place("#deploys")
    long = ask(action({"order": 1, "note": "x" * 20_000}, name="refund"))
    of = sheet_of(*(row(number, long if number == 1 else None, place=place) for number in range(1, 7)))
    message = await with_sheet(bot, of)
    shown, total = seen(of, of[0].id)
    assert 0 < shown < total
    assert seen(of, of[1].id)[0] == seen(of, of[1].id)[1]
    bob = bot.slack.person("bob")
    for one in (of[1], of[0]):
        block = next(
            each for each in message.shown["blocks"] if each.get("block_id") == f"row:{one.id.partition('#')[2]}"
        )
        press = {"action_id": "signoff_approve", "block_id": block["block_id"]}
        assert (await bob._act("click", channel=message.channel, ts=message.ts, **press)).acked
    assert [click.approval for click in bot.desk.clicks] == [of[1].id]
    form = await bob.expect_form(title="Approve?")
    assert f"of {total:,} characters" in form.text
    await form.submit()
    assert decided(bot) == 2


@pytest.mark.promise("P4")
def test_what_slack_would_refuse_to_show_is_seen_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    of = [replace(each, note="not a plain card") for each in rows(3)]
    assert seen(of, of[0].id) == (seen(of, of[0].id)[1],) * 2
    assert cards.seen(of[0], 0)[0] == cards.seen(of[0], 0)[1]
    monkeypatch.setattr("adapters.slack.cards.card.is_refused", lambda _: True)
    monkeypatch.setattr("adapters.slack.cards.sheet.is_refused", lambda _: True)
    assert seen(of, of[0].id)[0] == 0
    assert cards.seen(of[0], 0)[0] == 0


async def test_a_second_press_changes_nothing(bot: Bot) -> None:
    seen = await with_sheet(bot, rows(6, await conversation(bot)))
    await pressed_by(bot, "bob", seen)
    assert decided(bot) == 6
    before = dict(bot.desk.kept)
    await pressed_by(bot, "carol", seen)
    assert bot.desk.kept == before
    assert [each.code for each in bot.desk.refused] == ["already_decided"]


@pytest.mark.promise("P6")
async def test_who_may_approve_nothing_is_refused_once_on_record(bot: Bot) -> None:
    seen = await with_sheet(bot, rows(20, await conversation(bot)))
    await pressed_by(bot, "alice", seen)
    assert decided(bot) == 0
    assert [each.code for each in bot.desk.refused] == ["own_request"]


@pytest.mark.promise("P1")
@pytest.mark.parametrize("ack_timeout", [0.5])
@pytest.mark.usefixtures("ack_timeout")
async def test_what_could_not_be_saved_is_not_acknowledged(bot: Bot) -> None:
    seen = await with_sheet(bot, rows(6, await conversation(bot)))
    bot.desk.failing = RuntimeError("down")
    press = next(block for block in seen.shown["blocks"] if block.get("block_id") == "approve-all")
    button = press["elements"][0]
    bob = bot.slack.person("bob")
    outcome = await bob._act(
        "click", channel=seen.channel, ts=seen.ts, block_id="approve-all", action_id=button["action_id"]
    )
    assert not outcome.acked
    await bob.expect_message("#deploys", containing="couldn't save this", ephemeral=True)
    assert decided(bot) == 0


@pytest.mark.promise("P4")
def test_what_runs_on_a_server_says_that_a_change_cannot_be_detected() -> None:
    of = [replace(each, ask=replace(each.ask, unguarded=True)) for each in rows(6)]
    assert body(of).count("Runs on a LangGraph Server: a change after approval can't be detected.") == 1
    assert "LangGraph Server" not in body(rows(6))
    done = [chose(each, BOB, Choice.APPROVE) if each.state is State.PENDING else each for each in of]
    assert "LangGraph Server" not in body(done)
