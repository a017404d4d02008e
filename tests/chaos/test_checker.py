"""The checker of the chaos, on histories that are right, and wrong in each way: each check can fail."""

import ast
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bench.chaos.checker
from bench.chaos.checker.history import HistoryError, read
from bench.chaos.checker.rules import COLUMNS, GATE_RULES, OTHER_RULES, UNFINISHED, broken

Fact = dict[str, Any]
Facts = list[Fact]


def fact(kind: str, **fields: Any) -> Fact:
    return {"fact": kind, **fields}


def gate(name: str = "c1.pay", **changed: Any) -> Fact:
    known = {"case": "c1", "may": ["bob", "carol"], "quorum": 1, "expires": False, "amount": 10}
    return fact("gate", gate=name, **(known | changed))


def click(by: str = "bob", choice: str = "approve", **changed: Any) -> Fact:
    known = {"gate": "c1.pay", "value": None, "sent": 1.0, "done": 1.1, "acked": True}
    return fact("click", by=by, choice=choice, **(known | changed))


def row(what: str, who: str | None = None, choice: str = "", value: Any = None, approval: str = "x#1") -> Fact:
    known = {"gate": "c1.pay", "approval": approval, "place": PLACES.get(what, 1), "value": value, "why": ""}
    return fact("row", what=what, who=who, choice=choice, **known)


PLACES = {"asked": 0, "decided": 2, "expired": 2, "answered": 2, "withdrawn": 2, "refused": 3, "delivered": 4}
"""Where a row stands in the audit, as if there were one of each kind."""


def ran(kind: str, verdict: str = "approve", amount: Any = 10, at: float = 2.0, seen: int | None = 3) -> Fact:
    return fact(kind, gate="c1.pay", verdict=verdict, amount=amount, at=at, seen=seen)


def card(text: str = "Approved by bob", *, live: bool = False) -> Fact:
    return fact("card", gate="c1.pay", text=text, live=live)


def told(by: str) -> Fact:
    return fact("told", case="c1", by=by, text="Too late")


START, END = fact("start", case="c1", acked=True), fact("end", waiting=0, dead=0)
SAID = fact("said", case="c1", text="c1 is over")


def approved() -> Facts:
    """Bob approves, and carol is too late."""
    return [
        *(gate(), START, click(), row("asked"), row("voted", "bob", "approve"), row("decided", "bob")),
        *(click("carol", sent=1.05), row("refused", "carol", "approve"), told("carol")),
        *(ran("got"), ran("did", at=2.1), row("delivered"), card(), SAID, END),
    ]


def rejected() -> Facts:
    return [
        *(gate(), START, click(choice="reject"), row("asked"), row("voted", "bob", "reject"), row("decided", "bob")),
        *(ran("got", "reject", None), row("delivered"), card("Rejected by bob"), SAID, END),
    ]


def edited() -> Facts:
    return [
        *(gate(), START, click(choice="edit", value=17), row("asked"), row("edited", "bob", "edit", 17)),
        *(row("decided", "bob"), ran("got", "edit", 17), ran("did", "edit", 17), row("delivered")),
        *(card("Approved with changes by bob"), SAID, END),
    ]


def expired() -> Facts:
    return [
        *(gate(expires=True), START, row("asked"), row("expired"), ran("got", "reject", None)),
        *(row("delivered"), card("Nobody decided by noon: rejected automatically"), SAID, END),
    ]


def answered() -> Facts:
    return [
        *(gate(may=["alice"]), START, click("alice", "answer", value="Rome"), row("asked")),
        *(row("answered", "alice", "answer", "Rome"), ran("got", "answer", "Rome")),
        *(ran("did", "answer", "Rome"), row("delivered"), card("Answered by alice"), SAID, END),
    ]


def two_people() -> Facts:
    return [
        *(gate(quorum=2), START, click(), click("carol", sent=1.5, done=1.6), row("asked")),
        *(row("voted", "bob", "approve"), row("voted", "carol", "approve"), row("decided", "carol")),
        *(ran("got"), ran("did"), row("delivered"), card("Approved by bob, carol"), SAID, END),
    ]


def rules_broken(facts: Sequence[Fact]) -> set[str]:
    return {each.rule for each in broken(read(map(json.dumps, facts)))}


def one_mind_changed() -> Facts:
    """Bob approves, and rejects before a second person approves."""
    return [
        *(gate(quorum=2), START, click(), click(choice="reject", sent=1.5, done=1.6), row("asked")),
        *(row("voted", "bob", "approve"), row("voted", "bob", "reject"), row("decided", "bob")),
        *(ran("got", "reject", None), row("delivered"), card("Rejected by bob"), SAID, END),
    ]


RIGHT = (approved, rejected, edited, expired, answered, two_people, one_mind_changed)


@pytest.mark.parametrize("made", RIGHT)
def test_a_right_history_breaks_no_rule(made: Callable[[], Facts]) -> None:
    assert rules_broken(made()) == set()


