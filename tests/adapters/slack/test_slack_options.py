"""A node's own further choices on cards and in forms: buttons under the node's own words, which deceive nobody."""

from dataclasses import replace
from typing import Any

import pytest
from support.slack_samples import (
    ALICE,
    ALL,
    BOB,
    CAROL,
    HERE,
    action,
    approval,
    ask,
    buttons_in,
    chose,
    labels_in,
    policy,
)
from support.slack_samples import text_in as text_of

from adapters.blockkit import check_message, check_modal, limits
from adapters.slack.cards.card import card, fallback_card
from adapters.slack.cards.sheet import sheet
from adapters.slack.drawing.actions import Target
from adapters.slack.forms import modals
from adapters.slack.inbound.payloads.buttons import Pressed
from adapters.slack.inbound.payloads.forms import DecisionSent
from adapters.slack.inbound.payloads.incoming import incoming
from engine.approvals.approval import Approval
from engine.asks.ask import MOST_OPTIONS, Choice, Kind, Option
from engine.ids import ApprovalId, SheetId, TeamId, UserId

OFFERED = (*ALL, Choice.OPTION)
REVISE, ESCALATE = Option("revise", "message"), Option("escalate")


def with_options(*options: Option, quorum: int = 1, **more: Any) -> Approval:
    rule = policy(BOB, CAROL, quorum=quorum)
    offers = action({"draft": "Dear Ada"}, choices=OFFERED, options=options, **more)
    return approval(ask(offers, kind=Kind.APPROVAL, prompt="Send this?"), rule=rule)


def words(*some: str) -> tuple[Option, ...]:
    return tuple(Option(each) for each in some)


def problems(of: Approval) -> list[Any]:
    message = card(of)
    return check_message({"text": message.text, "blocks": message.blocks}, text_limit=limits.UPDATE_TEXT)


def test_further_choices_stand_behind_our_buttons_under_their_own_words() -> None:
    shown = with_options(REVISE, ESCALATE)
    assert labels_in(card(shown).blocks) == ["Approve", "Edit", "Reject", "revise", "escalate"]
    assert labels_in(fallback_card(shown).blocks)[:5] == ["Approve", "Edit", "Reject", "revise", "escalate"]
    targets = [Target.read(each["value"]) for each in buttons_in(card(shown).blocks)]
    assert [each.option for each in targets] == [None, None, None, 0, 1]
    assert problems(shown) == []


def test_a_target_is_spelled_and_read_with_and_without_an_option() -> None:
    for target in (Target(ApprovalId("T1:C1#a.b"), 2, 3), Target(ApprovalId("T1:C1#a.b"), 2, 3, 0)):
        assert Target.read(str(target)) == target


@pytest.mark.parametrize("word", ["Approve", "reject", "EDIT", "skip"])
def test_a_word_that_would_pass_for_a_button_of_ours_stands_in_quotes(word: str) -> None:
    assert labels_in(card(with_options(Option(word))).blocks)[-1] == f"“{word}”"


@pytest.mark.parametrize(
    ("word", "label"),
    [("a" * 200, "a" * 74 + "…"), ("send\nback", "send back"), ("\u202egnihton", "⟦U+202E⟧gnihton"), (" ", "(empty)")],
)
def test_a_word_fits_its_button_and_hides_nothing(word: str, label: str) -> None:
    shown = with_options(Option(word))
    assert labels_in(card(shown).blocks)[-1] == label
    assert buttons_in(card(shown).blocks)[-1]["text"]["emoji"] is False
    assert problems(shown) == []


def test_many_further_choices_are_a_menu_that_asks_whether_it_is_meant() -> None:
    shown = with_options(*words(*(f"way {number}" for number in range(MOST_OPTIONS))))
    menu = buttons_in(card(shown).blocks)[-1]
    assert menu["type"] == "static_select"
    assert menu["confirm"]
    assert [each["text"]["text"] for each in menu["options"]] == [f"way {number}" for number in range(MOST_OPTIONS)]
    assert [Target.read(each["value"]).option for each in menu["options"]] == list(range(MOST_OPTIONS))
    assert problems(shown) == []


