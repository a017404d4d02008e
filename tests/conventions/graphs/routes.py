"""Nodes that ask, and others that act: the answer goes through state, edges, subgraphs, tasks and modules."""

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Annotated, Any, Literal, TypedDict

from effects import chain, effect, meta, say
from house.flow import vendor_graph
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, Send, interrupt
from pydantic import BaseModel, Field

# A flag, a lambda on the edge -----------------------------------------------------------------------------------------


class Report(MessagesState):
    human_approved: bool


def ask_report(state: Report):
    approval = interrupt("⚠️ High risk on prod-db. Write the report anyway? (yes/no)")
    return {"human_approved": approval.lower() in ["yes", "y", "是"]}


def write_report(state: Report):
    effect("risk_report", "done", "prod-db")
    return say("The report is written.")


_report = StateGraph(Report)
_report.add_node("ask", ask_report)
_report.add_node("write", write_report)
_report.add_edge(START, "ask")
_report.add_conditional_edges("ask", lambda s: "write" if s.get("human_approved", False) else END)
_report.add_edge("write", END)
risk_report = _report

# A word in the state, which a later node compares ---------------------------------------------------------------------


class Task(MessagesState):
    plan: str
    approval_result: str


def plan_task(state: Task):
    return {"plan": "move the archive"}


def approve_task(state: Task):
    human_decision = interrupt({"type": "task", "plan": state["plan"], "risk_level": "high", "timeout_seconds": 3600})
    return {"approval_result": human_decision["result"]}


def route_task(state: Task) -> Literal["execute_task", "drop_task"]:
    return "execute_task" if state["approval_result"] in ("approved", "auto_approved") else "drop_task"


def execute_task(state: Task):
    effect("archive_task", "done", state["plan"])
    return say("Moved.")


def drop_task(state: Task):
    return say("The task was rejected.")


_task = StateGraph(Task)
for _node in (plan_task, approve_task, execute_task, drop_task):
    _task.add_node(_node)
_task.add_edge(START, "plan_task")
_task.add_edge("plan_task", "approve_task")
_task.add_conditional_edges("approve_task", route_task)
_task.add_edge("execute_task", END)
_task.add_edge("drop_task", END)
archive_task = _task

# The whole answer in the state, read two nodes later ------------------------------------------------------------------


class Case(MessagesState):
    decision: dict[str, Any]
    trail: Annotated[list[str], operator.add]


def ask_case(state: Case):
    return {"decision": interrupt({"case_id": "c-41", "fraud_probability": 0.8, "ask": "approve escalation to fraud ops?"})}


def log_case(state: Case):
    return {"trail": ["decided"]}


def route_case(state: Case) -> str:
    return "escalate" if bool(state["decision"].get("approved")) else "release"


def escalate(state: Case):
    effect("fraud_case", "done", "c-41")
    return say("Escalated.")


def release_case(state: Case):
    effect("fraud_case", "not done", said=state["decision"].get("reason", ""))
    return say("Released.")


_case = StateGraph(Case)
_case.add_node("ask", ask_case)
_case.add_node("log", log_case)
_case.add_node("escalate", escalate)
_case.add_node("release", release_case)
_case.add_edge(START, "ask")
_case.add_edge("ask", "log")
_case.add_conditional_edges("log", route_case, {"escalate": "escalate", "release": "release"})
fraud_case = _case

# A status by way of a dict, and a map of edges ------------------------------------------------------------------------


class Doc(MessagesState):
    status: str
    notes: str


STATUS = {"approve": "approved", "reject": "rejected", "escalate": "escalated"}


def review_doc(state: Doc):
    answer = interrupt({"document": "NDA", "prompt": "approve, reject or escalate"})
    return {"status": STATUS.get(answer.get("action", ""), "pending"), "notes": answer.get("notes", "")}


def file_doc(state: Doc):
    effect("nda_status", "done", "NDA")
    return say("Filed.")


def return_doc(state: Doc):
    effect("nda_status", "not done", said=state["notes"])
    return say("Returned.")


def legal_doc(state: Doc):
    return say("Legal has it now.")


_doc = StateGraph(Doc)
_doc.add_node("review", review_doc)
_doc.add_node("file", file_doc)
_doc.add_node("return", return_doc)
_doc.add_node("legal", legal_doc)
_doc.add_edge(START, "review")
_doc.add_conditional_edges(
    "review", lambda s: s["status"], {"approved": "file", "rejected": "return", "escalated": "legal", "pending": END}
)
nda_status = _doc

