"""The meaning of a message in its thread."""

from dataclasses import replace

import pytest
from contracts.samples import ALICE, BOB, NOW, PLACE, THREAD, a_conversation, a_policy, an_approval, an_ask

from engine.approvals.approval import Approval, Place, State
from engine.approvals.effects import Hear
from engine.approvals.events import Chose
from engine.asks.ask import Choice, Decision, Kind
from engine.authority.eligibility import AccountType, Facts
from engine.authority.policy import REQUESTER, one_part, person
from engine.conversation import (
    MOST_HELD,
    MOST_HELD_TEXT,
    AnswerTo,
    Comment,
    Conversation,
    Explain,
    Hold,
    NewTurn,
    Wait,
    has_room,
    is_after,
    meaning,
    thread_id,
)
from engine.ids import AgentName, ChannelId, MessageTs, TeamId, UserId
from engine.machine import step
from engine.sentences.notices import NO_AGENT, NO_WORDS, USE_FORM, WHICH

CARD = MessageTs("200.000100")
AFTER, BEFORE = MessageTs("200.000101"), MessageTs("200.000099")
TALK = a_conversation()
DIRECT = a_conversation(direct=True)


def heard(text: str = "hello", *, by: UserId = ALICE, ts: MessageTs = AFTER, mentioned: bool = False) -> Hear:
    return Hear(THREAD, PLACE, by, text, ts, None, mentioned)


def a_question(number: int = 1, *, card: MessageTs | None = CARD, kind: Kind = Kind.QUESTION) -> Approval:
    ask = an_ask("which", kind=kind, choices=(Choice.ANSWER,))
    asked = an_approval(interrupt=f"q{number}", ask=ask, policy=one_part("default", REQUESTER))
    return replace(asked, card=card)


def a_request(state: State = State.PENDING) -> Approval:
    return replace(an_approval(policy=a_policy()), card=CARD, state=state)


# Where nothing stands yet ---------------------------------------------------------------------------------------------


def test_it_starts_a_conversation_where_an_agent_listens() -> None:
    assert meaning(replace(heard(mentioned=True), agent=AgentName("deploy")), None, ()) == NewTurn()


def test_it_is_explained_where_none_does() -> None:
    assert meaning(heard(mentioned=True), None, ()) == Explain(NO_AGENT)
    helped = replace(heard(mentioned=True), help="Name one of: deploy, refunds.")
    assert meaning(helped, None, ()) == Explain("Name one of: deploy, refunds.")


def test_people_among_themselves_are_left_alone() -> None:
    assert meaning(heard(), None, ()) == Comment()
    assert meaning(heard(), TALK, ()) == Comment()


# In a conversation ----------------------------------------------------------------------------------------------------


def test_a_mention_by_the_requester_is_a_new_turn() -> None:
    assert meaning(heard(mentioned=True), TALK, ()) == NewTurn()


@pytest.mark.parametrize("state", [State.PENDING, State.DECIDED])
def test_new_input_waits_while_something_is_open(state: State) -> None:
    assert meaning(heard(mentioned=True), TALK, (a_request(state),)) == Hold()
    assert meaning(heard(), TALK, (a_request(state),)) == Comment()


@pytest.mark.parametrize("state", [State.DELIVERED, State.UNDELIVERABLE, State.EXPIRED, State.WITHDRAWN])
def test_what_is_closed_holds_nothing_up(state: State) -> None:
    closed_question = replace(a_question(), state=state)
    assert meaning(heard(mentioned=True), TALK, (a_request(state), closed_question)) == NewTurn()


@pytest.mark.promise("P6")
def test_in_somebody_elses_conversation_it_does_nothing() -> None:
    for approvals in ((), (a_request(),), (a_question(),)):
        assert meaning(heard(by=BOB), TALK, approvals) == Comment()
        explained = meaning(heard(by=BOB, mentioned=True), TALK, approvals)
        assert isinstance(explained, Explain)
        assert f"<@{ALICE}>" in explained.sentence


# Questions ------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P3")
@pytest.mark.parametrize("mentioned", [True, False])
def test_what_is_said_after_the_question_answers_it(mentioned: bool) -> None:  # noqa: FBT001 - both ways to say it
    asked = a_question()
    assert meaning(heard(mentioned=mentioned), TALK, (asked,)) == AnswerTo(asked)


@pytest.mark.promise("P3")
@pytest.mark.parametrize("ts", [BEFORE, CARD])
def test_what_was_said_before_it_does_not(ts: MessageTs) -> None:
    assert meaning(heard(ts=ts), TALK, (a_question(),)) == Hold()


@pytest.mark.promise("P3")
def test_while_the_card_is_on_its_way_nobody_knows() -> None:
    unposted = a_question(card=None)
    assert meaning(heard(), TALK, (unposted,)) == Wait(unposted.id)
    assert meaning(heard(), TALK, (a_question(1), a_question(2, card=None))) == Wait(a_question(2).id)


@pytest.mark.promise("P3")
def test_of_several_questions_none_is_guessed() -> None:
    assert meaning(heard(), TALK, (a_question(1), a_question(2))) == Explain(WHICH)


@pytest.mark.promise("P3")
def test_of_several_questions_the_one_that_stood_already_is_meant() -> None:
    first, second = a_question(1), a_question(2, card=MessageTs("300.000000"))
    assert meaning(heard(), TALK, (first, second)) == AnswerTo(first)


def test_a_form_is_not_answered_in_words() -> None:
    assert meaning(heard(), TALK, (a_question(kind=Kind.FORM),)) == Explain(USE_FORM)