def test_the_nodes_own_word_stands_beside_a_button_that_is_called_otherwise() -> None:
    shown = with_options(own_words={"approve": "cancel", "reject": "<!channel>"})
    told = text_of(card(shown).blocks)
    assert "Approve sends “cancel” · Reject sends “&lt;!channel&gt;”" in told
    assert labels_in(card(shown).blocks) == ["Approve", "Edit", "Reject"]
    decided = chose(shown, BOB, Choice.APPROVE)
    assert "sends" not in text_of(card(decided).blocks)


def test_votes_are_counted_for_what_they_are_for() -> None:
    shown = chose(with_options(REVISE, ESCALATE, quorum=2), BOB, Choice.OPTION, option=1)
    assert "1 of 2 for *escalate*: <@U0BOB>" in text_of(card(shown).blocks)
    both = chose(shown, CAROL, Choice.APPROVE)
    assert "1 of 2 for *escalate*: <@U0BOB> · 1 of 2 approvals: <@U0CAROL>" in text_of(card(both).blocks)
    assert "0 of 2 approvals" in text_of(card(with_options(REVISE, quorum=2)).blocks)


@pytest.mark.promise("P4")
def test_who_joins_a_choice_reads_what_was_written_with_it() -> None:
    shown = chose(with_options(REVISE, quorum=2), BOB, Choice.OPTION, option=0, text="be <!here> brief")
    assert "Message for revise:be <!here> brief" in text_of(card(shown).blocks)
    assert "<!here>" not in card(shown).text
    assert problems(shown) == []
    decided = chose(shown, CAROL, Choice.OPTION, option=0, text="and kind")
    assert "Message for revise" not in text_of(card(decided).blocks)
    assert "Message:be <!here> brief\nand kind" in text_of(card(decided).blocks)


def test_a_card_without_approve_counts_votes() -> None:
    rule = policy(BOB, CAROL, quorum=2)
    offers = action(choices=(Choice.REJECT, Choice.OPTION), options=(ESCALATE,))
    assert "0 of 2 votes" in text_of(card(approval(ask(offers, kind=Kind.APPROVAL), rule=rule)).blocks)


@pytest.mark.promise("P8")
def test_a_decided_card_says_who_chose_what_and_has_no_buttons() -> None:
    decided = chose(with_options(REVISE), BOB, Choice.OPTION, option=0, text="<!here> shorter")
    told = card(decided)
    assert "☑️ Chosen by <@U0BOB>" in text_of(told.blocks)
    assert ": *revise*" in text_of(told.blocks)
    assert "Message: <!here> shorter" in text_of(told.blocks)  # rich text, where nothing is markup
    assert "*revise*" in told.text
    assert "<!here>" not in told.text
    assert buttons_in(told.blocks) == []
    assert "Approved" not in told.text
    assert "Rejected" not in told.text


def test_a_word_writes_no_markup_into_a_decided_card() -> None:
    decided = chose(with_options(Option("*<!channel>*")), BOB, Choice.OPTION, option=0)
    assert "<!channel>" not in card(decided).text
    assert "&lt;!channel&gt;" in card(decided).text


def test_rows_of_a_sheet_have_the_same_choices() -> None:
    many = words(*(f"way {number}" for number in range(6)))
    asked = [with_options(*each).ask for each in ((REVISE,), many)]
    rule = policy(BOB, CAROL)
    rows = [approval(each, rule=rule, interrupt=f"i{number}", sheet=SheetId("s1")) for number, each in enumerate(asked)]
    made = sheet(SheetId("s1"), rows)
    assert check_message({"text": made.text, "blocks": made.blocks}) == []
    elements = [each for block in made.blocks if block["type"] == "actions" for each in block["elements"]]
    assert [each["text"]["text"] for each in elements if each["type"] == "button"][3] == "revise"
    assert "accessibility_label" not in next(each for each in elements if each["type"] == "static_select")
    closed = [chose(rows[0], BOB, Choice.OPTION, option=0, text="shorter"), rows[1]]
    assert "*revise*: shorter" in text_of(sheet(SheetId("s1"), closed).blocks)