# The name of the next node, by the answer -----------------------------------------------------------------------------

GOES = {"deploy": "roll_out", "skip": "leave_out"}


def choose(state: MessagesState) -> Command[Literal["roll_out", "leave_out"]]:
    decision = interrupt({"release": "7.1", "region": "eu"})
    return Command(goto=GOES[decision["next"]])


def roll_out(state: MessagesState):
    effect("goto_map", "done", "7.1")
    return say("Rolled out.")


def leave_out(state: MessagesState):
    return say("Left out.")


_choose = StateGraph(MessagesState)
for _node in (choose, roll_out, leave_out):
    _choose.add_node(_node)
_choose.add_edge(START, "choose")
goto_map = _choose

# Three ways, one of them back -----------------------------------------------------------------------------------------


class Memo(MessagesState):
    memo: str
    critique: str


def write_memo(state: Memo):
    critique = state.get("critique")
    return {"memo": f"Buy wheat. (after: {critique})" if critique else "Buy wheat."}


def approve_memo(state: Memo) -> Command[Literal["publish_memo", "write_memo", "__end__"]]:
    decision = interrupt({"memo": state["memo"], "instructions": "{'action': 'approve' | 'revise' | 'reject', 'notes': '...'}"})
    action = decision.get("action", "reject")
    if action == "approve":
        return Command(goto="publish_memo")
    if action == "revise":
        return Command(update={"critique": decision.get("notes", "changes are wanted")}, goto="write_memo")
    return Command(goto=END, update=say("Dropped."))


def publish_memo(state: Memo):
    effect("memo_three_ways", "done", state["memo"])
    return say("Published.")


_memo = StateGraph(Memo)
for _node in (write_memo, approve_memo, publish_memo):
    _memo.add_node(_node)
_memo.add_edge(START, "write_memo")
_memo.add_edge("write_memo", "approve_memo")
memo_three_ways = _memo

# A subgraph asks, the parent reads ------------------------------------------------------------------------------------


class Order(MessagesState):
    cleared: bool


def ask_clearance(state: Order):
    answer = interrupt({"order": 310, "destination": "Oslo"})
    return {"cleared": answer == "clear"}


_inner = StateGraph(Order)
_inner.add_node("ask", ask_clearance)
_inner.add_edge(START, "ask")


def ship(state: Order):
    if not state["cleared"]:
        return say("It stays in the warehouse.")
    effect("clearance_subgraph", "done", 310)
    return say("Shipped.")


_order = StateGraph(Order)
_order.add_node("clearance", _inner.compile())
_order.add_node("ship", ship)
_order.add_edge(START, "clearance")
_order.add_edge("clearance", "ship")
clearance_subgraph = _order

# A subgraph that goes on in its parent --------------------------------------------------------------------------------


def ask_up(state: MessagesState) -> Command:
    ok = interrupt({"wing": "north", "temperature": 26})
    return Command(graph=Command.PARENT, goto="act_up" if ok is True else "stay_up")


_up = StateGraph(MessagesState)
_up.add_node("ask", ask_up)
_up.add_edge(START, "ask")


def act_up(state: MessagesState):
    effect("parent_goto", "done", "north")
    return say("The cooling runs.")


def stay_up(state: MessagesState):
    return say("Nothing changes.")


_parent = StateGraph(MessagesState)
_parent.add_node("ask_below", _up.compile())
_parent.add_node("act_up", act_up)
_parent.add_node("stay_up", stay_up)
_parent.add_edge(START, "ask_below")
parent_goto = _parent

# Each of several, sent out at once ------------------------------------------------------------------------------------


class Batch(MessagesState):
    tickets: list[str]


def list_tickets(state: Batch):
    return {"tickets": ["T-1"]}


def fan_out(state: Batch):
    return [Send("close_one", {"ticket": each}) for each in state["tickets"]]


def close_one(state: dict[str, Any]):
    verdict = interrupt({"ticket": state["ticket"], "action": "close"})
    if verdict.get("approve", False):
        effect("send_tickets", "done", state["ticket"])
        return say(f"{state['ticket']} is closed.")
    return say(f"{state['ticket']} stays open.")


_batch = StateGraph(Batch)
_batch.add_node("list", list_tickets)
_batch.add_node("close_one", close_one)
_batch.add_edge(START, "list")
_batch.add_conditional_edges("list", fan_out, ["close_one"])
_batch.add_edge("close_one", END)
send_tickets = _batch

