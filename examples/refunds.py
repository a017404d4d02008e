"""A refund reviewer: reads a customer's request, proposes a refund by the shop's policy and drafts the letter.

A person revises every letter ("review and edit state": the answer to the interrupt is the text to send) and approves
every refund of 50 EUR or more ("approve or reject": the answer is True or False). Both forms are those of
https://docs.langchain.com/oss/python/langgraph/interrupts

A node starts again from its top when its interrupt is answered. So each asking node asks first and does nothing else
before, and an answer that cannot be used leads to the question being asked again, never to an exception: an answer
that made the node fail would be stored and replayed with every later one.

The graph is exported without a checkpointer; the program that runs it adds one.

Try: `order 1042 arrived broken, please refund` · `order 1043 came late` · `order 1044: changed my mind`
"""

from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, interrupt
from signoff_examples_models import real_model
from signoff_examples_shop import (
    ORDERS,
    SHOP,
    SMALL_REFUND,
    Order,
    Reason,
    euros,
    order_named,
    propose,
    reason_named,
)

EXAMPLE = "For example: order 1042 arrived broken, please refund."
WHAT_HAPPENED: dict[Reason, str] = {
    "damaged": "arrived damaged",
    "wrong": "was not what you had ordered",
    "missing": "has not reached you",
    "late": "arrived late",
    "unwanted": "was not right for you",
}
DRAFTING = f"""\
You write to customers of {SHOP}, a homeware shop. Rewrite the letter you are given so that it is warm and plain. Keep \
every name, number and promise as it is, add none, and keep it under 120 words. Answer with the letter alone."""


class State(MessagesState):
    """The conversation and the case at hand; a case that is closed leaves order and reason empty."""

    order: int | None
    reason: Reason | None
    amount: int
    policy: str
    letter: str
    letter_problem: str


def read_request(state: State) -> Command[Literal["propose_refund", "__end__"]]:
    """Find the order and the reason, in this message or an earlier one, or say what is missing."""
    text = next(str(each.text) for each in reversed(state["messages"]) if isinstance(each, HumanMessage))
    number = order_named(text) or state.get("order")
    reason = reason_named(text) or state.get("reason")
    problem = what_is_missing(number, reason)
    if problem is None:
        return Command(goto="propose_refund", update={"order": number, "reason": reason})
    open_order = number if number in ORDERS and not ORDERS[number].refunded else None
    return Command(goto="__end__", update={"order": open_order, "reason": reason, "messages": [AIMessage(problem)]})


def what_is_missing(number: int | None, reason: Reason | None) -> str | None:
    """Return a sentence about what is missing to judge the case, or None."""
    if number is None:
        return f"Which order is it about, and what happened? {EXAMPLE}"
    if number not in ORDERS:
        return f"I find no order {number}. The newest ones are {min(ORDERS)} to {max(ORDERS)}."
    order = ORDERS[number]
    if order.refunded:
        return (
            f"Order {number} ({order.item}, {order.customer}) was refunded on {order.refunded}: nothing is left to do."
        )
    if reason is None:
        return f"What happened with order {number}, the {order.item}? It may be damaged, wrong, lost, late or unwanted."
    return None


def propose_refund(state: State) -> dict[str, Any]:
    """Judge the case by the policy."""
    order, reason = case_of(state)
    proposal = propose(order, reason)
    return {"amount": proposal.amount, "policy": proposal.policy}


def draft_letter(state: State) -> dict[str, Any]:
    """Draft the letter; a real model, if there is one, only improves the wording."""
    draft = standard_letter(state)
    model = real_model()
    return {"letter": reworded(model, draft) if model else draft, "letter_problem": ""}


def reworded(model: BaseChatModel, draft: str) -> str:
    """Return the letter in a model's words, or the draft if the model has none."""
    return str(model.invoke([SystemMessage(DRAFTING), HumanMessage(draft)]).text).strip() or draft


