"""A condition is true or false for certain, or a person is asked."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from contracts.samples import any_json
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.conditions import CelConditions, cel
from adapters.extras import install_command
from engine.asks.ask import Json
from engine.ids import AgentName, ChannelId, UserId
from engine.rules.conditions import Circumstances, Condition, Mistake, Name, Verdict

HOLDS, FAILS, UNKNOWN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN
ASKED = Circumstances(
    agent=AgentName("pay"),
    channel=ChannelId("C1"),
    requester=UserId("UALICE"),
    now=datetime(2026, 7, 1, 22, 30, tzinfo=UTC),
    requester_groups=frozenset({"sre", "payments"}),
    requester_is_guest=False,
)
REFUND: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "amount": {"type": "number"},
        "order": {"type": "string"},
        "count": {"type": "integer"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "namespace": {"type": "string"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
    },
    "required": ["amount", "order"],
    "$defs": {"Line": {"type": "object", "properties": {"price": {"type": "number"}}, "required": ["price"]}},
}


def compiled(text: str, zone: str) -> Condition | list[Mistake]:
    found = CelConditions().compiled(text, zone)
    return [*found] if isinstance(found, Sequence) else found


def a_condition(text: str, zone: str = "UTC") -> Condition:
    found = compiled(text, zone)
    assert not isinstance(found, list), found
    return found


def mistakes(text: str, zone: str = "UTC") -> list[Mistake]:
    found = compiled(text, zone)
    assert isinstance(found, list), "this condition is right"
    return found


def judged(text: str, args: Any = None, schema: Mapping[str, Json] | None = None, **known: Any) -> Verdict:
    return a_condition(text).judge({} if args is None else args, schema, replace(ASKED, **known)).verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("args.amount > 1000", HOLDS),
        ("args.amount > 5000.5", FAILS),
        ("args.amount == 5000.0 && args.order == 'o-1'", HOLDS),
        ("has(args.note) && args.note == 'x'", FAILS),
        ("args['order'].startsWith('o-')", HOLDS),
        ("'order' in args && size(args) == 3", HOLDS),
        ("args.lines.exists(line, line.price > 3)", HOLDS),
        ("requester == 'UALICE' && agent == 'pay' && channel == 'C1'", HOLDS),
        ("'sre' in requester_groups && !('hr' in requester_groups)", HOLDS),
        ("requester_is_guest", FAILS),
        ("now > timestamp('2026-07-01T00:00:00Z')", HOLDS),
        ("true", HOLDS),
    ],
)
def test_a_condition_holds_or_fails(text: str, verdict: Verdict) -> None:
    args: dict[str, Json] = {"amount": 5000, "order": "o-1", "lines": [{"price": 2}, {"price": 4.5}]}
    assert judged(text, args) is verdict


NESTED: list[Any] = []
for _ in range(20_000):
    NESTED = [NESTED]


@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    "amount",
    [
        2**70, 2**64, float("nan"), float("inf"), -float("inf"), {"a": {"b": float("nan")}}, (1, 2), [(1,)],
        {1: 2}, b"1", datetime.now(UTC), object(), "1\0", "\ud800", {"\0": 1}, NESTED, type("Text", (str,), {})("x"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_no_plain_json_is_not_known_wherever_it_stands(amount: Any) -> None:
    anything = "args.amount > 0 || args.amount <= 0 || args.amount == args.amount"
    for text in (anything, f"!({anything})", "args.other == 1", "args.other != 1", "size(args) == 2"):
        assert judged(text, {"amount": amount, "other": 1}) is UNKNOWN, text


@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("args.amount > 1000", {}),
        ("args.amount > 1000", {"amount": "5000"}),
        ("args.amount > 1000", {"amount": None}),
        ("args.amount > 1000", {"amount": True}),
        ("args.amount > 1000", {"amount": [5000]}),
        ("args.amount + 9223372036854775807 > 0", {"amount": 1}),
        ("10 / args.amount > 0", {"amount": 0}),
        ("args.a.b.c == 1", {"a": {"b": {}}}),
        ("args.a[3] == 1", {"a": [1]}),
        ("args.name.matches('(')", {"name": "x"}),
        ("timestamp(args.at) < now", {"at": "tomorrow"}),
        ("args.amount > 1000", []),
        ("args.amount > 1000", "5000"),
        ("!has(args.amount)", ["no object"]),
    ],
)
def test_an_error_is_not_known_and_never_true(text: str, args: Any) -> None:
    assert judged(text, args) is UNKNOWN
    assert judged(f"!({text})", args) is UNKNOWN


@pytest.mark.promise("P6")
def test_what_could_not_be_found_out_about_the_requester_is_not_known() -> None:
    assert judged("'sre' in requester_groups", requester_groups=None) is UNKNOWN
    assert judged("!('sre' in requester_groups)", requester_groups=None) is UNKNOWN
    assert judged("requester_is_guest", requester_is_guest=None) is UNKNOWN
    assert judged("!requester_is_guest", requester_is_guest=None) is UNKNOWN
    assert judged("requester == 'UALICE' || requester_is_guest", requester_is_guest=None) is HOLDS


@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    ("args", "verdict"),
    [
        ({"amount": 5, "order": "x", "count": 5}, HOLDS),
        ({"amount": 5, "order": "x", "count": 5.0}, HOLDS),
        ({"amount": 5, "order": "x", "count": 6, "more": object}, UNKNOWN),
        ({"amount": 5, "order": "x", "count": "5"}, UNKNOWN),
        ({"amount": "5", "order": "x", "count": 6}, UNKNOWN),
        ({"amount": 5, "order": 7, "count": 6}, UNKNOWN),
        ({"amount": 5, "order": "x", "count": True}, UNKNOWN),
        ({"amount": 5, "order": "x", "count": 6, "note": 1}, UNKNOWN),
        ({"amount": 5, "order": "x", "count": 6, "lines": [{"price": "9"}]}, UNKNOWN),
        ({"amount": 5, "order": "x", "count": 6, "lines": [{"price": 9}], "note": None}, FAILS),
    ],
)
def test_an_argument_of_another_type_than_the_tool_declares_is_not_known(args: Any, verdict: Verdict) -> None:
    """The tool would make the text "5" the number 5, which this rule is for."""
    assert judged("args.count == 5", args, REFUND) is verdict


def test_a_schema_that_cannot_be_read_leaves_nothing_known() -> None:
    schemas: list[dict[str, Json]] = [
        {"$ref": "#/nowhere"},
        {"type": 7},
        {"properties": {"a": {"$ref": "https://example.com/x"}}},
    ]
    for schema in schemas:
        assert judged("args.a == 5", {"a": 5}, schema) is UNKNOWN


def test_it_says_why_and_quotes_no_value() -> None:
    def why(text: str, args: Any, schema: Mapping[str, Json] | None = None) -> str:
        return a_condition(text).judge(args, schema, ASKED).why

    assert "is missing" in why("args.amount > 1", {})
    assert "different types" in why("args.amount > 1", {"amount": "secret"})
    assert '"amount" is not a finite number' in why("args.amount > 1", {"amount": float("nan")})
    assert '"amount" has another type' in why("args.amount > 1", {"amount": "secret", "order": ""}, REFUND)
    assert why("args.amount > 1", {"amount": 5}) == ""
    for args in ({"amount": "secret"}, {"amount": "secret\0"}, {"amount": ("secret",)}):
        assert "secret" not in why("args.amount > 1", args) + why("args[args.amount] > 1", args)


# The clock ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("now.getHours() == 0 && now.getDate() == 2", HOLDS),
        ("now.getHours('UTC') == 22", HOLDS),
        ("'ü😀.getHours()' != '' &&\n\tnow.getHours( ) == 0 // at midnight .getHours()", HOLDS),
        ("now\n  .getHours\n(\n)\n== 0", HOLDS),
        ("now.getDayOfWeek() == 4 && now.getFullYear() == 2026 && now.getMonth() == 6", HOLDS),
        ("now.getDayOfMonth() == 1 && now.getDayOfYear() == 182 && now.getMinutes() == 30", HOLDS),
        ("now.getSeconds() == 0 && now.getMilliseconds() == 0", HOLDS),
        ("timestamp('2026-01-01T23:30:00Z').getHours() == 0", HOLDS),
        ("(now - timestamp('2026-07-01T00:00:00Z')).getHours() == 22", HOLDS),
        ("[now, now].all(each, each.getHours() == 0)", HOLDS),
        ("now == timestamp('2026-07-01T22:30:00Z')", HOLDS),
    ],
)
def test_the_clock_is_the_one_of_the_rules_zone(text: str, verdict: Verdict) -> None:
    assert a_condition(text, "Europe/Berlin").judge({}, None, ASKED).verdict is verdict


@pytest.mark.parametrize(
    ("at", "hour"),
    [
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), 1),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), 3),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), 2),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), 2),
        (datetime(2026, 10, 25, 2, 30, tzinfo=UTC), 3),
    ],
)
def test_the_clock_is_put_forward_and_back(at: datetime, hour: int) -> None:
    condition = a_condition(f"now.getHours() == {hour}", "Europe/Berlin")
    assert condition.judge({}, None, replace(ASKED, now=at)).verdict is HOLDS


def test_a_zone_that_the_machine_does_not_know_is_a_mistake() -> None:
    for zone in ("Mars/Olympus", "", "Europe/Berlin') == 1 || true || now.getHours('UTC"):
        (found,) = mistakes("now.getHours() == 1", zone)
        assert "time zone" in found.what


# Mistakes -------------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P10")
@pytest.mark.parametrize(
    ("text", "line", "column", "what", "fix"),
    [
        ("args.amount >", 1, 14, "not CEL", "&&"),
        ("args.amount > 1 and true", 1, 17, "not CEL", "&& for and"),
        ("args.amount = 1", 1, 13, "not CEL", "== for equal"),
        ("true &&\n  reqester == 'U1'", 2, 3, '"reqester"', "Did you mean requester?"),
        ("arg.amount > 1", 1, 1, '"arg.amount"', "args"),
        ("requester > 5", 1, 11, "> takes no values of these types: string, int", "same type"),
        ("'sre' == requester_groups", 1, 7, "==", "same type"),
        ("args.amount", 1, 1, "true or false", "== true"),
        ("'true'", 1, 1, "true or false", "== true"),
        ("1 == 1 ? true : args.amount", 1, 1, "true or false", "== true"),
        ("", 1, 1, "not CEL", "&&"),
        ("(" * 300 + "true" + ")" * 300, 1, 1, "nested too deeply", "Split"),
        ("args" + ".a" * 300 + " == 1", 1, 1, "nested too deeply", "Split"),
        ("true" + " && true" * 500, 1, 1, "2000 characters", "Split"),
        ("true\0 && false", 1, 5, "not CEL", ""),
    ],
)
def test_a_mistake_is_found_when_the_file_is_read(text: str, line: int, column: int, what: str, fix: str) -> None:
    first = mistakes(text)[0]
    assert (first.line, first.column) == (line, column)
    assert what in first.what
    assert fix in first.fix
    assert "INVALID" not in first.what
    assert "<input>" not in first.what


def test_all_mistakes_are_said_at_once() -> None:
    assert [(each.line, each.column) for each in mistakes("foo > 1 &&\n bar < 2")] == [(1, 1), (2, 2)]


@pytest.mark.promise("P10")
@pytest.mark.parametrize(
    ("text", "column", "what", "fix"),
    [
        ("args.amuont > 1000", 1, 'refund has no argument "amuont"', "Did you mean args.amount?"),
        ("true && args.zzzz == 1", 9, 'no argument "zzzz"', "Known are: args.amount"),
        ("has(args.amuont)", 4, 'no argument "amuont"', "args.amount"),
        ("args.order > 5", 12, "> takes no values of these types for refund: string, int", "same type"),
        ("'amount' in args", 13, "each argument is named", "args.NAME"),
        ("args.amount.exists(x, args.ordr == x)", 23, 'no argument "ordr"', "args.order"),
    ],
)
def test_a_name_that_the_tool_does_not_have_is_a_mistake(text: str, column: int, what: str, fix: str) -> None:
    first = a_condition(text).mistakes("refund", REFUND)[0]
    assert (first.line, first.column) == (1, column)
    assert what in first.what
    assert fix in first.fix


@pytest.mark.promise("P10")
@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("requester == 'alice'", [(1, 14)]),
        ("true &&\n '@bob' != requester", [(2, 2)]),
        ("requester in ['U1', 'bob', \"carol\"]", [(1, 21), (1, 28)]),
        ("channel == '#deploys' || channel == 'C1'", [(1, 12)]),
        ("'@sre' in requester_groups", [(1, 1)]),
        ("requester == 'U02ABC' && 'W1' == requester && channel in ['C1', 'D2', 'G3']", []),
        ("args.requester == 'alice' && args.channel == '#x' && agent == 'pay' && 'sre' in requester_groups", []),
    ],
)
def test_a_comparison_that_can_never_hold_is_a_mistake(text: str, places: list[tuple[int, int]]) -> None:
    found = compiled(text, "UTC")
    assert [(each.line, each.column) for each in (found if isinstance(found, list) else ())] == places


def test_what_the_tool_declares_is_right() -> None:
    text = (
        "args.amount > 1 && args.order == 'x' && args.namespace != 'kube' && has(args.note) && args.lines[0].price > 1"
    )
    assert not a_condition(text).mistakes("refund", REFUND)
    assert not a_condition("requester == 'U1'").mistakes("refund", REFUND)
    assert a_condition("args.x == 1").mistakes("ping", {"type": "object", "properties": {}})
    assert not a_condition("args.x == 1").mistakes("any", {**REFUND, "additionalProperties": True})


def test_a_condition_says_which_names_it_uses() -> None:
    assert a_condition("args.amount > 1").names == {Name.ARGS}
    assert a_condition("'sre' in requester_groups && now.getHours() < 9").names == {Name.REQUESTER_GROUPS, Name.NOW}
    assert a_condition("true // requester").names == frozenset()


@pytest.mark.promise("P10")
def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    cel._library.cache_clear()
    cel._environment.cache_clear()
    monkeypatch.setitem(sys.modules, "cel_expr_python.cel", None)
    try:
        (found,) = mistakes("true")
    finally:
        cel._library.cache_clear()
    assert found.fix == f"Run: {install_command('rules')}, or remove if."


# Time -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [10, 40, 1_000, 100_000])
@pytest.mark.parametrize(
    "step",
    [
        "i + j + k < 0", "args.items == [i, j, k]", "(args.items + args.items + args.items).size() == 1",
        "(args.text + args.text + args.text).size() == 1", "args.text.contains('aac')", "args.text.matches('.*b.*c')",
    ],
)  # fmt: skip
def test_a_cubic_loop_ends_at_once(step: str, length: int) -> None:
    text = f"args.items.exists(i, args.items.exists(j, args.items.exists(k, {step})))"
    args: Json = {"items": [*range(length)], "text": "a" * 20 * length + "b"}
    condition = a_condition(text)
    began = time.process_time()
    assert condition.judge(args, None, ASKED).verdict in ((FAILS,) if length == 10 else (UNKNOWN,))
    assert time.process_time() - began < 2


def test_long_arguments_do_no_harm_where_nothing_loops_over_them() -> None:
    args: dict[str, Json] = {"amount": 5000, "body": "a" * 4_000_000, "items": [*range(50_000)]}
    assert judged("args.amount > 1000 && args.body.contains('ab') == false", args) is HOLDS
    assert judged("args.items.exists(i, i == 7)", {**args, "body": "", "items": [*range(900)]}) is HOLDS


@pytest.mark.parametrize("schema", [None, REFUND, {"properties": {"lines": {"items": {"type": "object"}}}}])
@pytest.mark.parametrize("line", [1, {"price": 1}, [[1]], "x"])
def test_very_many_arguments_are_not_looked_through(schema: Any, line: Any) -> None:
    args: Json = {"amount": 5, "order": "", "lines": [line] * 1_000_000}
    condition = a_condition("args.amount > 1000")
    began = time.process_time()
    assert condition.judge(args, schema, ASKED).verdict is UNKNOWN
    assert time.process_time() - began < 1


def test_arguments_that_hold_themselves_are_not_known() -> None:
    ring: list[Any] = []
    ring.append(ring)
    assert judged("args.a == 1", {"a": ring}) is UNKNOWN


# Anything -------------------------------------------------------------------------------------------------------------

_ATOMS = (
    "args.a", "args.b", "args['a']", "args", "1", "'x'", "2.5", "true", "null", "now", "requester", "requester_groups",
    "requester_is_guest", "has(args.a)", "size(args)", "now.getHours()", "[args.a]", "{'k': args.b}", "dyn(1)",
)  # fmt: skip
_OPERATORS = ("&&", "||", "==", "!=", "<", ">=", "+", "in", "/")
_TEXTS = st.recursive(
    st.sampled_from(_ATOMS),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(_OPERATORS), inner).map(lambda each: f"({' '.join(each)})"),
        inner.map(lambda each: f"!({each})"),
        st.tuples(inner, inner, inner).map(lambda each: "({} ? {} : {})".format(*each)),
        st.tuples(inner, inner).map(lambda each: "[{}].exists(x, {} == x)".format(*each)),
    ),
    max_leaves=6,
)
_STRANGE = st.sampled_from([float("nan"), float("inf"), 2**70, (1,), "\0", "\ud800", b"", {1: 2}, [[(1,)]], object()])
_ARGS = st.fixed_dictionaries({}, optional={"a": any_json | _STRANGE, "b": any_json | _STRANGE}) | any_json | _STRANGE
_SLOW = settings(max_examples=300, deadline=timedelta(seconds=5), suppress_health_check=[HealthCheck.too_slow])


def strange(value: Any) -> Iterator[Any]:
    """What in a value is no plain JSON of CEL's."""
    if isinstance(value, dict):
        for pair in value.items():
            yield from (found for part in pair for found in strange(part))
        yield from (key for key in value if not isinstance(key, str))
    elif isinstance(value, list):
        yield from (found for part in value for found in strange(part))
    else:
        try:
            json.dumps(value, allow_nan=False).encode()
            if isinstance(value, int) and not -(2**63) <= value < 2**64:
                yield value
            if isinstance(value, str) and ("\0" in value or any("\ud800" <= each <= "\udfff" for each in value)):
                yield value
        except (ValueError, TypeError):
            yield value


