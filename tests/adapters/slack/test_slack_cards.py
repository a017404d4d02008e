"""Cards say what is asked, whole or with an honest count, and never outlive their question."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.slack_samples import (
    ALICE,
    ALL,
    ARGUMENTS,
    BOB,
    CAROL,
    DIRECT,
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
    rows_in,
    text_in,
)

from adapters.blockkit import check_message, check_modal, limits
from adapters.slack.cards.card import card, fallback_card, is_plain
from adapters.slack.cards.fitting import fitted_action, fitted_prompt
from adapters.slack.drawing import blocks
from adapters.slack.drawing.actions import Target
from adapters.slack.drawing.full_request import file_content, file_name, full_request, needs_file
from adapters.slack.drawing.untrusted_text import visible
from engine.approvals.approval import Approval, State
from engine.approvals.events import ExpiryDue
from engine.asks.ask import Action, Choice, Json, Kind, Option
from engine.authority.policy import REQUESTER, Deadlines, OnExpiry, one_part, person
from engine.ids import UserId
from engine.machine import step
from engine.sentences.spoken import when
from engine.sources import Origin, Source

TEXT = st.text(st.characters(codec=None), max_size=40) | st.sampled_from(
    ["<!channel>", "*_~`", "\u202egnp", "\ud800", "", "x" * 5_000, "y\n" * 2_000, "&" * 3_000]
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda each: st.lists(each, max_size=4) | st.dictionaries(TEXT, each, max_size=6),
    max_leaves=12,
)


SEARCHED = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def accepted(one: Approval) -> bool:
    message = card(one)
    return check_message({"text": message.text, "blocks": message.blocks}, text_limit=limits.UPDATE_TEXT) == []


def body(one: Approval) -> str:
    return text_in(card(one).blocks)


def deep(levels: int) -> Json:
    value: Json = "bottom"
    for _ in range(levels):
        value = {"in": value}
    return value


# What is asked --------------------------------------------------------------------------------------------------------


def test_a_tool_call_shows_its_name_arguments_approvers_and_deadline() -> None:
    shown = body(approval(ask(prompt="May I ship?")))
    for words in ("Approve deploy_service?", "May I ship?", "service: billing", "version: 2.4.1", "replicas: 3"):
        assert words in shown
    assert "dry_run: false" in shown
    assert f"Requested by <@{ALICE}> via *deploy*" in shown
    assert "Any channel member except the requester can approve" in shown
    assert "Rejected automatically <!date^" in shown


@pytest.mark.promise("P4")
def test_what_runs_on_a_server_says_that_a_change_cannot_be_detected() -> None:
    line = "Runs on a LangGraph Server: a change after approval can't be detected."
    assert line in body(approval(replace(ask(), unguarded=True)))
    assert line not in body(approval(ask()))


def test_buttons_are_what_is_offered_and_carry_what_they_are_about() -> None:
    one = approval()
    buttons = buttons_in(card(one).blocks)
    assert [each["text"]["text"] for each in buttons] == ["Approve", "Edit", "Reject"]
    assert [each["action_id"] for each in buttons] == ["signoff_approve", "signoff_edit", "signoff_reject"]
    assert {Target.read(each["value"]) for each in buttons} == {Target(one.id, 0, 1)}
    assert labels_in(card(approval(ask(action(choices=(Choice.APPROVE, Choice.REJECT))))).blocks) == [
        "Approve",
        "Reject",
    ]


def test_both_texts_and_the_metadata_are_always_there() -> None:
    one = approval()
    message = card(one)
    assert message.text == (
        "Approval needed from any channel member except the requester: "
        "Approve deploy_service? (service: billing · version: 2.4.1 · replicas: 3 · dry_run: false) · "
        f"Requested by <@{ALICE}> via deploy · "
        f"Rejected automatically {when(NOW + timedelta(hours=4))} if nobody decides"
    )
    assert message.metadata == {"event_type": "signoff_approval", "event_payload": {"approval": approval().id}}


def test_a_quorum_counts_who_approved() -> None:
    one = approval(rule=policy(BOB, CAROL, quorum=2))
    assert "0 of 2 approvals" in body(one)
    assert f"Approvers: <@{BOB}>, <@{CAROL}>" in body(one)
    assert f"1 of 2 approvals: <@{BOB}>" in body(chose(one, BOB, Choice.APPROVE))


def test_who_asked_is_not_named_as_their_own_approver() -> None:
    assert f"Approvers: <@{BOB}>" in body(approval(rule=policy(ALICE, BOB)))
    assert f"Approvers: <@{ALICE}>, <@{BOB}>" in body(approval(rule=policy(ALICE, BOB, own_requests=True)))


def test_a_question_reads_as_something_said() -> None:
    blocks = card(approval(question())).blocks
    assert blocks[0]["type"] == "rich_text"
    assert text_in(blocks[0]) == "Which hotel do you like?"
    assert labels_in(blocks) == ["Answer"]
    assert "Reply in this thread to answer" in text_in(blocks)
    assert "Reply here to answer" in body(approval(question(), place=DIRECT))
    assert "Reply" not in body(replace(approval(question()), home=DIRECT)).replace("Press Answer to reply", "")


def test_a_question_whose_value_is_its_prompt_says_it_once() -> None:
    one = approval(ask(Action("question", "Where to?", (Choice.ANSWER,)), kind=Kind.QUESTION, prompt="Where to?"))
    assert body(one).count("Where to?") == 1


def test_a_description_that_repeats_the_call_says_it_once() -> None:
    words = f"Tool execution requires approval\n\nTool: deploy_service\nArgs: {ARGUMENTS}"
    shown = body(approval(ask(action(description=words))))
    assert "Tool execution requires approval" not in shown
    assert "Args:" not in shown
    assert "Careful!" in body(
        approval(ask(action(description=words.replace("Tool execution requires approval", "Careful!"))))
    )
    other = words.replace("billing", "search")
    assert "Args:" in body(approval(ask(action(description=other))))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Dear Bob,\nthanks.\n", "Dear Bob,\nthanks.(ends with a line break)"),
        ("/srv/x\n", "/srv/x (ends with a line break)"),
        ("a \t\n\n", "a (ends with a space and a tab and 2 line breaks)"),
        ("a", "a"),
        ("3\n", '"3\\n"'),
        ("\n", '"\\n"'),
        (" a", '" a"'),
    ],
)
@pytest.mark.promise("P4")
def test_a_text_is_shown_as_text_and_the_blanks_at_its_end_are_told(value: str, shown: str) -> None:
    assert f"body:{'' if chr(10) in shown else ' '}{shown}" in body(approval(ask(action({"body": value}))))


def test_what_an_agent_asks_and_describes_is_read_as_markdown_and_what_it_wants_to_do_is_not() -> None:
    asked = ask(action({"text": "**literal**"}, description="# Letter\n\n**To**: Bob"), prompt="Is it *right*?")
    shown = body(approval(asked))
    assert "Is it right?" in shown
    assert "LetterTo: Bob" in shown
    assert "**literal**" in shown
    (failed,) = [body(approval(ask(action(None), kind=Kind.FAILURE, prompt="KeyError: '__init__' *x*")))]
    assert "'__init__' *x*" in failed
    assert "_init_" in card(approval(ask(action(None), kind=Kind.FAILURE, prompt="KeyError: '__init__'"))).text


def test_a_very_long_text_is_shown_as_it_was_written_because_reading_its_markdown_would_hold_up_clicks() -> None:
    texts = ["**word** " * 2_000, "*other* " * 1_000]
    for text in texts:
        one = approval(ask(action(None), kind=Kind.APPROVAL, prompt=text))
        assert "*" not in text_in(full_request(one)["blocks"])
    both = approval(ask(action(None, description=texts[1]), kind=Kind.APPROVAL, prompt=texts[0]))
    modal = text_in(full_request(both)["blocks"])
    assert "word word" in modal
    assert texts[1].strip() in modal.replace("\n", "")
    assert "other other" in body(both), "what a card has room for is read"


def test_what_is_longer_than_a_modal_needs_a_file_however_it_is_written() -> None:
    for text in ("y\n" * 150_000, "*a* " * 60_000, "x" * 300_000):
        one = approval(ask(action(None), kind=Kind.APPROVAL, prompt=text))
        assert needs_file(one)
        assert file_name(one) in text_in(full_request(one)["blocks"])
        assert file_name(one) in body(one)


def test_markdown_of_an_agent_hides_and_disguises_nothing() -> None:
    asked = ask(action(None), kind=Kind.APPROVAL, prompt="[bank](https://evil.example) <@U0BOB> &#x202e; p&#1072;ypal")
    shown = body(approval(asked))
    assert "bank (https://evil.example)" in shown
    assert "<@U0BOB> ⟦U+202E⟧ p⟦U+0430⟧ypal" in shown
    assert (
        "Approval needed from any channel member except the requester: bank (https://evil.example)"
        in card(approval(asked)).text
    )


def test_the_notification_of_a_request_without_words_names_its_values_once() -> None:
    asked = ask(action({"essay": "About cats", "words": 120}), kind=Kind.APPROVAL, prompt="")
    shown = "Approval needed from any channel member except the requester: essay: About cats · words: 120 · "
    assert card(approval(asked)).text.startswith(shown)


def test_empty_arguments_and_a_repeated_prompt_take_no_room() -> None:
    assert "{}" not in body(approval(ask(action({}))))
    payload: Json = {"question": "Ship it?", "version": "2.4.1"}
    one = approval(ask(action(payload), kind=Kind.PAYLOAD, prompt="Ship it?"))
    assert body(one).count("Ship it?") == 1
    assert "version: 2.4.1" in body(one)
    assert card(one).text.count("Ship it?") == 1
    told: Json = {"cmd": "Ship it?"}
    assert "cmd: Ship it?" in body(approval(ask(action(told), prompt="Ship it?"))), "an argument always stands there"


def test_a_question_without_a_prompt_is_told_by_its_description_or_name() -> None:
    ignored = Action("ask_user", {"topic": "hotels"}, (Choice.ANSWER,))
    assert "ask_user" in body(approval(ask(ignored, kind=Kind.QUESTION)))
    described = replace(ignored, description="Which hotel?")
    assert "Which hotel?" in body(approval(ask(described, kind=Kind.QUESTION)))
    assert card(approval(ask(described, kind=Kind.QUESTION))).text.startswith(
        f"deploy asks <@{ALICE}>: Which hotel? · "
    )


def test_a_text_is_quoted() -> None:
    one = approval(ask(action("Dear Bob,\nthanks."), kind=Kind.TEXT, prompt="Send this?"))
    assert "Please review this text" in body(one)
    assert '"rich_text_quote"' in json.dumps(card(one).blocks)


def test_the_one_who_speaks_is_named() -> None:
    assert f"Requested by <@{ALICE}> via *planner*" in body(approval(ask(speaker="planner")))


# Batches --------------------------------------------------------------------------------------------------------------


def test_each_action_of_a_batch_has_its_own_row_of_buttons() -> None:
    one = approval(ask(action(name="ship"), action(name="roll_back")))
    rows = rows_in(card(one).blocks)
    assert [row["block_id"] for row in rows] == ["action:0", "action:1"]
    assert [Target.read(row["elements"][0]["value"]).action for row in rows] == [0, 1]
    assert rows[1]["elements"][0]["accessibility_label"] == "Approve roll_back"
    assert "Approve 2 actions?" in body(one)


@pytest.mark.promise("P8")
def test_a_decided_action_of_a_batch_keeps_one_line_and_no_buttons() -> None:
    one = chose(approval(ask(action(name="ship"), action(name="roll_back"))), BOB, Choice.APPROVE)
    assert [block["block_id"] for block in rows_in(card(one).blocks)] == ["action:1"]
    assert f"1. ship: ✅ Approved by <@{BOB}>" in body(one)


def test_a_large_batch_says_how_many_more_follow() -> None:
    one = approval(ask(*(action(name=f"step_{number}") for number in range(40))))
    assert "30 more of 40 actions appear as you decide these." in body(one)
    assert labels_in(card(one).blocks).count("Approve") == 10
    assert "Show all" in labels_in(card(one).blocks)
    later = one
    for number in range(35):
        later = chose(later, BOB, Choice.APPROVE, action=number)
    assert labels_in(card(later).blocks).count("Approve") == 5
    assert accepted(later)


def test_a_mixed_batch_tells_each_outcome() -> None:
    one = approval(ask(action(name="ship"), action(name="drop")))
    one = chose(chose(one, BOB, Choice.APPROVE), CAROL, Choice.REJECT, action=1, text="too risky")
    shown = body(one)
    assert f"Decided by <@{BOB}>, <@{CAROL}>" in shown
    assert f"⛔ Rejected by <@{CAROL}>" in shown
    assert "too risky" in shown
    assert labels_in(card(one).blocks) == []


# Outcomes -------------------------------------------------------------------------------------------------------------


def outcomes() -> dict[str, Approval]:
    one = approval()
    asks = approval(question())
    expiring = Deadlines(expires_after=timedelta(hours=1), on_expiry=OnExpiry.FAIL)
    return {
        f"Approved by <@{BOB}>": chose(one, BOB, Choice.APPROVE),
        f"Approved with changes by <@{BOB}>": chose(one, BOB, Choice.EDIT, value={**ARGUMENTS, "replicas": 9}),  # type: ignore[dict-item]
        f"Rejected by <@{BOB}>": chose(one, BOB, Choice.REJECT, text="no"),
        f"Answered by <@{ALICE}>": chose(asks, ALICE, Choice.ANSWER, text="the small one"),
        "⌛ Nobody decided by <!date^": closed(replace(one, deadlines=expiring), State.EXPIRED, ""),
        "Withdrawn": closed(one, State.WITHDRAWN, "the agent no longer asks this"),
        "but not delivered": closed(chose(one, BOB, Choice.APPROVE), State.UNDELIVERABLE, "the agent was changed"),
    }


@pytest.mark.promise("P8")
@pytest.mark.parametrize("words", list(outcomes()))
def test_a_closed_card_tells_its_outcome_and_has_no_buttons(words: str) -> None:
    one = outcomes()[words]
    assert words in body(one)
    assert buttons_in(card(one).blocks) == []
    assert words in card(one).text
    assert accepted(one)
    if one.note:
        assert one.note[:1].upper() + one.note[1:] in body(one), "the sentence of a card begins as one"


def test_a_card_says_what_becomes_of_it_in_time() -> None:
    assert "Rejected automatically <!date^" in body(approval())
    assert "The run stops <!date^" in body(approval(question()))


@pytest.mark.promise("P4")
def test_the_way_to_read_all_stands_before_the_buttons_that_decide() -> None:
    labels = labels_in(card(approval(ask(action({"script": "x" * 20_000})))).blocks)
    assert labels == ["Show all", "Approve", "Edit", "Reject"]


def test_an_expiry_that_rejects_is_not_told_as_somebodys_rejection() -> None:
    one = step(approval(), ExpiryDue(), NOW + timedelta(hours=5)).approval
    assert "⌛ Nobody decided by <!date^" in body(one)
    assert "rejected automatically" in body(one)
    assert "Rejected by" not in body(one)
    assert buttons_in(card(one).blocks) == []


def test_reasons_and_answers_are_shown_whole() -> None:
    assert "Reason: not on a friday" in body(chose(approval(), BOB, Choice.REJECT, text="not on a friday"))
    assert "Answer: the small one" in body(chose(approval(question()), ALICE, Choice.ANSWER, text="the small one"))


@pytest.mark.promise("P4")
def test_an_edit_shows_before_and_after_and_voids_old_buttons() -> None:
    one = approval(rule=policy(BOB, CAROL, quorum=2))
    one = chose(one, BOB, Choice.EDIT, value={**ARGUMENTS, "replicas": 9})  # type: ignore[dict-item]
    assert "Changed replicas: 3 → 9" in body(one)
    assert "replicas: 9" in body(one)
    assert {Target.read(each["value"]).revision for each in buttons_in(card(one).blocks)} == {2}


def test_an_edited_text_shows_its_lines() -> None:
    one = approval(ask(action("Dear Bob,\nthank you\nAlice"), kind=Kind.TEXT), rule=policy(BOB, CAROL, quorum=2))
    shown = body(chose(one, BOB, Choice.EDIT, value="Dear Bob,\nmany thanks\nAlice"))
    assert "- thank you\n+ many thanks" in shown


# Untrusted ------------------------------------------------------------------------------------------------------------


def test_no_word_of_an_agent_is_ever_markup() -> None:
    evil = "<!channel> <@U1> <https://evil.example|bank> *x* \u202e"
    one = approval(ask(action({evil: evil}, name=evil, description=evil), prompt=evil, speaker=evil), agent=evil)
    for each in (card(one), card(chose(one, BOB, Choice.REJECT, text=evil)), fallback_card(one)):
        marked = [text for text in _mrkdwn(each.blocks) if "evil" in text or "channel" in text]
        assert all("<!c" not in text and "<http" not in text and "<@U1>" not in text for text in [*marked, each.text])
        assert "\u202e" not in json.dumps(each.blocks, ensure_ascii=False) + each.text


def _mrkdwn(value: Any) -> list[str]:
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            return [value["text"]]
        return [text for each in value.values() for text in _mrkdwn(each)]
    return [text for each in value for text in _mrkdwn(each)] if isinstance(value, list) else []


# Length ---------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P4")
@SEARCHED
@given(JSON)
@example("x" * 200_000)
@example({"long": "é\n" * 100_000, "short": 1})
@example({f"field {number}": number for number in range(2_000)})
@example({"k" * 10_000: "v"})
@example({"a": "b" * 2_990, "c": "d" * 2_990, "e": "f" * 2_990})
@example(deep(50))
@example([])
@example({"": {}})
def test_any_payload_is_shown_whole_or_with_a_way_to_see_it_all(value: Any) -> None:
    one = approval(ask(action(value), kind=Kind.PAYLOAD))
    message = card(one)
    assert accepted(one)
    assert check_modal(full_request(one)) == []
    everything = text_in(message.blocks)
    assert visible(everything) == everything
    if "Show all" not in labels_in(message.blocks):
        assert all(part in _joined(everything) for part in _leaves(value))
    else:
        assert "This card shows" in everything
        modal = text_in(full_request(one)["blocks"])
        if needs_file(one):
            assert file_name(one) in everything
            assert file_name(one) in modal
            assert json.loads(file_content(one))["actions"][0]["name"] == "deploy_service"
        else:
            assert all(part in _joined(modal) for part in _leaves(value))


def _leaves(value: Any) -> list[str]:
    """What has to be readable, but for the line ends between blocks and for what JSON spells in its own way."""
    if isinstance(value, dict):
        return [part for name, each in value.items() for part in [*_leaves(name), *_leaves(each)]]
    if isinstance(value, list):
        return [part for each in value for part in _leaves(each)]
    if isinstance(value, str):
        return [_joined(visible(value))] if not any(each in value for each in '"\\') and value.isprintable() else []
    return [json.dumps(value)]


def _joined(text: str) -> str:
    return text.replace("\n", "").replace(" ", "").replace("\\", "").replace('"', "")


@SEARCHED
@given(st.lists(JSON, min_size=1, max_size=12), st.sampled_from(Kind), TEXT)
def test_any_ask_gives_a_card_that_slack_takes_in_every_state(values: list[Any], kind: Kind, words: str) -> None:
    choices = (Choice.ANSWER,) if kind in (Kind.QUESTION, Kind.FORM) else ALL
    actions = [Action(words, value, choices, description=words) for value in values]
    one = approval(ask(*actions, kind=kind, prompt=words, speaker=words), agent=words)
    many = frozenset(UserId(f"U{number:09}") for number in range(300))
    crowd = one_part("r", *map(person, sorted(many)), quorum=200)
    crowded = replace(one, reviews=tuple(replace(each, policy=crowd) for each in one.reviews))
    states = [one, crowded, closed(one, State.WITHDRAWN, words), closed(one, State.EXPIRED, words)]
    decided = one
    for index in range(len(values)):
        choice = choices[-1]
        by = ALICE if one.ask.is_question else BOB
        decided = chose(decided, by, choice, action=index, text=words or "because")
        states.append(decided)
    assert all(accepted(each) for each in states)
    assert all(check_message({"text": (m := fallback_card(each)).text, "blocks": m.blocks}) == [] for each in states)


@pytest.mark.promise("P4")
@settings(SEARCHED, max_examples=40)
@given(
    st.dictionaries(TEXT, JSON, max_size=20) | JSON,
    st.sampled_from(Kind),
    TEXT,
    st.lists(TEXT.filter(bool), max_size=20, unique=True),
    st.sampled_from((Origin.USER, Origin.GROUP, Origin.ON_CALL)),
    st.integers(0, 20),
)
def test_slack_takes_every_plain_card(
    value: Any, kind: Kind, words: str, options: list[str], origin: Origin, people: int
) -> None:
    """A click does not draw it to learn that: a card that is refused stands as a fallback, which shows nothing."""
    choices = (Choice.ANSWER,) if kind in (Kind.QUESTION, Kind.FORM) else (*ALL, Choice.OPTION)
    named = [Source(origin, f"{'U' if origin is Origin.USER else 'S'}{number:09}", words) for number in range(20)]
    one = approval(
        ask(
            action(
                value, name=words, choices=choices, options=tuple(map(Option, options)), own_words={"approve": words}
            ),
            kind=kind,
            prompt=words if kind is Kind.FAILURE else "",
            speaker=words,
        ),
        agent=words,
        rule=one_part("r", *named),
        called=tuple(UserId(f"U{number:09}") for number in range(people)),
    )
    pieces = [*fitted_prompt(one)[0], *fitted_action(one, 0, 1)[0]]
    assert accepted(one) or not is_plain(one, pieces)


def test_an_ordinary_card_is_plain_and_a_large_or_markdown_one_is_not() -> None:
    one, long, spoken = (approval(ask(each)) for each in (action(), action("x" * 2_001), action(description="*so*")))
    assert is_plain(one, fitted_action(one, 0, 1)[0])
    assert not is_plain(long, fitted_action(long, 0, 1)[0])
    assert not is_plain(spoken, fitted_action(spoken, 0, 1)[0])


def test_our_own_words_may_be_long() -> None:
    lines = [f"• *agent {number}*: {'ships ' * 20}" for number in range(100)]
    made = blocks.sections("\n".join(lines))
    assert check_message({"text": "x", "blocks": made[:4]}) == []
    assert "\n".join(each["text"]["text"] for each in made) == "\n".join(lines)


@pytest.mark.promise("P4")
@pytest.mark.parametrize("length", [20, 140, 400])
def test_a_tools_name_is_shown_whole_however_long(length: int) -> None:
    name = "deploy_" + "x" * (length - 8) + "_"
    shown = text_in(card(approval(ask(action(name)))).blocks)
    assert name in shown


@pytest.mark.promise("P8")
def test_the_last_row_of_a_card_decides_nothing_and_only_the_history_stays() -> None:
    over = chose(approval(), BOB, Choice.APPROVE)
    assert last_row(approval()) == ["Nudge", "Withdraw", *WAYS, "Extend deadline…", "History"]
    assert last_row(approval(deadlines=Deadlines())) == ["Nudge", "Withdraw", *WAYS, "History"]
    assert last_row(over) == ["History"]


def test_the_last_row_offers_what_makes_sense() -> None:
    own, forever = one_part("default: the requester", REQUESTER), Deadlines()
    assert last_row(approval(rule=own, deadlines=forever)) == ["Withdraw", "History"]
    assert last_row(approval(ask(action(None), kind=Kind.FAILURE), rule=own, deadlines=forever)) == ["History"]
    assert last_row(approval(ask(action(None), kind=Kind.QUESTION), rule=own, deadlines=forever)) == ["History"]
    asked = approval(ask(action(None), kind=Kind.QUESTION))
    ruled = replace(asked, reviews=(replace(asked.reviews[0], policy=one_part("approvals[0]", person(BOB))),))
    assert last_row(ruled)[:3] == ["Nudge", "Withdraw", "Who can answer?"]


WAYS = ["Who can approve?", "I'm looking", "Hand over…"]


def last_row(one: Approval) -> list[str]:
    (menu,) = [block for block in card(one).blocks if block.get("block_id") == "menu"]
    parts = [part for each in menu["elements"] for part in each.get("options", [each])]
    return [part["text"]["text"] for part in parts]


def test_a_failure_says_who_can_retry_it_and_a_breakpoint_asks_in_its_headline() -> None:
    requesters = one_part("default: the requester", REQUESTER)
    failed = approval(ask(action(None), kind=Kind.FAILURE, prompt="It failed."), rule=requesters)
    assert f"Only <@{ALICE}> can retry" in body(failed)
    assert "Requested by" not in body(failed)
    assert card(failed).text.startswith(f"deploy stopped: It failed. · Only <@{ALICE}> can retry")
    halted = approval(ask(action({}), kind=Kind.BREAKPOINT, prompt='Run the step "ship"?'))
    assert body(halted).count('Run the step "ship"?') == 1
    itself = body(approval(ask(action({}), kind=Kind.BREAKPOINT, prompt="ship stopped: too long")))
    assert itself.startswith("Continue?ship stopped: too long")
