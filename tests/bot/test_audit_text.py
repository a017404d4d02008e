"""The audit in words: a sentence for each kind of row, on a terminal and in a pipe, and safe to print on either."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from contracts.samples import ALICE, BOB, NOW, THREAD

from bot.commands import audit, audit_text
from bot.commands.stored import letter_line
from bot.wiring.terminal import Directory, Names
from engine.approvals.audit import Entry, What
from engine.approvals.effects import EndRun, lane_of
from engine.asks.ask import Json
from engine.ids import ApprovalId, TeamId, UserId
from engine.ports import DeadLetter

pytestmark = pytest.mark.promise("P9")

NAMED = Names({ALICE: "alice", BOB: "bob"})
NAMELESS = Names()
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
HOSTILE = "ok\x1b[2J\x1b]0;owned\x07 \x9b31m \u202eevil\u2066 \r\n2026-11-30 09:00:00 UTC  bob voted: approve"


class Known(Directory):
    """A directory that knows names without Redis and Slack."""

    def __init__(self, names: Names) -> None:
        self.known, self.asked = names, set[UserId]()

    async def names(self, teams: Iterable[TeamId], users: Iterable[UserId]) -> Names:
        assert set(teams) == {"T1"}
        self.asked.update(users)
        return self.known


def entry(what: What, who: UserId | None = BOB, detail: Json = None, rule: str = "approvals[0]") -> Entry:
    return Entry(NOW, THREAD, ApprovalId(f"{THREAD}#0123456789abcdef"), what, who, rule, detail)


def said(row: Entry, names: Names = NAMED) -> str:
    return audit_text.in_words(row, names)[0]


async def printed(rows: Sequence[Entry], names: Names = NAMED) -> Sequence[str]:
    return await audit_text.lines(rows, Known(names))


@pytest.mark.parametrize("what", What)
def test_each_kind_of_row_has_its_sentence(what: What) -> None:
    assert what in audit_text.DONE
    row = said(entry(what, None))
    assert row.startswith("2026-")
    assert re.search(r"UTC  01234567  \S.*  \[approvals\[0\]\]$", row)


def test_no_two_kinds_have_the_same_sentence() -> None:
    assert len(set(audit_text.DONE.values())) == len(What)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (entry(What.VOTED, BOB, {"action": 0, "revision": 1, "choice": "approve", "via": "channel", "grounds": []}),
         "bob (UBOB) voted: approve, via: channel"),
        (entry(What.DECIDED, BOB, "approved"), "bob (UBOB) decided: approved"),
        (entry(What.DECIDED, None, {"action": 0, "choice": "approve", "via": "rule"}),
         "the rule decided: approve, via: rule"),
        (entry(What.REFUSED, BOB, {"refusal": "own_request", "choice": "approve", "action": 0}),
         "bob (UBOB) tried to approve and was refused, own request"),
        (entry(What.REFUSED, None, {"refusal": "already_decided", "choice": "takenback", "operator": "sam"}),
         "the bot's operator (user sam on its machine) tried to withdraw the request and was refused, already decided"),
        (entry(What.WITHDRAWN, None, {"operator": "sam", "reason": "UBOB"}),
         "the bot's operator (user sam on its machine) withdrew the request, reason: UBOB"),
        (entry(What.WITHDRAWN, None, {"operator": "sam", "reason": "wrong cluster"}),
         "the bot's operator (user sam on its machine) withdrew the request, reason: wrong cluster"),
        (entry(What.WITHDRAWN, ALICE), "alice (UALICE) withdrew the request"),
        (entry(What.WITHDRAWN, None, "The agent no longer asks."),
         "the graph withdrew the request: The agent no longer asks."),
        (entry(What.HANDED_OVER, BOB, {"to": ALICE}), "bob (UBOB) handed the decision over, to: alice (UALICE)"),
        (entry(What.CALLED, None, {"people": [ALICE, BOB]}),
         "people were notified, people: alice (UALICE) and bob (UBOB)"),
        (entry(What.EXTENDED, BOB, {"by_seconds": 3600}), "bob (UBOB) moved the deadline, by seconds: 3600"),
        (entry(What.EXPIRED, None, "reject"), "nobody decided in time: reject"),
    ],
)  # fmt: skip
def test_who_did_what(row: Entry, words: str) -> None:
    assert said(row) == f"2026-01-01 12:00:00 UTC  01234567  {words}  [approvals[0]]"


def test_a_row_of_a_batch_says_which_action_it_is_about() -> None:
    row = entry(What.VOTED, BOB, {"action": 1, "choice": "reject"})
    assert "voted: reject on action 2" in audit_text.in_words(row, NAMED, of_batch=True)[0]
    assert "action" not in said(row)


def test_repeated_refusals_are_counted() -> None:
    row = entry(What.REFUSED, BOB, {"refusal": "own_request", "choice": "approve"})
    again = replace(row, times=7, last=NOW + timedelta(hours=1))
    assert "(7 times, last 2026-01-01 13:00:00 UTC)" in said(again)


def test_where_a_name_is_not_known_the_id_is_shown() -> None:
    assert "  UBOB voted: approve  " in said(entry(What.VOTED, BOB, {"choice": "approve"}), NAMELESS)


async def test_the_names_of_all_people_in_the_rows_are_looked_up() -> None:
    known = Known(NAMED)
    await audit_text.lines([entry(What.HANDED_OVER, BOB, {"to": ALICE, "why": "UPPER CASE"})], known)
    assert known.asked == {ALICE, BOB}


async def test_the_values_of_a_request_stand_below_it() -> None:
    actions: Json = [{"name": "deploy", "value": {"service": "billing", "to": ["eu", "us"]}}]
    rows = await printed([entry(What.ASKED, None, {"actions": actions, "digest": "d"})])
    assert [*rows[1:]] == ["    deploy", "    service: billing", '    to: [ "eu", "us" ]']
    assert "digest" not in rows[0]


class Terminal:
    """A terminal for what is printed."""

    def isatty(self) -> bool:
        return True


async def test_lines_are_wrapped_at_the_width_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    long = entry(What.WITHDRAWN, None, {"operator": "sam", "reason": "because " * 40})
    asked = entry(What.ASKED, None, {"actions": [{"name": "run", "value": {"command": "echo well-known; " * 20}}]})
    monkeypatch.setattr("sys.stdout", Terminal())
    for width in (60, 100):
        monkeypatch.setenv("COLUMNS", str(width))
        rows = await printed([long, asked])
        assert max(map(len, rows)) <= width
        first = [each for each in rows if not each.startswith(" ")]
        assert len(first) == 2, "only a row begins at the left"
    monkeypatch.setenv("COLUMNS", "5")
    assert max(map(len, await printed([long]))) <= 40


async def test_a_pipe_gets_one_line_for_each_row_without_colour() -> None:
    rows = [entry(what, BOB, {"reason": "because " * 60}) for what in What]
    lines = await printed(rows)
    assert len(lines) == len(rows)
    assert not any(UNSAFE.search(each) for each in lines)


@pytest.mark.parametrize("what", What)
def test_nobody_writes_control_characters_to_an_operators_terminal(what: What) -> None:
    detail: Json = {"operator": HOSTILE, "reason": HOSTILE, "choice": HOSTILE, "refusal": HOSTILE, HOSTILE: [HOSTILE],
                    "actions": [{"name": HOSTILE, "value": {HOSTILE: {HOSTILE: HOSTILE}}}, HOSTILE]}  # fmt: skip
    row = entry(what, None, detail, rule=HOSTILE)
    names = Names({BOB: HOSTILE})
    for shown in (audit_text.in_words(row, NAMED), audit_text.in_words(replace(row, who=BOB), names)):
        assert not any(UNSAFE.search(each) for each in shown)
        assert "⟦U+001B⟧[2J" in shown[0]
        assert "⟦U+202E⟧evil" in shown[0]


def test_json_for_programs_holds_the_same_text_and_no_control_character() -> None:
    row = entry(What.WITHDRAWN, None, {"operator": "sam", "reason": HOSTILE})
    line = audit.line(row)
    assert not UNSAFE.search(line)
    read = json.loads(line)
    assert read["detail"] == {"operator": "sam", "reason": HOSTILE}
    assert (read["what"], read["at"], read["last"]) == ("withdrawn", "2026-01-01 12:00:00+00:00", None)


def test_a_dead_letter_is_one_line_of_four_fields_without_control_characters() -> None:
    line = letter_line(DeadLetter("1-0", lane_of(EndRun(THREAD)), EndRun(THREAD), f"ValueError: {HOSTILE}\ttab", NOW))
    assert not UNSAFE.search(line.replace("\t", ""))
    assert len(line.split("\t")) == 4


def test_what_people_wrote_cannot_pass_for_another_part_of_a_row() -> None:
    row = entry(What.WITHDRAWN, None, {"operator": "sam", "reason": 'fine, choice: approve  [approvals[9]] "x"'})
    assert 'reason: "fine, choice: approve [approvals[9]] \\"x\\""  [approvals[0]]' in said(row)


@pytest.mark.parametrize("as_json", [True, False])
def test_secrets_are_masked(as_json: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001 - pytest's way
    monkeypatch.setenv("MAPS_API_KEY", "maps-key-4711")
    token = "xoxb-" + "1234567890-abcdefghijkl"
    asked: Json = {"actions": [{"name": "call", "value": {"key": "maps-key-4711", "token": token}}]}
    for row in (entry(What.ASKED, None, asked), entry(What.VOTED, BOB, {"text": f"use maps-key-4711 or {token}"})):
        shown = audit.line(row) if as_json else "\n".join(audit_text.in_words(row, NAMED))
        assert "•••" in shown
        assert "maps-key-4711" not in shown
        assert token not in shown
