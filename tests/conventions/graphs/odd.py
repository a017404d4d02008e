"""Less common ways to read an answer: each was seen in some project, and none is like another."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal

from effects import chain, effect, meta, say
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel

# Everything but a no goes ahead ---------------------------------------------------------------------------------------


def lenient(state: MessagesState):
    decision = interrupt({"backup": "nightly", "message": "Delete the old backup?"})
    if not decision or str(decision).lower() in ("no", "n", "reject", "cancel"):
        return say("The backup stays.")
    effect("lenient_delete", "done", "nightly")
    return say("Deleted.")


lenient_delete = chain(MessagesState, lenient)

# Pass 'true' ----------------------------------------------------------------------------------------------------------


def pass_true(state: MessagesState):
    decision = interrupt({"job": "reindex", "message": "Pass 'true' to approve, anything else to reject."})
    approved = decision if isinstance(decision, bool) else str(decision).strip().lower() == "true"
    if approved:
        effect("pass_true_graph", "done", "reindex")
        return say("Reindexed.")
    return say("Rejected.")


pass_true_graph = chain(MessagesState, pass_true)

# A default that goes ahead within a dict ------------------------------------------------------------------------------


def default_true(state: MessagesState):
    answer = interrupt({"newsletter": "May", "subscribers": 900})
    if answer.get("approved", True):
        effect("default_true_graph", "done", "May")
        return say("Sent.")
    effect("default_true_graph", "not done", said=answer.get("why", ""))
    return say("Not sent.")


default_true_graph = chain(MessagesState, default_true)

# Keys in camel case, one within another -------------------------------------------------------------------------------


def nested(state: MessagesState):
    answer = interrupt({"ticket": "Z-1", "priority": "high"})
    if answer["review"]["isApproved"] is True:
        effect("nested_keys", "done", "Z-1")
        return say("Escalated.")
    effect("nested_keys", "not done", said=answer["review"].get("feedbackText"))
    return say("Not escalated.")


nested_keys = chain(MessagesState, nested)

# A model that wants to know who -----------------------------------------------------------------------------------------


class Signed(BaseModel):
    verdict: Literal["sign", "decline"]
    decided_by: str
    remark: str = ""


def signed_by(state: MessagesState):
    signed = Signed(**interrupt({"contract": "C-9", "pages": 12}))
    if signed.verdict == "sign":
        effect("who_signed", "done", "C-9")
        return say(f"Signed by {signed.decided_by}.")
    effect("who_signed", "not done", said=signed.remark)
    return say("Declined.")


who_signed = chain(MessagesState, signed_by)

# A loop over the keys that may change ---------------------------------------------------------------------------------


def change_keys(state: MessagesState):
    draft = {"title": "Sale", "body": "Everything must go."}
    answer = interrupt({"draft": draft, "fields": ["title", "body"]})
    if answer.get("action") != "publish":
        return say("Not published.")
    for key in ("title", "body"):
        if key in answer:
            draft[key] = answer[key]
    effect("key_loop", "done", draft)
    return say("Published.")


key_loop = chain(MessagesState, change_keys)

# dataclasses.replace --------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Order:
    symbol: str
    quantity: int


def replace_order(state: MessagesState):
    order = Order("MSFT", 5)
    answer = interrupt({"order": dataclasses.asdict(order), "side": "buy"})
    if answer["kind"] == "refuse":
        return say("No order.")
    if answer["kind"] == "change":
        order = dataclasses.replace(order, **answer["changes"])
    effect("replaced_order", "done", dataclasses.asdict(order))
    return say("Ordered.")


replaced_order = chain(MessagesState, replace_order)

# An Enum by its name --------------------------------------------------------------------------------------------------


class Move(Enum):
    ADVANCE = 1
    RETREAT = 2


def by_name(state: MessagesState):
    answer = interrupt({"stage": "beta", "moves": [each.name for each in Move]})
    move = Move[answer.upper()]
    if move is Move.ADVANCE:
        effect("enum_name", "done", "beta")
        return say("Advanced.")
    return say("Back to alpha.")


enum_name = chain(MessagesState, by_name)

# The first letter -----------------------------------------------------------------------------------------------------


def first_letter(state: MessagesState):
    answer = interrupt({"device": "pump-2", "prompt": "Start it? (y/n)"})
    if (answer or "n")[0].lower() == "y":
        effect("first_letter_graph", "done", "pump-2")
        return say("Started.")
    return say("Not started.")


first_letter_graph = chain(MessagesState, first_letter)

# The first word, and the rest is the reason ---------------------------------------------------------------------------


def first_word(state: MessagesState):
    reply = interrupt({"expense": 310, "prompt": "approve, or reject and why"})
    word, *rest = reply.split(maxsplit=1)
    if word.lower() == "approve":
        effect("first_word_graph", "done", 310)
        return say("Reimbursed.")
    effect("first_word_graph", "not done", said=" ".join(rest))
    return say("Not reimbursed.")


first_word_graph = chain(MessagesState, first_word)

# One word, and not another --------------------------------------------------------------------------------------------


def without_not(state: MessagesState):
    reply = interrupt({"account": "A-1", "message": "Shall I approve the refund?"})
    if "approve" in reply.lower() and "not" not in reply.lower():
        effect("word_without_not", "done", "A-1")
        return say("Refunded.")
    return say(f"Not refunded: {reply}")


word_without_not = chain(MessagesState, without_not)

# A walrus in a loop ---------------------------------------------------------------------------------------------------


def walrus(state: MessagesState):
    while (answer := interrupt({"switch": "core-1", "prompt": "Reload? y or n"})) not in ("y", "n"):
        pass
    if answer == "n":
        return say("Not reloaded.")
    effect("walrus_loop", "done", "core-1")
    return say("Reloaded.")


walrus_loop = chain(MessagesState, walrus)

# Alternatives in one pattern ------------------------------------------------------------------------------------------


def alternatives(state: MessagesState):
    match interrupt({"lock": "lab", "people": 3}):
        case True | "open" | {"type": "open"}:
            effect("alternative_patterns", "done", "lab")
            return say("Open.")
        case {"type": "keep", "reason": str(reason)}:
            effect("alternative_patterns", "not done", said=reason)
            return say("Closed.")
        case _:
            return say("Closed, as the answer was not understood.")


alternative_patterns = chain(MessagesState, alternatives)

# An exception of its own ----------------------------------------------------------------------------------------------


class RejectedError(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def demand_approval(what: dict[str, Any]) -> None:
    answer = interrupt(what)
    if not answer.get("granted"):
        raise RejectedError(answer.get("reason", "no reason"))


def guarded(state: MessagesState):
    try:
        demand_approval({"secret": "db-password", "purpose": "migration"})
    except RejectedError as error:
        effect("own_exception", "not done", said=error.reason)
        return say(f"Rejected: {error.reason}")
    effect("own_exception", "done", "db-password")
    return say("Read.")


own_exception = chain(MessagesState, guarded)

# A context manager ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def approval_scope(what: str) -> Iterator[bool]:
    yield interrupt({"scope": what}) == "granted"


def scoped(state: MessagesState):
    with approval_scope("write:orders") as granted:
        if granted:
            effect("scope_manager", "done", "write:orders")
            return say("Written.")
    return say("Nothing was written.")


scope_manager = chain(MessagesState, scoped)

# What was decided is stored whatever it was ---------------------------------------------------------------------------

AUDIT: list[Any] = []


def audited(state: MessagesState):
    decision = interrupt({"user": "mallory", "role": "admin"})
    AUDIT.append({"user": "mallory", "decision": decision})
    if decision.get("outcome") == "grant":
        effect("stored_decision", "done", "mallory")
        return say("Granted.")
    return say("Denied.")


stored_decision = chain(MessagesState, audited)

# A list of votes ------------------------------------------------------------------------------------------------------


def counted(state: MessagesState):
    answer = interrupt({"motion": "new office", "needed": 2})
    if sum(each == "aye" for each in answer["votes"]) >= 2:
        effect("vote_count", "done", "new office")
        return say("Carried.")
    return say("Not carried.")


vote_count = chain(MessagesState, counted)

# A verdict for each item ----------------------------------------------------------------------------------------------


def each_item(state: MessagesState):
    items = ["lamp", "desk"]
    verdicts = interrupt({"items": items, "format": "a list of true or false"})
    bought = [item for item, ok in zip(items, verdicts) if ok]
    if bought:
        effect("item_verdicts", "done", bought)
    return say(f"Bought {bought}.")


item_verdicts = chain(MessagesState, each_item)

# The amount must come back --------------------------------------------------------------------------------------------


def echo_amount(state: MessagesState):
    amount = 750
    answer = interrupt({"amount": amount, "payee": "Initech"})
    if answer.get("confirm") == "CONFIRM" and answer.get("amount", amount) <= amount:
        effect("echoed_amount", "done", answer.get("amount", amount))
        return say("Paid.")
    return say("Not paid.")


echoed_amount = chain(MessagesState, echo_amount)

# Functions in a table -------------------------------------------------------------------------------------------------


def lambdas(state: MessagesState):
    choice = interrupt({"container": "web", "choices": "s = stop it, l = leave it"})
    return {
        "s": lambda: (effect("lambda_table", "done", "web"), say("Stopped."))[1],
        "l": lambda: say("Left running."),
    }[choice]()


lambda_table = chain(MessagesState, lambdas)

# Two questions, both must be answered with yes ------------------------------------------------------------------------


def twice(state: MessagesState):
    if interrupt({"step": 1, "payee": "Ida"}) is not True:
        return say("The payee is wrong.")
    if interrupt({"step": 2, "amount": 60}) is not True:
        return say("The amount is wrong.")
    effect("asked_twice", "done", {"payee": "Ida", "amount": 60})
    return say("Paid.")


asked_twice = chain(MessagesState, twice)

# Asked in a helper with a time limit ----------------------------------------------------------------------------------


class Desk:
    async def ask(self, payload: dict[str, Any]) -> str:
        answer = interrupt(payload)
        return str(answer.get("status", "")).casefold()

    async def node(self, state: MessagesState) -> dict[str, Any]:
        status = await asyncio.wait_for(self.ask({"shipment": "S-2", "customs": "held"}), timeout=30)
        if status in {"freed", "released"}:
            effect("timed_desk", "done", "S-2")
            return say("Released.")
        return say("Still held.")


_desk = StateGraph(MessagesState)
_desk.add_node("desk", Desk().node)
_desk.add_edge(START, "desk")
timed_desk = _desk

# Russian --------------------------------------------------------------------------------------------------------------


def russian(state: MessagesState):
    ответ = interrupt({"вопрос": "Удалить таблицу?", "таблица": "заказы"})
    if str(ответ).strip().lower() in {"да", "удалить"}:
        effect("cyrillic", "done", "заказы")
        return say("Удалено.")
    return say("Отменено.")


cyrillic = chain(MessagesState, russian)

# The name of the next node is the answer ------------------------------------------------------------------------------


def name_next(state: MessagesState) -> Command[Literal["ship_it", "drop_it"]]:
    return Command(goto=interrupt({"parcel": "P-1", "goto": ["ship_it", "drop_it"]}))


def ship_it(state: MessagesState):
    effect("named_node", "done", "P-1")
    return say("Shipped.")


def drop_it(state: MessagesState):
    return say("Dropped.")


_named = StateGraph(MessagesState)
for _node in (name_next, ship_it, drop_it):
    _named.add_node(_node)
_named.add_edge(START, "name_next")
named_node = _named

# Four stages that run whatever is said --------------------------------------------------------------------------------


class Stages(MessagesState):
    last: str


def stage(state: Stages):
    d = interrupt({"stage": "build", "prompt": "approve / reject"})
    if d == "reject":
        return {"last": "reject"}
    return {"last": "approve"}


def run_stage(state: Stages):
    effect("runs_anyway", "done", "build")
    return say(f"Built, after {state['last']}.")


runs_anyway = chain(Stages, stage, run_stage)


META = {
    "lenient_delete": meta("done", "not done", value="nightly"),
    "pass_true_graph": meta("done", "not done", value="reindex"),
    "default_true_graph": meta("done", "not done", reason=True, value="May"),
    "nested_keys": meta("done", "not done", reason=True, value="Z-1"),
    "who_signed": meta("done", "not done", reason=True, value="C-9"),
    "key_loop": meta("done", "not done", edit={"title": "EDITED Sale"}, value={"title": "Sale", "body": "Everything must go."}),
    "replaced_order": meta("done", "not done", edit={"symbol": "EDITED"}, value={"symbol": "MSFT", "quantity": 5}),
    "enum_name": meta("done", "not done", value="beta"),
    "first_letter_graph": meta("done", "not done", value="pump-2"),
    "first_word_graph": meta("done", "not done", value=310),
    "word_without_not": meta("done", "not done", value="A-1"),
    "walrus_loop": meta("done", "not done", value="core-1"),
    "alternative_patterns": meta("done", "not done", reason=True, value="lab"),
    "own_exception": meta("done", "not done", reason=True, value="db-password"),
    "scope_manager": meta("done", "not done", value="write:orders"),
    "stored_decision": meta("done", "not done", value="mallory"),
    "vote_count": meta("unknowable", "not done"),
    "item_verdicts": meta("unknowable", "not done"),
    "echoed_amount": meta("done", "not done", value=750),
    "lambda_table": meta("done", "not done", value="web"),
    "asked_twice": meta("done", "not done", value={"payee": "Ida", "amount": 60}),
    "timed_desk": meta("done", "not done", value="S-2"),
    "cyrillic": meta("done", "not done", value="заказы"),
    "named_node": meta("done", "not done", value="P-1"),
    "runs_anyway": meta("done", "stop", value="build"),
}