@pytest.mark.promise("P6")
@_SLOW
@given(text=_TEXTS, args=_ARGS, known=st.booleans())
def test_it_never_raises_and_holds_only_where_cel_says_true(text: str, args: Any, known: bool) -> None:  # noqa: FBT001
    condition = compiled(text, "Europe/Berlin")
    if isinstance(condition, list):
        return
    asked = ASKED if known else replace(ASKED, requester_groups=None, requester_is_guest=None)
    verdict = condition.judge(args, None, asked).verdict
    opposite = a_condition(f"!({text})", "Europe/Berlin").judge(args, None, asked).verdict
    assert {verdict, opposite} in ({UNKNOWN}, {HOLDS, FAILS})
    if Name.ARGS in condition.names and isinstance(args, dict) and any(strange(args)):
        assert verdict is UNKNOWN


@pytest.mark.promise("P10")
@_SLOW
@given(st.text(max_size=40) | st.text("args.()[]{}'\"\\,!&|=<>1 \n\t?:xnow", max_size=40))
def test_any_text_is_a_condition_or_a_mistake_with_a_place_in_it(text: str) -> None:
    found = compiled(text, "Europe/Berlin")
    if not isinstance(found, list):
        return
    lines = text.split("\n")
    for each in found:
        assert each.what
        assert 1 <= each.line <= len(lines)
        assert 1 <= each.column <= len(lines[each.line - 1]) + 1
