"""`$fields.NAME` in `input:`: values that a message has to say itself before the graph starts."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from time import process_time
from typing import Annotated, Any, Literal, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langgraph.func import entrypoint
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import AfterValidator, BaseModel, Field, Json
from support.graph_talk import talking

from adapters.langgraph.loading.stated_types import read_stated, takes_none, written_as
from adapters.langgraph.messages.inputs import said_in


class Tier(Enum):
    GOLD = "gold"
    BASIC = "basic"


class Payment(BaseModel):
    account: str
    amount: Annotated[int, Field(gt=0)]
    tier: Tier = Tier.BASIC
    reason: str = ""
    done: str = ""


def pays(state: Payment) -> dict[str, Any]:
    return {"done": f"{state.amount} to {state.account} ({state.tier}): {state.reason}"}


PAYMENTS = StateGraph(Payment).add_node("pays", pays).add_edge(START, "pays")
SAID = {"account": "$fields.account", "amount": "$fields.amount", "tier": "$fields.tier"}


async def test_the_values_of_a_message_start_the_graph() -> None:
    async with talking(PAYMENTS, input={**SAID, "reason": "$text"}, reply="done") as talk:
        text = "Please pay the plumber\naccount: DE-7\n*Amount:* 20\nTIER = gold"
        result = await talk.say(text)
    assert result.reply is not None
    assert result.reply.text == f"20 to DE-7 (Tier.GOLD): {text}"


@pytest.mark.promise("P10")
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("pay somebody 20", "account is missing, amount is missing, tier is missing."),
        ("account: 7, tier: gold", "amount is missing."),
        ("account: 7, tier: gold, amount:", "amount is missing."),
        ("account: 7, tier: gold, amount: 20 EUR", "amount has to be a valid integer."),
        ("account: 7, tier: gold, amount: -5", "amount has to be greater than 0."),
        ("account: 7, tier: silver, amount: 5", "tier has to be 'gold' or 'basic'."),
        ("account: 7, tier: gold, amount: 5, amount: 6", "amount has two different values."),
        ("account: 7, tier: gold, amount: $user", "amount has to be a valid integer."),
    ],
)
async def test_a_message_that_lacks_a_value_starts_nothing_and_is_told_what_to_say(text: str, problem: str) -> None:
    async with talking(PAYMENTS, input=SAID, reply="done") as talk:
        result = await talk.say(text)
        assert result.error.startswith(f"Nothing was started: {problem}")
        assert result.error.endswith(
            "Send your request again with these values, one per line:\n"
            "• account: text\n• amount: a whole number\n• tier: gold or basic"
        )
        assert (result.asked, result.reply) == ((), None)
        better = await talk.say("account: 7, tier: gold, amount: 5")
        assert better.reply is not None
        assert better.reply.text.startswith("5 to 7")


async def test_no_value_of_the_message_before_is_used_again() -> None:
    async with talking(PAYMENTS, input=SAID, reply="done") as talk:
        assert (await talk.say("account: 7, tier: gold, amount: 5")).reply is not None
        result = await talk.say("account: 8")
    assert result.error.startswith("Nothing was started: amount is missing, tier is missing.")


class Support(MessagesState):
    order: str


def helps(state: Support) -> dict[str, Any]:
    return {"messages": [AIMessage(f"{state['order']}: {state['messages'][-1].content}")]}


async def test_a_conversation_by_messages_keeps_what_was_said_at_its_start() -> None:
    given = {"messages": [{"role": "user", "content": "$text"}], "order": "$fields.order"}
    graph = StateGraph(Support).add_node("helps", helps).add_edge(START, "helps")
    async with talking(graph, input=given) as talk:
        assert (await talk.say("hello")).error.startswith("Nothing was started: order is missing.")
        first, later = await talk.say("hello\norder: 42"), await talk.say("where is it?")
    assert [each.reply.text for each in (first, later) if each.reply] == ["42: hello\norder: 42", "42: where is it?"]


class Budget(TypedDict, total=False):
    text: str
    budget: int | None
    order: dict[str, Any]
    told: str


BUDGET = {"text": "$text", "budget": "$fields.budget", "order": {"id": "$fields.id", "count": "$fields.count"}}


def tells(state: Budget) -> Budget:
    return {"told": f"{state.get('budget')} {state.get('order')}"}


@pytest.mark.promise("P10")
async def test_a_later_message_keeps_each_value_that_it_leaves_out() -> None:
    graph = StateGraph(Budget).add_node("tells", tells).add_edge(START, "tells")
    async with talking(graph, input=BUDGET, reply="told") as talk:
        said = ["budget: 500, id: 7, count: 1", "please go on", "budget: 600", "id: 8", "id: 8, count: 2", "and?"]
        results = [await talk.say(each) for each in said]
    told = [each.error.partition(".")[0] or (each.reply and each.reply.text) for each in results]
    first, second = "{'id': '7', 'count': '1'}", "{'id': '8', 'count': '2'}"
    half = "Nothing was started: count is missing"
    assert told == [f"500 {first}", f"500 {first}", f"600 {first}", half, f"600 {second}", f"600 {second}"]


async def test_a_workflow_keeps_no_value_of_the_message_before() -> None:
    @entrypoint()
    def buys(inputs: dict[str, Any]) -> str:
        return f"{inputs['budget']}"

    async with talking(buys, input={"text": "$text", "budget": "$fields.budget"}) as talk:
        assert (await talk.say("budget: 500")).reply is not None
        assert (await talk.say("please go on")).error.startswith("Nothing was started: budget is missing.")


class Bound(BaseModel):
    total: float


JSON_OF: Any = Json


CHECKED: list[float] = []


def checked(value: float) -> float:
    CHECKED.append(value)
    return value


class Order(TypedDict):
    id: str
    total: float


class Twice(TypedDict):
    amount: Annotated[float, AfterValidator(checked)]
    order: Order
    told: str


async def test_a_value_for_two_places_is_read_by_the_type_of_each_once() -> None:
    def both(state: Twice) -> dict[str, Any]:
        return {"told": f"{state['amount']} {state['order']}"}

    graph = StateGraph(Twice).add_node("both", both).add_edge(START, "both")
    given = {"amount": "$fields.amount", "order": {"id": "$fields.amount", "total": 1}}
    async with talking(graph, input=given, reply="told") as talk:
        refused = await talk.say("amount: lots")
        CHECKED.clear()
        result = await talk.say("amount: 20")
    assert refused.error.startswith("Nothing was started: amount has to be a valid number")
    assert "amount: a number" in refused.error
    assert result.reply is not None
    assert (result.reply.text, CHECKED) == ("20.0 {'id': '20', 'total': 1}", [20.0])


async def test_a_value_that_is_no_text_may_be_the_whole_input() -> None:
    @entrypoint()
    def doubles(number: int) -> str:
        return f"{number * 2}"

    async with talking(doubles, input="$fields.number") as talk:
        result = await talk.say("number: 21")
    assert result.reply is not None
    assert result.reply.text == "42"


class Nested(TypedDict):
    order: Order
    done: str


async def test_values_within_an_object() -> None:
    def reads(state: Nested) -> dict[str, Any]:
        return {"done": f"{state['order']}"}

    graph = StateGraph(Nested).add_node("reads", reads).add_edge(START, "reads")
    given = {"order": {"id": "$fields.order_id", "total": "$fields.order_total"}}
    async with talking(graph, input=given, reply="done") as talk:
        result = await talk.say("order-id: 7, Order total: 1.5")
    assert result.reply is not None
    assert result.reply.text == "{'id': '7', 'total': 1.5}"


def test_values_stand_at_the_begin_of_a_line_or_after_a_comma() -> None:
    names = ["amount", "account_id", "note"]
    text = "The amount: 3 is not one\n • *Amount:* 200; account id = 7, note: a, b; c,\nthanks"
    assert said_in(text, names) == {"amount": ["200"], "account_id": ["7"], "note": ["a, b; c"]}
    assert said_in("", names) == said_in("amounts: 3", names) == said_in("amount: 3", []) == {}
    assert said_in("amount:\n5", names) == said_in("amount: , note:", names) == {}


@pytest.mark.promise("P10")
@pytest.mark.parametrize("quoted", ["> amount: 9", " &gt; amount: 9", "> a, amount: 9", ">>> hello\namount: 9"])
def test_a_quoted_line_says_nothing(quoted: str) -> None:
    assert said_in(quoted, ["amount"]) == {}
    assert said_in(f"amount: 3\n{quoted}", ["amount"]) == {"amount": ["3"]}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("TİTLE: x", "title"),
        ("t\u0131tle: x", "title"),
        ("ŞEHİR: x", "şehir"),
        ("STRASSE: x", "straße"),
        ("cafe\u0301: x", "caf\u00e9"),
        ("_a_: x", "_a"),
        ("A-B: x", "a_b"),
        ("\u212aelvin: x", "kelvin"),
    ],
)
def test_a_name_is_found_however_its_letters_are_written(text: str, name: str) -> None:
    assert said_in(text, [name, "other"]) == {name: ["x"]}
    assert said_in(text, ["__", "other"]) == {}


@given(st.text("aA\u0131İiIß_- *:=,;>\n1•\u0307"), st.lists(st.from_regex("[i\u0131İßa_]{1,3}", fullmatch=True)))
def test_no_text_and_no_name_raises(text: str, names: list[str]) -> None:
    for name, values in said_in(text, names).items():
        assert name in names
        assert 0 < len({*values}) == len(values) < 3


@pytest.mark.parametrize(
    "part", [",", "+", ", ", "\n*", "_", "*", " ", "a:{},", "\na: {}", "\n_a_b", ":", "a=", "\u0307"]
)
@pytest.mark.parametrize("names", [["a", "amount"], ["a_b", "_a", "__"]])
def test_a_long_text_is_read_in_time_that_grows_with_its_length(part: str, names: list[str]) -> None:
    def seconds(length: int) -> float:
        text = "\n" + "".join(part.format(number) for number in range(length // len(part)))
        started = process_time()
        said_in(text, names)
        return process_time() - started

    assert seconds(160_000) < 12 * seconds(40_000) + 0.2


@pytest.mark.parametrize(
    ("kind", "text", "value", "written"),
    [
        (int, "20", 20, "a whole number"),
        (int, "20.5", None, "a whole number"),
        (float, "nan", None, "a number"),
        (float, "1e999", None, "a number"),
        (Decimal, "Infinity", None, "a number"),
        (list[float], "1, inf", None, "one or several, with commas"),
        (tuple[float, ...], "nan", None, "one or several, with commas"),
        (set[Decimal], "1, Infinity", None, "one or several, with commas"),
        (tuple[int, float], "1, -inf", None, ""),
        (JSON_OF[Any], '[{"a": [1, Infinity]}]', None, "text"),
        (JSON_OF[Bound], '{"total": NaN}', None, ""),
        (float, "1e3", 1000.0, "a number"),
        (date, "0", None, "a day, such as 2026-01-31"),
        (date, "20260131", None, "a day, such as 2026-01-31"),
        (date, "2026-01-31", "2026-01-31", "a day, such as 2026-01-31"),
        (datetime, "2026", None, "a time, such as 2026-01-31T09:00"),
        (datetime, " -1.5e3", None, "a time, such as 2026-01-31T09:00"),
        (datetime, "2026-01-31", "2026-01-31T00:00:00", "a time, such as 2026-01-31T09:00"),
        (time, "3600", None, "a time of day, such as 09:00"),
        (timedelta, "5", None, "a length of time, such as 1:30:00"),
        (timedelta, "1:30:00", "PT1H30M", "a length of time, such as 1:30:00"),
        (list[date], "2026-01-31, 5", None, "one or several, with commas"),
        (frozenset[datetime], "2026", None, "one or several, with commas"),
        (tuple[int, date], "5, 2026-01-31", [5, "2026-01-31"], ""),
        (bool, "no", False, "yes or no"),
        (Literal["a", "b"], "b", "b", "a or b"),
        (Tier, "gold", "gold", "gold or basic"),
        (list[int], "1, 2", [1, 2], "one or several, with commas"),
        (list[int], "1, x", None, "one or several, with commas"),
        (int | None, "3", 3, "a whole number"),
        (Any, "3", "3", "text"),
        (dict, "{}", None, ""),
        (Payment, "{}", None, ""),
        (list[dict[str, str]], "{}", None, ""),
    ],
)
def test_a_text_is_read_by_the_type_of_its_field(kind: Any, text: str, value: object, written: str) -> None:
    read, problems = read_stated(kind, text)
    assert (bool(problems), None if problems else read) == (value is None, value)
    assert written_as(kind) == written
    assert takes_none(kind) == (kind == int | None)