# The functional API ---------------------------------------------------------------------------------------------------


@task
def draft_letter(topic: str) -> str:
    return f"A letter about {topic}."


@task
def post_letter(letter: str) -> str:
    effect("letter_tasks", "done", letter)
    return "posted"


@entrypoint()
def letter_tasks(inputs: dict[str, Any]) -> dict[str, Any]:
    letter = draft_letter("rent").result()
    reply = interrupt({"letter": letter, "action": "post_letter"})
    if isinstance(reply, dict) and reply.get("status") == "accepted":
        return say(post_letter(letter).result())
    return say("The letter was not posted.")


# A task that asks -----------------------------------------------------------------------------------------------------


@task
async def ask_first(what: str) -> bool:
    answer = interrupt({"what": what, "hint": "answer with ok: true or ok: false"})
    return bool(answer["ok"])


@entrypoint()
async def asking_task(inputs: dict[str, Any]) -> dict[str, Any]:
    if await ask_first("rotate the keys"):
        effect("asking_task", "done", "rotate the keys")
        return say("Rotated.")
    return say("The keys stay.")


# A callable object ----------------------------------------------------------------------------------------------------


@dataclass
class Gatekeeper:
    """Lets through what somebody lets through."""

    words: frozenset[str] = frozenset({"open", "let it in"})
    log: list[str] = field(default_factory=list)

    def __call__(self, state: MessagesState) -> dict[str, Any]:
        answer = interrupt({"visitor": "courier", "gate": "south"})
        if answer in self.words:
            effect("gatekeeper", "done", "courier")
            return say("The gate is open.")
        return say("The gate stays closed.")


_keeper = StateGraph(MessagesState)
_keeper.add_node("keeper", Gatekeeper())
_keeper.add_edge(START, "keeper")
gatekeeper = _keeper

# A partial, and a RunnableLambda --------------------------------------------------------------------------------------


def confirm(state: MessagesState, subject: str, positive: str = "confirm"):
    value = interrupt({"subject": subject, "buttons": [positive, "dismiss"]})
    if value == positive:
        effect("partial_node", "done", subject)
        return say("Confirmed.")
    return say("Dismissed.")


_partial = StateGraph(MessagesState)
_partial.add_node("confirm", partial(confirm, subject="invoice 88"))
_partial.add_edge(START, "confirm")
partial_node = _partial


def _look(state: MessagesState):
    outcome = interrupt({"image": "nginx:1.29", "registry": "internal"})
    if outcome["verdict"].upper() == "PASS":
        effect("lambda_node", "done", "nginx:1.29")
        return say("Pushed.")
    return say("Not pushed.")


_runnable = StateGraph(MessagesState)
_runnable.add_node("look", RunnableLambda(_look))
_runnable.add_edge(START, "look")
lambda_node = _runnable

# A decorator that asks before the node --------------------------------------------------------------------------------


