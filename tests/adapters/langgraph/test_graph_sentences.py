"""What a sentence asks of people, and what is sent for it: as public graphs ask and read it."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from support.graph_talk import APPROVE, talking, words

from adapters.langgraph.dialects import Question, encode, problems, read
from adapters.langgraph.dialects.sentence_kinds import judge
from engine.asks.ask import Choice, Decision, Kind, KnownBy

A, R, W = Choice.APPROVE, Choice.REJECT, Choice.ANSWER
REJECT = Decision(R, text="it is late")

DECISIONS = [
    ("HIGH risk on prod-db. Go on and delete it? (yes/no)", "yes"),
    ("Approve buying 3 shares of ACME? (yes/no)", "yes"),
    ("Approve this purchase of 3 stocks of ACME? yes/no", "yes"),
    ("Approve command: rm -rf /tmp?  [y/n]", "y"),
    ("Delete prod-db? [y/N]", "y"),
    ("Delete prod-db? [Y/n]", "y"),
    ("Delete prod-db? [Y/N]", "Y"),
    ("Do you want to continue? yes/no", "yes"),
    ("Please acknowledge the message (yes/no):\n", "yes"),
    ("Answer yes or no: may the agent read your mail?", "yes"),
    ("Reply with yes", "yes"),
    ("Reply with 'approve' or 'reject'.", "approve"),
    ("Review this email: approve / reject / edit", "approve"),
    ("Pass 'true' to approve", "true"),
    ("Pass True to approve the transfer", True),
    ("Pass true to approve", None),
    ("Wire 400 to ACME. Type APPROVE to go on.", "APPROVE"),
    ("This drops 3 tables. Type 'DELETE' to confirm.", "DELETE"),
    ("Type yes to allow, anything else to deny", "yes"),
    ("Type 'stop' to cancel, anything else goes on.", None),
    ("Continuer ? (oui/non)", "oui"),
    ("Fortfahren? ja/nein", "ja"),
    ("Aktion ausführen? yes/no", "yes"),
    ("¿Continuar? (s/n)", "s"),
    ("10 天假期超长，老板批吗？(yes/no)", "yes"),
    ("是否同意执行当前操作？输入 yes / no", "yes"),
    ("是否批准此操作？", None),
    ("是否继续？", None),
    ("승인?", None),
    ("Löschen?", None),
    ("Go on and delete it?", None),
    ("Do you want to (A)pprove, (R)equest specific changes, or (E)xit?", None),
    ("Do you approve this action?", None),
    ("approve the run's actions?", None),
    ("Please approve the draft", None),
    ("Are you sure you want to delete 5 emails?", None),
    ("Do you want to proceed with this action?", None),
    ("Do you want to run this?", None),
    ("Shall I deploy now?", None),
    ("Should I send it to Ada?", None),
    ("Is this correct?", None),
    ("Proceed?", None),
    ("Deploy to production?", None),
    ("Drop the table orders_2019?", None),
    ("Ship it?", None),
    ("Give mallory access to payroll?", None),
    ("OK?", None),
    ("Human approval is required to run drop_table", None),
    ("Waiting for confirmation of the payment.", None),
]
QUESTIONS = [
    ("Which city?", True),
    ("What is your name?", True),
    ("How old are you?", True),
    ("How many nights? (1-14)", True),
    ("Hello! How can I help you today?", True),
    ("What would you like me to write a report about?", True),
    ("What next? (type quit to stop)", True),
    ("Ok, no problem. Which day?", True),
    ("Please provide feedback:", True),
    ("Please provide your location:", True),
    ("Please tell me your birthdate?", True),
    ("Enter your feedback for plan revision: ", True),
    ("Enter the serial number (S/N)", True),
    ("Type your feedback. If you want to end the conversation, type 'end'.", True),
    ("'30' is not a valid age. Please enter a positive number.", True),
    ("Do you approve? If not, why?", True),
    ("Approved trips are listed below. Which one?", True),
    ("How do you approve of Lisbon?", True),
    ("哪个城市？", True),
    ("Quelle ville ?", True),
    ("Welche Stadt?", True),
    ("Can you give me your name?", True),
    ("Add anything else?", False),
    ("Ready for user input.", False),
    ("[User]: ", False),
    ("Another wine?", False),
    ("Coffee or tea?", False),
    ("Start date?", False),
    ("Order number?", False),
    ("Any genre preferences? (e.g. thriller)", False),
    ("Are you in the mood for a movie, a series, or both?", False),
    ("Mode: navigate (live browser) or research (web search/scrape)?", False),
    ("Do you want to go to C or D? Type C/D", False),
    ("你希望的回答是温柔:gentle，还是直接:direct一点？", False),
    ("Please confirm your email address", False),
    ("", False),
]


@pytest.mark.promise("P6")
@pytest.mark.parametrize(("sentence", "word"), DECISIONS)
def test_a_sentence_that_asks_for_a_decision_is_decided_by_approvers(sentence: str, word: Any) -> None:
    assert (judge(sentence).decides, judge(sentence).names) == (True, word)
    ask = read(Question(sentence))
    assert (ask.kind, ask.is_question, ask.prompt) == (Kind.APPROVAL, False, sentence)
    (action,) = ask.actions
    assert (R in action.choices, action.reject_stops) == (True, True)
    if word is not None:
        assert action.choices == (A, R)
        sent = encode(ask, [APPROVE]).resume
        assert (sent, type(sent)) == (word, type(word))


@pytest.mark.parametrize(("sentence", "wants_words"), QUESTIONS)
def test_a_question_stays_one_to_the_person_whose_conversation_it_is(sentence: str, *, wants_words: bool) -> None:
    assert (judge(sentence).decides, judge(sentence).wants_words) == (False, wants_words)
    ask = read(Question(sentence))
    assert (ask.kind, ask.is_question, ask.actions[0].choices) == (Kind.QUESTION, True, (W,))
    assert encode(ask, [words("no, do not")]).resume == "no, do not"


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", ["a.b", "(", "yes or ", "approval ", "a b ", "type a ", "[x] ", "?", "please "])
def test_a_long_text_is_judged_at_once(piece: str) -> None:
    judge(piece * 200_000)
    assert judge("A report. " * 5_000 + "Publish it? (yes/no)").names == "yes"


# What the node's code makes of it -------------------------------------------------------------------------------------

DONE: list[Any] = []


class State(MessagesState, total=False):
    answer: Any
    approved: bool


def exact(_: State) -> None:
    if interrupt("HIGH risk on prod-db. Go on and delete it? (yes/no)") == "yes":
        DONE.append("prod-db")


def first_letter(_: State) -> Any:
    if interrupt("Delete prod-db? [y/N]").strip().lower().startswith("y"):
        DONE.append("prod-db")
        return None
    return {"answer": "kept"}


def french(_: State) -> Any:
    answer = interrupt("Supprimer prod-db ? (oui/non)")
    if answer == "oui":
        DONE.append("prod-db")
    elif answer != "non":
        raise ValueError(answer)


def as_text(_: State) -> None:
    if str(interrupt("Pass 'true' to approve")).lower() == "true":
        DONE.append("prod-db")


def any_answer(_: State) -> Any:
    return Command(goto="act" if interrupt("Delete prod-db? (y/n): ") else END)


def plainly(_: State) -> None:
    if interrupt("The database prod-db is about to go."):
        DONE.append("prod-db")


def in_an_object(_: State) -> None:
    if interrupt({"message": "Delete prod-db? (yes/no)"}) == "yes":
        DONE.append("prod-db")


def only_noted(_: State) -> Any:
    return {"answer": "go" if interrupt("是否批准执行？") == "yes" else "stay"}


def act(state: State) -> None:  # noqa: ARG001 - LangGraph names it
    DONE.append("prod-db")


def graph_of(node: Callable[..., Any]) -> Any:
    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_node("act", act)
    builder.add_edge(START, "node")
    return builder.compile()


@pytest.mark.promise("P4")
@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    ("node", "word"),
    [
        (exact, "yes"),
        (first_letter, "y"),
        (french, "oui"),
        (as_text, "true"),
        (any_answer, True),
        (plainly, True),
        (in_an_object, "yes"),
        (only_noted, "yes"),
    ],
)
async def test_a_sentence_is_approved_and_rejected_as_the_code_says(node: Any, word: Any) -> None:
    for choice in (APPROVE, REJECT):
        DONE.clear()
        async with talking(graph_of(node)) as talk:
            (asked,) = (await talk.say()).asked
            (action,) = asked.ask.actions
            assert (asked.ask.is_question, action.choices) == (False, (A, R))
            assert problems(asked.ask, 0, words("no, do not"))
            if choice is APPROVE:
                assert encode(asked.ask, [APPROVE]).resume == word
                await talk.answer(asked, APPROVE)
                assert ([] if node is only_noted else ["prod-db"]) == DONE
            elif not action.reject_stops:
                await talk.answer(asked, REJECT)
                assert DONE == []


def out_of_sight(_: State) -> None:
    answer = interrupt("Delete prod-db? (yes/no)")
    if eval("answer in ('yes', 'y')", {"answer": answer}):  # noqa: S307 - stands for what cannot be read
        DONE.append("prod-db")


@pytest.mark.promise("P5")
async def test_where_the_code_cannot_be_followed_the_word_that_the_sentence_names_is_sent_and_no_other() -> None:
    DONE.clear()
    async with talking(graph_of(out_of_sight)) as talk:
        (asked,) = (await talk.say()).asked
        (action,) = asked.ask.actions
        assert (action.choices, action.reject_stops, asked.ask.known_by) == ((A, R), True, KnownBy.HINT)
        await talk.answer(asked, APPROVE)
        assert DONE == ["prod-db"]


def to_a_model(_: State) -> Any:
    return {"messages": [HumanMessage(interrupt("I could delete prod-db now. Shall I? (yes/no)"))]}


@pytest.mark.promise("P6")
async def test_a_decision_that_a_model_is_told_in_words_is_worded_by_approvers() -> None:
    async with talking(graph_of(to_a_model)) as talk:
        (asked,) = (await talk.say()).asked
        (action,) = asked.ask.actions
        assert (asked.ask.is_question, action.choices, action.reject_stops) == (False, (A, R, W), True)
        assert [encode(asked.ask, [each]).resume for each in (APPROVE, words("tomorrow"))] == ["yes", "tomorrow"]


def greets(_: State) -> None:
    name = interrupt("What is your name?")
    if not name:
        return
    DONE.append(f"hello {name}")


def until_quit(_: State) -> None:
    wish = interrupt("What next? (type quit to stop)")
    if wish == "quit":
        return
    DONE.append(wish)


def by_name(_: State) -> None:
    if interrupt("What shall I do with prod-db?") == "delete":
        DONE.append("deleted")
    else:
        DONE.append("asked again")


def by_a_secret(_: State) -> None:
    if interrupt("Enter your PIN to pay") == os.environ["SIGNOFF_TEST_PIN"]:
        DONE.append("paid")


@pytest.mark.promise("P6")
async def test_words_that_only_decide_by_a_test_that_the_code_does_not_spell_are_no_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SIGNOFF_TEST_PIN", "7788")
    async with talking(graph_of(by_a_secret)) as talk:
        (asked,) = (await talk.say()).asked
        assert (asked.ask.is_question, asked.ask.actions[0].choices) == (False, (R, W))


def in_german(_: State) -> None:
    if str(interrupt("Soll der Antrag genehmigt werden? (ja/nein)")).strip().lower() in ("ja", "j", "genehmigt"):
        DONE.append("genehmigt")
    else:
        DONE.append("abgelehnt")


@pytest.mark.promise("P6")
async def test_a_word_of_another_language_approves_where_each_answer_writes_down_what_it_is() -> None:
    DONE.clear()
    async with talking(graph_of(in_german)) as talk:
        (asked,) = (await talk.say()).asked
        (action,) = asked.ask.actions
        assert (action.choices[0], action.reject_stops) == (A, True)
        await talk.answer(asked, APPROVE)
    assert DONE == ["genehmigt"]


@pytest.mark.promise("P6")
async def test_a_question_with_a_word_of_which_more_follows_is_decided() -> None:
    async with talking(graph_of(by_name)) as talk:
        (asked,) = (await talk.say()).asked
        assert not asked.ask.is_question


@pytest.mark.parametrize("node", [greets, until_quit])
async def test_a_question_whose_words_are_used_is_answered_in_words(node: Any) -> None:
    DONE.clear()
    async with talking(graph_of(node)) as talk:
        (asked,) = (await talk.say()).asked
        assert (asked.ask.kind, asked.ask.actions[0].choices) == (Kind.QUESTION, (W,))
        await talk.answer(asked, words("Ada"))
        assert {greets: ["hello Ada"], until_quit: ["Ada"]}[node] == DONE