def test_a_question_beside_a_request_is_answered_all_the_same() -> None:
    asked = a_question()
    assert meaning(heard(), TALK, (a_request(), asked)) == AnswerTo(asked)


def test_an_answered_question_is_not_answered_again() -> None:
    answered = replace(a_question(), state=State.DECIDED)
    assert meaning(heard(mentioned=True), TALK, (answered,)) == Hold()


def test_what_is_said_to_somebody_else_is_no_answer() -> None:
    to_bob = heard(f"<@{BOB}> what do you think?")
    assert meaning(to_bob, TALK, (a_question(),)) == Comment()
    assert meaning(heard(f"  <@{BOB}|bob> hm"), TALK, (a_question(),)) == Comment()
    assert isinstance(meaning(to_bob, DIRECT, (a_question(),)), AnswerTo)
    assert isinstance(meaning(heard(f"ask <@{BOB}>"), TALK, (a_question(),)), AnswerTo)


@pytest.mark.promise("P3")
def test_what_is_written_under_a_card_answers_that_card() -> None:
    first, second = a_question(1, card=MessageTs("200.000050")), a_question(2)
    assert meaning(heard(), TALK, (first, second)) == Explain(WHICH)
    assert meaning(replace(heard(), under=first.card), TALK, (first, second)) == AnswerTo(first)
    closed = replace(first, state=State.DELIVERED)
    assert meaning(replace(heard(), under=first.card), TALK, (closed, second)) == AnswerTo(second)


# Delivered again ------------------------------------------------------------------------------------------------------


def test_a_turn_delivered_again_is_the_same_turn() -> None:
    turned = replace(TALK, turn=AFTER)
    for approvals in ((), (a_request(),), (a_question(card=BEFORE),)):
        assert meaning(heard(mentioned=True), turned, approvals) == NewTurn()


@pytest.mark.promise("P3")
def test_an_answer_delivered_again_does_not_answer_the_next_question() -> None:
    said = Chose(ALICE, Facts(AccountType.MEMBER), 0, 1, Choice.ANSWER, "red", said=AFTER)
    answered = step(a_question(1, card=BEFORE), said, NOW).approval
    assert answered.decisions == (Decision(Choice.ANSWER, text="red"),)
    assert meaning(heard(), TALK, (answered, a_question(2, card=CARD))) == Comment()


# Places and times -----------------------------------------------------------------------------------------------------


def test_a_place_always_has_the_same_thread() -> None:
    assert thread_id(PLACE) == thread_id(replace(PLACE)) == THREAD
    assert thread_id(Place(TeamId("T1"), ChannelId("D1"))) == "T1:D1:root"
    places = [PLACE, replace(PLACE, thread_ts=None), replace(PLACE, channel=ChannelId("C2")), replace(PLACE, team="T2")]  # type: ignore[arg-type]
    assert len({thread_id(place) for place in places}) == 4


@pytest.mark.parametrize(
    ("later", "earlier"),
    [("2.000001", "2.000000"), ("10.000000", "9.999999"), ("2", "1.5"), ("1700000000.000010", "1700000000.000009")],
)
def test_slacks_clock_orders_messages_by_number(later: str, earlier: str) -> None:
    assert is_after(MessageTs(later), MessageTs(earlier))
    assert not is_after(MessageTs(earlier), MessageTs(later))
    assert not is_after(MessageTs(later), MessageTs(later))


@pytest.mark.promise("P3")
def test_whom_a_rule_names_answers_by_the_button_so_that_a_comment_is_never_an_answer() -> None:
    asked = a_question()
    policy = one_part("r", person(BOB))
    theirs = replace(asked, reviews=(replace(asked.reviews[0], policy=policy),))
    assert meaning(heard(by=BOB), TALK, (theirs,)) == Comment()
    assert meaning(heard(), TALK, (theirs,)) == Comment()
    assert meaning(heard(mentioned=True), TALK, (theirs,)) == Hold()


@pytest.mark.promise("P3")
def test_a_question_that_stands_elsewhere_is_not_answered_in_words_here() -> None:
    elsewhere = replace(a_question(), place=Place(PLACE.team, ChannelId("C9")))
    assert meaning(heard(), TALK, (elsewhere,)) == Comment()


@pytest.mark.promise("P3")
def test_a_picture_alone_is_no_answer() -> None:
    assert meaning(heard(" "), TALK, (a_question(),)) == Explain(NO_WORDS)


def test_a_second_answer_behind_the_first_is_held() -> None:
    answered = replace(a_question(), state=State.DECIDED)
    assert meaning(heard(), TALK, (answered,)) == Hold()


# How many wait --------------------------------------------------------------------------------------------------------


def waiting(*texts: str) -> Conversation:
    return replace(TALK, held=tuple(heard(text) for text in texts))


def test_what_waits_in_a_conversation_is_bounded_in_number_and_length() -> None:
    assert has_room(waiting(*["x"] * (MOST_HELD - 1)), heard("x"))
    assert not has_room(waiting(*["x"] * MOST_HELD), heard("x"))
    assert has_room(waiting("x" * (MOST_HELD_TEXT - 5)), heard("hello"))
    assert not has_room(waiting("x" * (MOST_HELD_TEXT - 4)), heard("hello"))
    assert not has_room(waiting("x" * MOST_HELD_TEXT), replace(heard(""), opening="x"))


def test_one_message_always_can_wait_however_long() -> None:
    assert has_room(TALK, heard("x" * (MOST_HELD_TEXT + 1)))