@given(st.sampled_from(RIGHT), st.randoms())
def test_the_order_of_the_lines_says_nothing_but_that_of_the_audit(made: Callable[[], Facts], dice: Any) -> None:
    facts = made()
    rows = [each for each in facts if each["fact"] == "row"]
    dice.shuffle(facts)
    in_order = iter(rows)
    assert rules_broken([next(in_order) if each["fact"] == "row" else each for each in facts]) == set()


def test_a_node_may_run_again_after_a_kill_and_a_click_without_ack_may_count_or_not() -> None:
    killed = fact("trouble", what="killed", since=2.2, until=2.2)
    assert rules_broken([*approved(), killed, ran("got", at=12.0), ran("did", at=12.1)]) == set()
    assert rules_broken([*approved(), click("carol", "reject", acked=False)]) == set()
    counted = [each | {"acked": False} if each["fact"] == "click" else each for each in approved()]
    assert rules_broken(counted) == set()


def test_an_audit_that_could_not_be_read_and_a_card_that_somebody_deleted_prove_nothing() -> None:
    assert rules_broken([*without(approved(), "got", "did"), ran("got", seen=None), ran("did", seen=None)]) == set()
    assert rules_broken([*without(approved(), "card"), fact("deleted", gate="c1.pay")]) == set()


def test_a_start_that_was_not_acked_may_have_begun_nothing() -> None:
    assert rules_broken([gate(), START | {"acked": False}, END]) == set()


def without(facts: Facts, *kinds: str, **having: Any) -> Facts:
    return [each for each in facts if each["fact"] not in kinds or not having.items() <= each.items()]


def changed(facts: Facts, kind: str, **changes: Any) -> Facts:
    return [each | changes if each["fact"] == kind else each for each in facts]


WRONG: list[tuple[str, Facts, set[str]]] = [
    ("a start that was acked asked nothing", [gate(), START, END], {"acked_start_asks"}),
    ("two requests of one interrupt", [*approved(), row("asked", approval="x#2")], {"asked_once"}),
    (
        "a request that nobody could decide",
        [gate(), START, row("asked"), card("Approval needed", live=True), END],
        {"decided_in_the_end", "cards_are_true"},
    ),
    (
        "decided twice",
        [*approved(), row("decided", "carol")],
        {"decided_once", "resumed_with_the_outcome", "done_as_decided"},
    ),
    ("delivered twice", [*approved(), row("delivered")], {"decided_once"}),
    ("one person counted twice", [*approved(), row("voted", "bob", "approve")], {"counted_once"}),
    ("a vote that nobody gave", without(approved(), "click", by="bob"), {"votes_were_given"}),
    (
        "a vote with another choice",
        changed(rejected(), "click", choice="approve"),
        {"votes_were_given", "acked_clicks_count"},
    ),
    ("an edit with another value", changed(edited(), "click", value=18), {"votes_were_given", "acked_clicks_count"}),
    ("somebody decided who may not", changed(approved(), "gate", may=["carol"]), {"voters_were_allowed"}),
    ("one of two people was enough", changed(approved(), "gate", quorum=2), {"enough_people"}),
    ("an approval without votes", [*without(approved(), "row", what="voted"), row("refused", "bob")], {
        "enough_people", "resumed_with_the_outcome", "done_as_decided", "cards_are_true", "acked_clicks_count",
    }),
    ("expired without a deadline", changed(expired(), "gate", expires=False), {"expired_when_it_may"}),
    (
        "withdrawn by nobody",
        [gate(), START, row("asked"), row("withdrawn"), card("Withdrawn"), SAID, END],
        {"expired_when_it_may", "resumed_with_the_outcome", "cards_are_true"},
    ),
    ("a click that got lost", without(approved(), "row", what="refused"), {"acked_clicks_count"}),
    ("nobody told her that she was late", without(approved(), "told"), {"acked_clicks_count"}),
    (
        "a lost click that a later one replaced",
        [
            each | {"sent": 0.1, "done": 0.2} if each["fact"] == "click" and each["by"] == "carol" else each
            for each in approved()
        ],
        {"first_acked_click_wins"},
    ),
    (
        "a second vote of two that got lost",
        [
            *changed(two_people(), "gate", may=["bob", "carol", "dave"]),
            *(click("dave", sent=1.2, done=1.3), row("refused", "dave"), told("dave")),
        ],
        {"first_acked_click_wins"},
    ),
    ("never resumed", without(approved(), "got"), {"resumed_with_the_outcome"}),
    ("resumed with a reject", changed(approved(), "got", verdict="reject"), {"resumed_with_the_outcome"}),
    ("resumed with the value before the edit", changed(edited(), "got", amount=10), {"resumed_with_the_outcome"}),
    (
        "resumed with two values",
        [*approved(), fact("trouble", what="killed", since=2.0, until=3.0), ran("got", "reject", None, at=3.0)],
        {"resumed_with_the_outcome"},
    ),
    (
        "resumed before anybody decided",
        [gate(), START, row("asked"), ran("got", seen=2), card("Approval needed", live=True), END],
        {"resumed_with_the_outcome", "decided_in_the_end", "audited_before_done", "cards_are_true"},
    ),
    ("what was approved was never done", without(approved(), "did"), {"done_as_decided"}),
    ("what was rejected was done", [*rejected(), ran("did")], {"done_as_decided"}),
    ("what expired was done", [*expired(), ran("did")], {"done_as_decided"}),
    ("done with the value before the edit", changed(edited(), "did", amount=10), {"done_as_decided"}),
    ("done twice for no cause", [*approved(), ran("did", at=9.0)], {"repeated_for_a_cause"}),
    (
        "done twice, and the kill was before",
        [*approved(), fact("trouble", what="killed", since=1.0, until=1.5), ran("did", at=9.0)],
        {"repeated_for_a_cause"},
    ),
    ("done before its row", changed(approved(), "did", seen=2), {"audited_before_done"}),
    ("a card with buttons", [*approved(), card(live=True)], {"cards_are_true"}),
    ("a card that tells another outcome", changed(approved(), "card", text="Rejected by bob"), {"cards_are_true"}),
    ("an edit whose card hides it", changed(edited(), "card", text="Approved by bob"), {"cards_are_true"}),
    ("no card at all", without(approved(), "card"), {"cards_are_true"}),
    ("a run that ends in silence", without(approved(), "said"), {"replies_are_said"}),
    ("work that waits", changed(approved(), "end", waiting=1), {"all_work_is_done"}),
    ("work that was given up", changed(approved(), "end", dead=1), {"nothing_is_given_up"}),
    ("a history that was cut off", without(approved(), "end"), {"history_is_whole"}),
    ("a row about nothing", [*approved(), row("asked") | {"gate": "c9.pay"}], {"history_is_whole"}),
    ("a case that nobody began", without(approved(), "start"), {"history_is_whole"}),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "rules"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG])
