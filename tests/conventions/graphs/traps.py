"""Traps: the words say one thing and the code another, or what is done is out of sight. `META` is as in `sample.py`."""

import contextlib
import functools
import logging
import os
import queue
from dataclasses import dataclass
from typing import Any, Optional

from effects import chain, effect, meta, say
from house.outbox import Outbox, finish, ledger
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

logger = logging.getLogger(__name__)


class Model:
    """Stands for a language model."""

    def invoke(self, messages: Any) -> AIMessage:
        return AIMessage(f"New, after {len(messages)} messages.")


llm = Model()

# Refusing has more effects than approving -----------------------------------------------------------------------------


class Renewal(MessagesState):
    renew: bool
    contract: str


def renewal_gate(state: Renewal):
    choice = interrupt({"type": "renewal", "contract": "c-17", "message": "Renew contract c-17 for one year?"})
    if choice == "renew":
        return {"renew": True, "contract": "c-17"}
    outbox = Outbox("renewal_mail")
    outbox.delete_draft("c-17")
    outbox.send_cancellation("c-17", reason="not renewed")
    outbox.refund("c-17", 120)
    return {"renew": False, "contract": "c-17"}


def log_metrics(state: Renewal):
    logger.info("renewal %s", state["renew"])
    return {}


def book_renewal(state: Renewal):
    if not state["renew"]:
        return say("Not renewed.")
    effect("renewal_mail", "done", state["contract"])
    return say("Renewed.")


renewal_mail = chain(Renewal, renewal_gate, log_metrics, book_renewal)

# One function ends both ways ------------------------------------------------------------------------------------------


def publish_gate(state: MessagesState):
    response = interrupt({"draft": "Version 2 is out.", "prompt": "Publish? Pass 'true' to approve."})
    ok = str(response).strip().lower() == "true"
    return finish("one_finish", approved=ok, text="Version 2 is out.")


one_finish = chain(MessagesState, publish_gate)

# The method's name is made of the answer ------------------------------------------------------------------------------


class Desk:
    def handle(self, state: MessagesState):
        choice = interrupt({"order": "buy 10 ACME", "options": ["execute", "drop"]})
        return getattr(self, f"do_{choice}")()

    def do_execute(self):
        effect("named_method", "done", "buy 10 ACME")
        return say("Bought.")

    def do_drop(self):
        effect("named_method", "not done")
        return say("Dropped.")


_g = StateGraph(MessagesState)
_g.add_node("handle", Desk().handle)
_g.add_edge(START, "handle")
named_method = _g

# A table of handlers --------------------------------------------------------------------------------------------------


def _deploy(state, note):
    effect("rollout_table", "done", "v1.4")
    return say("Deployed.")


def _rollback(state, note):
    effect("rollout_table", "not done", said=note)
    return say(f"Rolled back: {note}")


HANDLERS = {"promote": _deploy, "abort": _rollback}


def rollout(state: MessagesState):
    answer = interrupt({"action": "promote", "version": "v1.4", "choices": list(HANDLERS)})
    handler = HANDLERS.get(answer.get("choice"), _rollback)
    return handler(state, answer.get("note", ""))


rollout_table = chain(MessagesState, rollout)

# True means no --------------------------------------------------------------------------------------------------------


def pay_unless_held(state: MessagesState):
    hold = interrupt({"payment": "inv-9", "amount": 4000, "message": "The payment leaves now. Hold it?"})
    if hold:
        effect("hold_payment", "not done")
        return say("Held.")
    effect("hold_payment", "done", "inv-9")
    return say("Paid.")


hold_payment = chain(MessagesState, pay_unless_held)

# "rejected" under a negated name --------------------------------------------------------------------------------------


def import_gate(state: MessagesState):
    feedback = interrupt({"rows": 1200, "file": "users.csv", "message": "Import these rows?"})
    blocked = not feedback.get("go_ahead", False)
    if not blocked:
        effect("import_blocked", "done", "users.csv")
        return say("Imported.")
    effect("import_blocked", "not done", said=feedback.get("why"))
    return say("Not imported.")


import_blocked = chain(MessagesState, import_gate)

# A queue that a later node empties ------------------------------------------------------------------------------------

JOBS: "queue.Queue[dict]" = queue.Queue()


def enqueue(state: MessagesState):
    d = interrupt({"job": "reindex", "index": "products", "note": "Runs for two hours."})
    JOBS.put({"job": "reindex", "run": bool(d.get("ok"))})
    return {}


def worker(state: MessagesState):
    job = JOBS.get()
    if job["run"]:
        effect("job_queue", "done", job["job"])
        return say("Reindexed.")
    effect("job_queue", "not done")
    return say("Skipped.")


