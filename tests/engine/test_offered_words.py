"""Words from before a question: the question to which they are offered, and the answer that the button sends."""

from dataclasses import replace

import pytest
from contracts.samples import ALICE, BOB, NOW, PLACE, THREAD, a_conversation, a_policy, an_approval, an_ask

from engine.approvals.approval import Approval, State, Words
from engine.approvals.effects import DrawCard, Hear
from engine.approvals.events import AskedAgain, Chose, Offered, Withdrew
from engine.asks.ask import Choice, Kind
from engine.authority.eligibility import AccountType, Facts
from engine.authority.policy import REQUESTER, one_part
from engine.conversation import offered_to
from engine.ids import MessageTs, SheetId, UserId
from engine.machine import sent_words, step
from engine.sentences.refusals import NotOffered, NotYourWords

FIRST, SECOND = Words("red", MessageTs("100.000001")), Words("or blue", MessageTs("100.000002"))
TALK = a_conversation()


def a_question(number: int = 1, *, kind: Kind = Kind.QUESTION, **more: object) -> Approval:
    ask = an_ask("which", kind=kind, choices=(Choice.ANSWER,))
    asked = an_approval(interrupt=f"q{number}", ask=ask, policy=one_part("default", REQUESTER))
    return replace(asked, card=MessageTs("200.000100"), **more)  # type: ignore[arg-type]


def pressed(said: MessageTs, by: UserId = ALICE) -> Chose:
    """The button, as it was drawn when this was the last of the words."""
    return Chose(by, Facts(AccountType.MEMBER), 0, 1, Choice.ANSWER, said=said)


def test_what_is_held_is_offered_in_its_order_to_the_one_question_that_waits() -> None:
    held = tuple(Hear(THREAD, PLACE, ALICE, each.text, each.said, None, mentioned=True) for each in (FIRST, SECOND))
    blank = Hear(THREAD, PLACE, ALICE, " ", MessageTs("100.000003"), None, mentioned=True)
    talk = replace(TALK, held=(*held, blank))
    question = a_question()
    request = an_approval(interrupt="request")
    assert offered_to(talk, (request, question)) == (question, (FIRST, SECOND))
    assert offered_to(talk, (request,)) is None
    assert offered_to(talk, (question, a_question(2))) is None, "nobody can tell which is meant"
    assert offered_to(talk, (a_question(kind=Kind.FORM),)) is None
    assert offered_to(talk, (a_question(sheet=SheetId("s")),)) is None
    assert offered_to(talk, (a_question(state=State.DECIDED),)) is None


@pytest.mark.promise("P8")
def test_offered_words_are_drawn_once() -> None:
    question = a_question()
    taken = step(question, Offered((FIRST,)), NOW)
    assert (taken.approval.offered, taken.effects) == ((FIRST,), (DrawCard(question.id),))
    assert step(taken.approval, Offered((FIRST,)), NOW).effects == ()


@pytest.mark.promise("P3")
def test_the_button_sends_what_the_card_showed_when_it_was_pressed() -> None:
    question = replace(a_question(), offered=(FIRST, SECOND))
    both = step(question, pressed(SECOND.said), NOW).approval
    assert both.decisions[0].text == "red\nor blue"
    assert sent_words(both) == {FIRST.said, SECOND.said}
    older = step(question, pressed(FIRST.said), NOW).approval
    assert older.decisions[0].text == "red"
    assert sent_words(older) == {FIRST.said}, "the later words stay held"


@pytest.mark.promise("P3")
def test_what_is_not_offered_is_not_sent() -> None:
    taken = step(replace(a_question(), offered=(SECOND,)), pressed(FIRST.said), NOW)
    assert isinstance(taken.refusal, NotOffered)
    assert taken.approval.state is State.PENDING


@pytest.mark.promise("P6")
def test_only_their_author_sends_them() -> None:
    question = replace(a_question(), offered=(FIRST,))
    taken = step(question, pressed(FIRST.said, by=BOB), NOW)
    assert taken.refusal == NotYourWords(ALICE)
    assert taken.approval.state is State.PENDING


def test_an_answer_in_other_words_sends_none_of_them() -> None:
    typed = replace(pressed(MessageTs("300.000001")), text="green")
    answered = step(replace(a_question(), offered=(FIRST,)), typed, NOW).approval
    assert answered.decisions[0].text == "green"
    assert sent_words(answered) == frozenset()


def test_a_question_that_is_asked_again_offers_nothing_of_the_time_before() -> None:
    withdrawn = step(replace(a_question(), offered=(FIRST,)), Withdrew("it moved on"), NOW).approval
    assert step(withdrawn, AskedAgain((a_policy(),)), NOW).approval.offered == ()