def test_a_wrong_history_breaks_its_rule(facts: Facts, rules: set[str]) -> None:
    assert rules_broken(facts) == rules


def test_each_rule_can_be_broken_and_has_a_column() -> None:
    rules = {each.__name__ for each in GATE_RULES} | set(OTHER_RULES)
    assert set().union(*(each[2] for each in WRONG)) == rules


def test_a_click_whose_author_could_not_be_looked_up_makes_room_for_a_later_one_and_no_other_does() -> None:
    later = [
        each | {"sent": 0.1, "done": 0.2} if each["fact"] == "click" and each["by"] == "carol" else each
        for each in approved()
    ]
    unknown = [each | {"why": "roster_unknown"} if each.get("what") == "refused" else each for each in later]
    assert rules_broken(unknown) == set()
    assert rules_broken([*unknown, click("carol", sent=0.3, done=0.4)]) == {"first_acked_click_wins"}


UNDONE: Facts = [gate(), START, click(), row("asked"), card("Approval needed", live=True)]
"""A click that waits somewhere, with a request that is not decided."""


def columns(facts: Sequence[Fact]) -> set[str]:
    return {each.column for each in broken(read(map(json.dumps, facts)))}


def test_what_is_missing_where_work_is_left_is_unfinished_and_elsewhere_lost() -> None:
    end = fact("end", waiting=1, dead=0)
    assert columns([*UNDONE, fact("left", case="c1"), end]) == {UNFINISHED}
    assert columns([*UNDONE, fact("left", case="c2"), end]) == {UNFINISHED, "lost", "false cards"}
    assert columns([*without(approved(), "said"), fact("left", case="c1")]) == {UNFINISHED}


def test_what_must_not_be_is_broken_also_where_work_is_left() -> None:
    wrong = [*without(approved(), "click", by="bob"), row("asked", approval="x#2"), ran("did", at=9.0)]
    assert columns([*wrong, fact("left", case="c1")]) == {"decided by nobody", "decided twice", "resumed wrongly"}
    assert UNFINISHED in COLUMNS


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "line 1: JSON"),
        ("[]", "line 1"),
        ('{"fact": "unheard of"}', "line 1: KeyError('unheard of')"),
        ('{"fact": "end", "waiting": 0}', "line 1: a fact of this kind has the fields ['dead', 'waiting']"),
    ],
)
def test_a_line_that_is_no_fact_is_an_error(line: str, says: str) -> None:
    with pytest.raises(HistoryError, match="line 1") as raised:
        read([line])
    assert str(raised.value).startswith(says)


def test_the_program_shows_the_lines_that_prove_it(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    file.write_text("\n".join(map(json.dumps, [*rejected(), ran("did")])), encoding="utf-8")
    command = [sys.executable, "-m", "bench.chaos.checker", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert done.returncode == 1, done.stderr
    assert "done_as_decided: c1.pay: it was done without an approval" in done.stdout
    assert '    12: {"fact": "did"' in done.stdout


def test_the_checker_and_the_graphs_import_nothing_of_signoff() -> None:
    """The import contract holds it for the checker; a graph is loaded by its path, so it is looked at here."""
    folder = Path(bench.chaos.checker.__file__).parent
    for file in (*folder.glob("*.py"), folder.parent / "graphs.py"):
        names = {
            name
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            for name in (
                [each.name for each in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        tops = {each.partition(".")[0] for each in names if not each.startswith("bench.chaos.checker.")}
        assert not tops & {"bot", "engine", "adapters", "signoff", "bench"}, file