# Forms ----------------------------------------------------------------------------------------------------------------


def test_an_option_that_takes_words_asks_for_them_in_a_form() -> None:
    shown = with_options(REVISE)
    target = Target(shown.id, 0, 1, 0)
    view = modals.form(shown, target, Choice.OPTION)
    assert check_modal(view) == []
    assert (view["title"]["text"], view["submit"]["text"]) == ("revise", "revise")
    entered = {modals.TEXT_BLOCK: {"value": {"type": "plain_text_input", "value": "shorter"}}}
    assert modals.read(shown, target, Choice.OPTION, entered, "").text == "shorter"
    empty = {modals.TEXT_BLOCK: {"value": {"type": "plain_text_input", "value": " "}}}
    assert modals.read(shown, target, Choice.OPTION, empty, "").errors
    assert not modals.takes_words(with_options(ESCALATE), target)
    assert not modals.takes_words(shown, replace(target, option=7))


def test_who_saw_only_part_of_a_request_is_told_so_before_an_option_counts() -> None:
    shown = with_options(REVISE, ESCALATE)
    for place, view in (
        (0, modals.form(shown, Target(shown.id, 0, 1, 0), Choice.OPTION, (10, 9_000))),
        (1, modals.confirmation(shown, Target(shown.id, 0, 1, 1), Choice.OPTION, (10, 9_000))),
    ):
        assert check_modal(view) == []
        assert "You have seen 10 of 9,000 characters" in text_of(view["blocks"])
        assert view["private_metadata"] == str(Target(shown.id, 0, 1, place))


def test_a_long_word_fits_the_title_of_its_form() -> None:
    shown = with_options(Option("send this back to the people who wrote it", "message"))
    assert check_modal(modals.form(shown, Target(shown.id, 0, 1, 0), Choice.OPTION)) == []


# Payloads -------------------------------------------------------------------------------------------------------------


def pressed(element: dict[str, Any]) -> Any:
    payload = {
        "type": "block_actions",
        "user": {"id": "U0BOB"},
        "trigger_id": "t",
        "container": {"type": "message", "message_ts": "5.0", "channel_id": HERE.channel},
        "message": {"user": "U0BOT", "ts": "5.0"},
        "actions": [{"block_id": "action:0", **element}],
    }
    return incoming(payload, bot=UserId("U0BOT"), team=TeamId("T0LOCAL"))


def test_a_button_and_an_item_of_the_menu_say_which_option_was_pressed() -> None:
    shown = with_options(REVISE, ESCALATE)
    target = Target(shown.id, 0, 1, 1)
    button = pressed({"type": "button", "action_id": "signoff_option_1", "value": str(target)})
    item = pressed({"type": "static_select", "action_id": "signoff_option", "selected_option": {"value": str(target)}})
    for each in (button, item):
        assert isinstance(each, Pressed)
        assert (each.target, each.choice) == (target, Choice.OPTION)
        assert each.click().option == 1


def test_a_sent_form_says_which_option_it_was_of() -> None:
    target = Target(with_options(REVISE).id, 0, 1, 0)
    view = {"callback_id": "signoff_option", "private_metadata": str(target), "state": {"values": {}}}
    sent = incoming({"type": "view_submission", "user": {"id": ALICE}, "view": view}, bot=UserId("B"), team=TeamId("T"))
    assert isinstance(sent, DecisionSent)
    click = sent.click("shorter", None)
    assert (click.choice, click.option, click.text) == (Choice.OPTION, 0, "shorter")
