"""`signoff policy test`: a table of requests, held against what the rules say of them."""

from pathlib import Path

import pytest

from bot.cli import invoke

pytestmark = pytest.mark.promise("P6")

APP = """\
agents:
  shop: {graph: shop.py:graph, channels: ["#refunds"]}
oncall:
  ops: {rotation: {zone: Europe/Berlin, starts: 2026-11-30T09:00, every: 1w, people: [alice, bob]}}
approvals:
  - {when: {tool: "get_*"}, decide: approve}
  - when: {tool: "refund_*", if: "args.amount > 1000"}
    approvers: {all_of: [{groups: [payments]}, {oncall: [ops]}]}
    notify: dm
    expires_after: 4h
  - when: {tool: "refund_*", if: "'support' in requester_groups && !requester_is_guest"}
    approvers: {users: [alice, bob]}
    own_requests: true
  - when: {tool: deploy, if: "now.getHours() >= 18"}
    zone: Europe/Berlin
    decide: reject
  - when: {agent: shop, kind: question}
    approvers: {channel: true}
  - when: {tool: deploy}
    stages: [{groups: [dev]}, {oncall: [ops], users: [carol]}]
    post_to: "#approvals"
"""
CASES = """\
cases:
  - {agent: shop, tool: get_order, expect: {rule: "approvals[0]", decide: approve, expires_after: never}}
  - name: a large refund takes two teams
    agent: shop
    tool: refund_order
    args: {amount: 5000}
    requester: alice
    expect:
      rule: approvals[1]
      decide: people
      approvers: {all_of: [{oncall: [ops]}, {groups: [payments], quorum: 1}]}
      quorum: 2
      notify: dm
      posted_in: "#refunds"
      expires_after: 240m
      on_expiry: reject
  - agent: shop
    tool: refund_order
    args: {amount: 5}
    groups: ["@support"]
    guest: false
    expect: {rule: "approvals[2]", approvers: {users: [bob, alice]}, own_requests: true, notify: mention}
  - {agent: shop, tool: refund_order, args: {amount: 5}, groups: [], guest: true, expect: {rule: default}}
  - {agent: shop, tool: refund_order, args: {amount: 5}, expect: {rule: "approvals[2]", decide: people}}
  - {agent: shop, tool: deploy, at: 2026-11-30T17:00Z, expect: {rule: "approvals[3]", decide: reject}}
  - agent: shop
    tool: deploy
    at: 2026-11-30T16:59:59+00:00
    expect: {stages: [{groups: [dev]}, {users: [carol], oncall: [ops]}], posted_in: approvals, rule: "approvals[5]"}
  - {agent: shop, kind: question, expect: {rule: "approvals[4]", approvers: {channel: true}}}
  - {agent: shop, channel: dm, expect: {rule: default, quorum: 1}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_API_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.yaml").write_text(APP)
    return tmp_path


def outcome(folder: Path, cases: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str], list[str]]:
    (folder / "cases.yaml").write_text(cases)
    code = invoke(["policy", "test", "cases.yaml"])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err.splitlines()


def test_cases_that_come_out_as_expected_pass(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(folder, CASES, capsys) == (0, ["9 of 9 cases pass."], [])


def test_each_difference_is_a_line_with_the_place_of_its_case(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = """\
cases:
  - {agent: shop, tool: get_order, expect: {decide: approve}}
  - name: refunds
    agent: shop
    tool: refund_order
    args: {amount: 500}
    groups: [support]
    guest: false
    expect: {rule: "approvals[1]", approvers: {groups: [payments], quorum: 2}, notify: dm, expires_after: 4h}
  - {agent: shop, tool: deploy, expect: {quorum: 3}, at: 2026-11-30T10:00Z}
  - {agent: shop, tool: get_order, expect: {approvers: {users: [bob]}, decide: people}}
"""
    first, large = "cases.yaml:3: cases[1]: refunds:", "args.amount > 1000"
    assert outcome(folder, cases, capsys) == (
        1,
        [
            f"{first} rule: expected approvals[1], got approvals[2] (approvals[1]: its condition is false: {large})",
            f"{first} notify: expected dm, got mention",
            f"{first} expires_after: expected 4h, got never",
            f"{first} approvers: expected 2 of @payments, got 1 of alice, bob",
            "cases.yaml:10: cases[2]: quorum: expected 3, got 2",
            "cases.yaml:11: cases[3]: decide: expected people, got approve",
            "cases.yaml:11: cases[3]: approvers: expected bob, got nobody",
            "1 of 4 cases pass.",
        ],
        [],
    )


WRONG = {
    "a key that does not exist": (
        "{agent: shop, tol: x, expect: {rule: default}}",
        'there is no key "tol" here. Did you',
    ),
    "nothing expected": ("{agent: shop, expect: {}}", "cases[0].expect: nothing is expected. Add rule,"),
    "no expectation": ("{agent: shop}", "cases[0].expect: is missing"),
    "an agent that is not there": (
        "{agent: sho, expect: {rule: default}}",
        'cases.yaml:1: cases[0].agent: there is no agent "sho" in app.yaml. Did you mean "shop"?',
    ),
    "a rule that is not there": (
        '{agent: shop, expect: {rule: "approvals[7]"}}',
        'cases[0].expect.rule: there is no rule "approvals[7]".',
    ),
    "a question about a tool": (
        "{agent: shop, tool: x, kind: question, expect: {rule: default}}",
        "cases[0].kind: a question is no tool call. Remove tool or kind.",
    ),
    "a time without an offset": (
        "{agent: shop, at: 2026-11-30T09:00, expect: {rule: default}}",
        'cases[0].at: "2026-11-30T09:00" is not an instant. Write it with its offset: 2026-11-30T09:00+01:00.',
    ),
    "a length that is none": (
        "{agent: shop, expect: {expires_after: soon}}",
        'cases[0].expect.expires_after: "soon" is not a duration.',
    ),
}


@pytest.mark.parametrize("text", ["", "# none yet\n", "cases:\n", "cases: []\n"])
def test_a_file_without_cases_says_so(text: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = outcome(folder, text, capsys)
    assert (code, out) == (1, [])
    assert err == ["cases.yaml: has no cases. Add cases: with an entry for each: docs/policy-tests.md."]


@pytest.mark.usefixtures("folder")
def test_a_file_that_is_not_there_is_named_in_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["policy", "test", "nofile.yaml"]) == 1
    assert capsys.readouterr().err == (
        "nofile.yaml: there is no such file. Write one, or name another: signoff policy test FILE.\n"
    )


@pytest.mark.parametrize(("case", "line"), WRONG.values(), ids=WRONG.keys())
def test_a_mistake_in_the_table_is_one_line(
    case: str, line: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = outcome(folder, f"cases: [{case}]\n", capsys)
    assert (code, out) == (1, [])
    (told,) = err
    assert line in told


def test_a_condition_that_is_wrong_is_told_in_place_of_any_case(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "app.yaml").write_text(APP.replace("args.amount > 1000", "args.amount >"))
    code, out, err = outcome(folder, CASES, capsys)
    assert (code, out) == (1, [])
    assert err[0].startswith("app.yaml:7: approvals[1].when.if: line 1, column 14: this is not CEL")