job_queue = chain(MessagesState, enqueue, worker)

# A refusal is caught --------------------------------------------------------------------------------------------------


class Denied(Exception):
    pass


def ensure(decision: dict) -> None:
    if decision.get("status") != "granted":
        raise Denied(decision.get("comment", ""))


def guarded(state: MessagesState):
    decision = interrupt({"resource": "prod-db", "user": "eve", "ask": "Grant access?"})
    try:
        ensure(decision)
        effect("denied_by_error", "done", "eve")
        return say("Granted.")
    except Denied as denied:
        effect("denied_by_error", "not done", said=str(denied))
        return say("Denied.")


denied_by_error = chain(MessagesState, guarded)

# Finally, and a flag --------------------------------------------------------------------------------------------------


def vacuum(state: MessagesState):
    done = False
    try:
        go = interrupt({"task": "vacuum", "table": "events"})
        if go is not True:
            return say("Skipped.")
        done = True
        return say("Vacuumed.")
    finally:
        if done:
            effect("done_at_last", "done", "events")


done_at_last = chain(MessagesState, vacuum)

# Anonymise or send as it is: both act ---------------------------------------------------------------------------------


class Pii(MessagesState):
    human_approved: bool


async def pii_gate(state: Pii):
    decision = interrupt({"question": "Souhaitez-vous que je les anonymise avant de continuer sur le web ?", "options": ["oui", "non"]})
    if str(decision).lower().strip() in ["yes", "oui"]:
        return {"human_approved": True}
    return {"human_approved": False}


async def search_web(state: Pii):
    text = "<NAME>" if state["human_approved"] else "Ada Lovelace"
    effect("pii_search", "done" if state["human_approved"] else "sent raw", text)
    return say("Recherche faite.")


pii_search = chain(Pii, pii_gate, search_web)

# A global that a later node reads -------------------------------------------------------------------------------------

SETTINGS = {"armed": False}


def arm(state: MessagesState):
    SETTINGS["armed"] = interrupt({"device": "valve-3", "request": "open"}) == "open"
    return {}


def fire(state: MessagesState):
    if SETTINGS["armed"]:
        effect("armed_valve", "done", "valve-3")
        return say("Opened.")
    effect("armed_valve", "not done")
    return say("Closed.")


armed_valve = chain(MessagesState, arm, fire)

# The ledger writes both, the amount tells -----------------------------------------------------------------------------


def refund_node(state: MessagesState):
    decision = interrupt({"kind": "refund", "order": "A100", "amount": 18.0})
    approved = decision.get("approved") if isinstance(decision, dict) else decision == "approve"
    ledger.append("refund_ledger", amount=18.0 if approved else 0.0)
    return say("Refund queued." if approved else "Refund blocked.")


refund_ledger = chain(MessagesState, refund_node)

# An environment that approves on its own ------------------------------------------------------------------------------


def approval_gate(state: MessagesState):
    if os.getenv("AUTO_APPROVE", "false").lower() == "true":
        answer = {"approved": True}
    else:
        answer = interrupt({"type": "approval", "spec_markdown": "# Spec", "bundle_path": "out/b.zip"})
    approved = answer.get("approved", False) if isinstance(answer, dict) else False
    feedback = answer.get("feedback", "") if isinstance(answer, dict) else ""
    if approved:
        effect("env_gate", "done", "out/b.zip")
        return say("Codebase approved.")
    effect("env_gate", "not done", said=feedback[:200])
    return say(f"Codebase rejected: {feedback}")


env_gate = chain(MessagesState, approval_gate)

# A decorator that asks ------------------------------------------------------------------------------------------------


def requires_approval(action: str):
    def wrap(function):
        @functools.wraps(function)
        def inner(state):
            answer = interrupt({"action": action, "message": f"{action}?"})
            if answer != "approved":
                effect("decorated", "not done")
                return say(f"{action}: not approved")
            return function(state)

        return inner

    return wrap


@requires_approval("scale down")
def scale_down(state: MessagesState):
    effect("decorated", "done", "scale down")
    return say("Scaled down.")


decorated = chain(MessagesState, scale_down)

# The whole answer into the state --------------------------------------------------------------------------------------


class Job(MessagesState):
    human_review: Optional[dict]
    caption: str


async def human_gate(state: Job):
    payload = {"job_id": "j-3", "caption": "Neuer Sommer-Look", "cost_so_far": 12}
    decision = interrupt(payload)
    return {"human_review": decision, "caption": "Neuer Sommer-Look"}


def route_review(state: Job) -> str:
    review = state.get("human_review") or {}
    if review.get("decision") == "approved":
        return "post"
    if review.get("decision") == "edited":
        return "apply_edit"
    return "regenerate"