def asks_first(question: str) -> Callable[..., Any]:
    def decorate(node: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(node)
        def asking(state: MessagesState) -> Any:
            response = interrupt({"before": node.__name__, "question": question})
            if not response.get("proceed"):
                return say(f"{node.__name__} was not run: {response.get('reason', 'no reason')}")
            return node(state)

        return asking

    return decorate


@asks_first("Empty the recycle bin?")
def empty_bin(state: MessagesState):
    effect("decorated", "done", "bin")
    return say("Empty.")


decorated = chain(MessagesState, empty_bin)

# A method in a class with its own dependencies, async -----------------------------------------------------------------


@dataclass
class Deps:
    ledger: list[str]

    async def book(self, entry: str) -> None:
        self.ledger.append(entry)
        effect("ledger_flow", "done", entry)


class LedgerFlow:
    ACCEPT = "accept"

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

    async def gate(self, state: MessagesState) -> Command[Literal["book", "__end__"]]:
        decision = interrupt(self._request())
        if self._accepted(decision):
            return Command(goto="book")
        return Command(goto=END, update=say(f"Not booked. {decision.get('comment', '')}"))

    async def book(self, state: MessagesState) -> dict[str, Any]:
        await self.deps.book("rent 900")
        return say("Booked.")

    def _request(self) -> dict[str, Any]:
        return {"entry": "rent 900", "account": "4210"}

    def _accepted(self, decision: dict[str, Any]) -> bool:
        return decision.get("kind") == self.ACCEPT

    def build(self) -> StateGraph:
        graph = StateGraph(MessagesState)
        graph.add_node("gate", self.gate)
        graph.add_node("book", self.book)
        graph.add_edge(START, "gate")
        return graph


ledger_flow = LedgerFlow(Deps([])).build()

# A state that is a pydantic model -------------------------------------------------------------------------------------


class Sub(BaseModel):
    messages: Annotated[list[Any], operator.add] = Field(default_factory=list)
    approval: bool | None = None
    comment: str = ""


def ask_sub(state: Sub) -> dict[str, Any]:
    response = interrupt({"part": "R-100", "replacement": "R-101"})
    return {"approval": response.get("approval") == "granted", "comment": response.get("comment", "")}


def swap(state: Sub) -> dict[str, Any]:
    if state.approval is None or not state.approval:
        effect("swap_part", "not done", said=state.comment)
        return {"messages": [AIMessage("The part stays.")]}
    effect("swap_part", "done", "R-101")
    return {"messages": [AIMessage("Swapped.")]}


swap_part = chain(Sub, ask_sub, swap)

# The last of a list of verdicts ---------------------------------------------------------------------------------------


class Cards(MessagesState):
    verdicts: Annotated[list[dict[str, Any]], operator.add]


def await_verdict(state: Cards):
    return {"verdicts": [interrupt({"note": "call Ada back", "of": 1})]}


def record_verdict(state: Cards):
    verdict = state["verdicts"][-1]
    if verdict["choice"] == "defer":
        return say("Later, then.")
    if verdict["choice"] == "do":
        effect("card_verdicts", "done", "call Ada back")
        return say("Done.")
    return say("Contested.")


card_verdicts = chain(Cards, await_verdict, record_verdict)

# Two questions in one node: the first decides, the second tells more ---------------------------------------------------


def two_steps(state: MessagesState):
    approval = interrupt("Do you approve the output?")
    if approval != "yes":
        return say("Then I will not use it.")
    effect("two_steps_graph", "done", "output")
    note = interrupt("What do you think about it?")
    return say(f"Noted: {note}")


two_steps_graph = chain(MessagesState, two_steps)

# A policy that allows, denies or asks ---------------------------------------------------------------------------------


class Policy(TypedDict):
    outcome: str
    reason: str


def evaluate(tool_id: str) -> Policy:
    if tool_id == "read":
        return {"outcome": "allow", "reason": ""}
    return {"outcome": "ask", "reason": "it costs money"}


def research(state: MessagesState):
    decision = evaluate("web_research")
    if decision["outcome"] == "deny":
        return say("Denied.")
    if decision["outcome"] == "ask":
        resumed = interrupt({"kind": "permission_request", "tool_id": "web_research", "reason": decision["reason"]})
        if not isinstance(resumed, dict) or resumed.get("decision") != "allow":
            return say("Permission was denied or invalid.")
    effect("permission", "done", "web_research")
    return say("Researched.")


permission = chain(MessagesState, research)


META = {
    "risk_report": meta("done", "not done", value="prod-db"),
    "archive_task": meta("done", "not done", value="move the archive"),
    "fraud_case": meta("done", "not done", reason=True, value="c-41"),
    "nda_status": meta("done", "not done", reason=True, value="NDA", further=("escalate", "clause 4", "Legal has it now.")),
    "goto_map": meta("done", "not done", value="7.1"),
    "memo_three_ways": meta("done", "not done", value="Buy wheat.", further=("revise", "say how much", "say how much")),
    "clearance_subgraph": meta("done", "not done", value=310),
    "parent_goto": meta("done", "not done", value="north"),
    "send_tickets": meta("done", "not done", value="T-1"),
    "letter_tasks": meta("done", "not done", value="A letter about rent."),
    "asking_task": meta("done", "not done", value="rotate the keys"),
    "gatekeeper": meta("done", "not done", value="courier"),
    "partial_node": meta("done", "not done", value="invoice 88"),
    "lambda_node": meta("done", "not done", value="nginx:1.29"),
    "decorated": meta("done", "not done", value="bin"),
    "ledger_flow": meta("done", "not done", value="rent 900"),
    "swap_part": meta("done", "not done", reason=True, value="R-101"),
    "card_verdicts": meta("done", "not done", value="call Ada back"),
    "two_steps_graph": meta("done", "not done", value="output"),
    "permission": meta("done", "not done", value="web_research"),
    "vendor_graph": meta("done", "not done", reason=True, value="Globex"),
}