def standard_letter(state: State) -> str:
    """Return the letter that the shop would send by its templates."""
    order, reason = case_of(state)
    if state["amount"]:
        promise = f"We are refunding {euros(state['amount'])} to your card ending in {order.card}. "
        promise += "It takes 3 to 5 working days to arrive."
    else:
        promise = f"We are sorry that we cannot refund it as things stand. {state['policy']}"
    return (
        f"Dear {order.customer},\n\n"
        f"thank you for telling us that your {order.item} (order {order.number}) {WHAT_HAPPENED[reason]}. {promise}\n\n"
        f"Kind regards,\nthe {SHOP} team"
    )


def review_letter(state: State) -> Command[Literal["review_letter", "approve_refund", "issue", "decline", "hold_back"]]:
    """Let a person revise the letter. The answer is the letter to send, alone or as `{"edited_text": letter}`.

    False holds it back; anything else that is not a text is asked about again.
    """
    order, _ = case_of(state)
    task = f"Review the letter to {order.customer} before it is sent. {state['policy']}"
    if state["letter_problem"]:
        task = f"{state['letter_problem']} {task}"
    answer = interrupt({"task": task, "text_to_revise": state["letter"]})

    revised = answer.get("edited_text") if isinstance(answer, dict) else answer
    if revised is False:
        return Command(goto="hold_back")
    if not isinstance(revised, str) or not revised.strip():
        return Command(goto="review_letter", update={"letter_problem": "A letter needs a text."})
    if state["amount"] >= SMALL_REFUND:
        return Command(goto="approve_refund", update={"letter": revised})
    return Command(goto="issue" if state["amount"] else "decline", update={"letter": revised})


def approve_refund(state: State) -> Command[Literal["issue", "hold_back"]]:
    """Let a person approve or reject the amount. Nothing but True pays out."""
    order, reason = case_of(state)
    approved = interrupt(
        {
            "question": f"Refund {euros(state['amount'])} to {order.customer} for order {order.number}?",
            "amount": state["amount"] / 100,
            "currency": "EUR",
            "order": order.number,
            "item": order.item,
            "reason": reason,
            "policy": state["policy"],
            "letter": state["letter"],
        }
    )
    return Command(goto="issue" if approved is True else "hold_back")


def issue(state: State) -> dict[str, Any]:
    """Pay out, and say so. The reference is the order's, so that paying twice would be noticed."""
    order, _ = case_of(state)
    done = f"Refund RF-{order.number} of {euros(state['amount'])} is on its way to the card ending in {order.card}."
    return closed(f"{done} {order.customer} was sent this letter:\n\n{state['letter']}")


def decline(state: State) -> dict[str, Any]:
    """Send the letter that says no."""
    order, _ = case_of(state)
    done = f"No refund for order {order.number}. {state['policy']}"
    return closed(f"{done} {order.customer} was sent this letter:\n\n{state['letter']}")


def hold_back(state: State) -> dict[str, Any]:
    """Do nothing, and say so: without consent, neither the money nor the letter that promises it is sent."""
    order, _ = case_of(state)
    what = f"refund of {euros(state['amount'])}" if state["amount"] else "letter"
    refused = f"The {what} for order {order.number} was not approved."
    return closed(f"{refused} Nothing was paid, and no letter was sent to {order.customer}.")


def closed(text: str) -> dict[str, Any]:
    """Return the update that ends a case, so that the next message of the thread begins a new one."""
    return {"messages": [AIMessage(text)], "order": None, "reason": None}


def case_of(state: State) -> tuple[Order, Reason]:
    """Return the order and the reason of a case that `read_request` let through."""
    number, reason = state["order"], state["reason"]
    if number is None or reason is None:
        raise ValueError(f"this step needs an order and a reason; the state has {number!r} and {reason!r}")
    return ORDERS[number], reason


def build() -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return the graph: request, proposal, letter, consent, outcome."""
    builder = StateGraph(State)
    for node in (read_request, propose_refund, draft_letter, review_letter, approve_refund, issue, decline, hold_back):
        builder.add_node(node)
    builder.add_edge(START, "read_request")
    builder.add_edge("propose_refund", "draft_letter")
    builder.add_edge("draft_letter", "review_letter")
    for last in ("issue", "decline", "hold_back"):
        builder.add_edge(last, END)
    return builder.compile(name="refunds")


graph = build()