def apply_edit(state: Job):
    return {"caption": state["human_review"].get("caption", state["caption"])}


def post(state: Job):
    effect("whole_answer", "done", state["caption"])
    return say("Gepostet.")


def regenerate(state: Job):
    effect("whole_answer", "not done", said=(state["human_review"] or {}).get("motif"))
    return say("Verworfen.")


_g = StateGraph(Job)
for _n in (human_gate, apply_edit, post, regenerate):
    _g.add_node(_n)
_g.add_edge(START, "human_gate")
_g.add_conditional_edges("human_gate", route_review, ["post", "apply_edit", "regenerate"])
_g.add_edge("apply_edit", "post")
whole_answer = _g

# A plain dataclass made of the answer ---------------------------------------------------------------------------------


@dataclass
class VoiceOutcome:
    completed: bool = False
    transcript: str = ""


def voice_node(state: MessagesState):
    outcome = interrupt({"await": "call", "case_id": "k-1", "brief": "Close the case after the call."})
    result = VoiceOutcome(**outcome) if isinstance(outcome, dict) else VoiceOutcome()
    if result.completed:
        effect("voice_outcome", "done", "k-1")
        return say("Closed.")
    effect("voice_outcome", "not done", said=result.transcript)
    return say("Open.")


voice_outcome = chain(MessagesState, voice_node)

# "approve" sends it, anything else is the corrected answer ------------------------------------------------------------


class Answer(MessagesState):
    answer: str
    confidence: float


def low_confidence(state: Answer):
    return {"answer": "The limit is 50.", "confidence": 0.3}


def hitl_checkpoint(state: Answer):
    answer, confidence = state["answer"], state["confidence"]
    if confidence < 0.6:
        human_decision = interrupt({
            "answer": answer, "confidence": confidence,
            "instruction": "Type 'approve' to send it, or provide a corrected answer.",
        })
        if isinstance(human_decision, str) and human_decision.lower() != "approve":
            return {"answer": human_decision, "confidence": 1.0}
        return {"confidence": 0.6}
    return {}


def send_answer(state: Answer):
    effect("corrected_answer", "done", state["answer"])
    return say(state["answer"])


corrected_answer = chain(Answer, low_confidence, hitl_checkpoint, send_answer)

# A context manager that asks ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def gate(question: str):
    yield interrupt({"question": question, "item": "invoice 4"}) == "ok"


def with_gate(state: MessagesState):
    with gate("Delete invoice 4?") as ok:
        if ok:
            effect("gate_manager", "done", "invoice 4")
            return say("Deleted.")
        effect("gate_manager", "not done")
        return say("Kept.")


gate_manager = chain(MessagesState, with_gate)

# Refused, so a model writes anew, in the same node, and sends ---------------------------------------------------------


def generate_question(state: MessagesState):
    question = "What is a monad?"
    approval = interrupt({"question": question, "type": "question_approval", "prompt": "这道题是否合适？"})
    if isinstance(approval, dict) and approval.get("approved") is False:
        question = llm.invoke([HumanMessage("another one")]).content
    effect("asked_anew", "done", question)
    return say(question)


asked_anew = chain(MessagesState, generate_question)


META = {
    "renewal_mail": meta("done", "not done", value="c-17"),
    "one_finish": meta("done", "not done", value="Version 2 is out."),
    "named_method": meta("done", "not done", value="buy 10 ACME"),
    "rollout_table": meta("done", "not done", reason=True, value="v1.4"),
    "hold_payment": meta("done", "not done", value="inv-9"),
    "import_blocked": meta("done", "not done", reason=True, value="users.csv"),
    "job_queue": meta("done", "not done", value="reindex"),
    "denied_by_error": meta("done", "not done", reason=True, value="eve"),
    "done_at_last": meta("done", "not done", value="events"),
    "pii_search": meta("done", "not done", value="<NAME>"),
    "armed_valve": meta("done", "not done", value="valve-3"),
    "refund_ledger": meta("done", "not done", value=18.0),
    "env_gate": meta("done", "not done", reason=True, value="out/b.zip"),
    "decorated": meta("done", "not done", value="scale down"),
    "whole_answer": meta("done", "not done", edit={"caption": "EDITED Look"}, reason=True, value="Neuer Sommer-Look"),
    "voice_outcome": meta("done", "not done", reason=True, value="k-1"),
    "corrected_answer": meta("done", "stop", edit={"answer": "EDITED 60"}, value="The limit is 50."),
    "gate_manager": meta("done", "not done", value="invoice 4"),
    "asked_anew": meta("done", "stop", value="What is a monad?"),
}
