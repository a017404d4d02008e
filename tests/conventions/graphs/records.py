"""Nodes that write the answer down, count or repeat before it decides, and refusals that go another way round."""

import asyncio
import json
import logging
from enum import Enum
from typing import Annotated, Any, Literal
import operator

from effects import chain, effect, meta, one_call, say
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt
from pydantic import BaseModel, Field

logger = logging.getLogger(__name__)

# A pydantic state that the node changes in place, words with a capital ------------------------------------------------


class SOCState(BaseModel):
    messages: Annotated[list[Any], operator.add] = Field(default_factory=list)
    incident_report: dict[str, Any] | None = None
    report_approval_status: str = "pending"
    status: str = "open"
    notes: list[str] = Field(default_factory=list)


def write_report(state: SOCState):
    return {"incident_report": {"host": "db-9", "measure": "isolate"}}


def human_approval_checkpoint(state: SOCState):
    action = interrupt({"message": "Approval required. Please review the incident report.", "report": state.incident_report})
    if action == "Approve":
        state.report_approval_status = "approved"
        state.status = "escalated"
    elif action == "Reject":
        state.report_approval_status = "rejected"
        state.status = "revision_requested"
    elif action == "Hold":
        state.status = "hold"
    state.notes.append(f"HITL Decision: {action}")
    return {"status": state.status, "report_approval_status": state.report_approval_status, "notes": state.notes}


def isolate(state: SOCState):
    if state.status == "escalated":
        effect("soc_checkpoint", "done", "db-9")
        return {"messages": [AIMessage("db-9 is isolated.")]}
    effect("soc_checkpoint", "not done")
    return {"messages": [AIMessage(f"Nothing was isolated: {state.status}")]}


soc_checkpoint = chain(SOCState, write_report, human_approval_checkpoint, isolate)

# A class with a store: both outcomes are written down before the decision counts --------------------------------------


class ApprovalStatus(str, Enum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class ApprovalStore:
    def __init__(self) -> None:
        self.rows: dict[str, ApprovalStatus] = {}

    def save(self, approval_id: str) -> None:
        self.rows.setdefault(approval_id, ApprovalStatus.PENDING)

    def update_approval_status(self, approval_id: str, status: ApprovalStatus, reviewer: str) -> None:
        self.rows[approval_id] = status


class Executor:
    def __init__(self, store: ApprovalStore) -> None:
        self.store = store

    def execute(self, state: MessagesState):
        approval_id = "appr-1"
        self.store.save(approval_id)
        payload = {"table": "orders", "statement": "DROP COLUMN legacy"}
        human_decision = interrupt({
            "approval_id": approval_id,
            "action": "migrate",
            "arguments": payload,
            "prompt": "Action 'migrate' requires human review and authorization.",
        })
        is_approved = False
        if isinstance(human_decision, dict):
            is_approved = bool(human_decision.get("approved", False))
        elif isinstance(human_decision, bool):
            is_approved = human_decision
        new_status = ApprovalStatus.APPROVED if is_approved else ApprovalStatus.REJECTED
        self.store.update_approval_status(approval_id=approval_id, status=new_status, reviewer="human_reviewer")
        if not is_approved:
            effect("migration_store", "not done")
            return say("The migration was rejected.")
        effect("migration_store", "done", payload)
        return say("Migrated.")


_executor = Executor(ApprovalStore())
_g = StateGraph(MessagesState)
_g.add_node("execute", _executor.execute)
_g.add_edge(START, "execute")
migration_store = _g

# The same function for both outcomes, another argument ----------------------------------------------------------------


def stage_saga_reply(order_id: str, wire_status: str, ledger: str) -> None:
    effect("order_saga", "done" if wire_status == "SUCCESS" else "not done", order_id)


def risk_node(state: MessagesState):
    order_id, amount = "o-55", 900.0
    if amount > 200.0:
        logger.warning("Risk threshold exceeded for %s", order_id)
        human_verdict = interrupt({
            "message": f"Transaction of ${amount} breaches limit threshold. Review required.",
            "order_id": order_id,
            "amount": amount,
        })
        logger.info(f"Manual operator review verdict received -> {human_verdict}")
        if str(human_verdict).upper() == "APPROVE":
            stage_saga_reply(order_id, wire_status="SUCCESS", ledger="CREDIT_APPROVED")
            return say("Paid.")
        stage_saga_reply(order_id, wire_status="FAILED", ledger="FRAUD_REJECTED")
        return say("Refused.")
    stage_saga_reply(order_id, wire_status="SUCCESS", ledger="CREDIT_APPROVED")
    return say("Paid.")


order_saga = chain(MessagesState, risk_node)

# Refusing asks again (goto itself), anything else goes on -------------------------------------------------------------


class PlanState(MessagesState):
    plan: list[str]
    approved: bool | None
    user_input: str | None


def make_plan(state: PlanState):
    return {"plan": ["搜索", "预订", "付款"], "approved": None}


async def plan_review(state: PlanState):
    plan = state.get("plan", [])
    result = interrupt({"type": "human_review", "plan": plan, "message": "请审核以下计划。点击「批准」继续执行，或点击「修改」调整计划。"})
    approved = result.get("approved") if result else None
    user_input = result.get("user_input") if result else None
    if approved is False:
        return Command(goto="plan_review", update={"approved": None, "user_input": "modified"})
    return {"approved": approved, "user_input": user_input}


async def execute_plan(state: PlanState):
    effect("plan_again", "done", state["plan"])
    return say("计划已执行。")


_g = StateGraph(PlanState)
_g.add_node(make_plan)
_g.add_node(plan_review)
_g.add_node(execute_plan)
_g.add_edge(START, "make_plan")
_g.add_edge("make_plan", "plan_review")
_g.add_edge("plan_review", "execute_plan")
plan_again = _g

# A gate with a cancel flag; numbers may be changed --------------------------------------------------------------------


class ClipState(MessagesState):
    chosen: dict[str, float]


def clip_gate(state: ClipState):
    chosen = {"start": 10.0, "end": 40.0}
    decision = interrupt({"type": "clip_selection", "chosen": chosen, "start": 10.0, "end": 40.0}) or {}
    if decision.get("cancel"):
        effect("clip_choice", "not done")
        return say("[clip_gate] 사용자 취소")
    if decision.get("start") is not None and decision.get("end") is not None:
        chosen = {"start": float(decision["start"]), "end": float(decision["end"])}
    effect("clip_choice", "done", chosen)
    return say("클립을 만들었습니다.")


clip_choice = chain(ClipState, clip_gate)

# A refusal too many is taken for an approval --------------------------------------------------------------------------

_MAX_RETRIES = 3


class CourseState(MessagesState):
    retry_count: int
    curriculum_approved: bool
    curriculum_feedback: str


async def curriculum(state: CourseState):
    return {"retry_count": state.get("retry_count", 3)}


async def curriculum_review(state: CourseState) -> dict:
    retry_count: int = state.get("retry_count", 0)
    verdict = interrupt({"curriculum_plan": {"weeks": 4}, "retry_count": retry_count, "max_retries": _MAX_RETRIES})
    if verdict["approved"]:
        return {"curriculum_approved": True, "curriculum_feedback": ""}
    retry_context: str = verdict.get("retry_context", "").strip()
    if retry_count >= _MAX_RETRIES:
        logger.warning("Retry limit reached — forcing curriculum approval")
        return {"curriculum_approved": True, "curriculum_feedback": retry_context}
    return {"curriculum_approved": False, "curriculum_feedback": retry_context, "retry_count": retry_count + 1}


def after_curriculum(state: CourseState) -> str:
    return "publish_course" if state["curriculum_approved"] else "curriculum"


async def publish_course(state: CourseState):
    effect("forced_course", "done", {"weeks": 4})
    return say("The course is published.")


_g = StateGraph(CourseState)
for _n in (curriculum, curriculum_review, publish_course):
    _g.add_node(_n)
_g.add_edge(START, "curriculum")
_g.add_edge("curriculum", "curriculum_review")
_g.add_conditional_edges("curriculum_review", after_curriculum, ["publish_course", "curriculum"])
forced_course = _g

# A refusal is an exception --------------------------------------------------------------------------------------------


class ToolProxy:
    def __init__(self, sensitive: list[str]) -> None:
        self.sensitive = sensitive

    async def _check_hitl_approval(self, tool_name: str, tool_args: dict) -> None:
        if tool_name not in self.sensitive:
            return
        user_decision = interrupt({
            "event": "tool_approval_required", "tool_name": tool_name, "tool_args": tool_args, "message": "Approve execution?",
        })
        if isinstance(user_decision, dict) and user_decision.get("action") == "reject":
            raise ValueError(f"User rejected execution of tool: {tool_name}")
        elif isinstance(user_decision, str) and user_decision.lower() in ["n", "no", "reject"]:
            raise ValueError(f"User rejected execution of tool: {tool_name}")

    async def call_tool(self, tool_name: str, arguments: dict) -> str:
        await self._check_hitl_approval(tool_name, arguments)
        effect("key_rotation", "done", arguments)
        return "rotated"


_proxy = ToolProxy(["rotate_keys"])


@tool
async def rotate_keys(service: str) -> str:
    """Rotate the keys of a service."""
    return await _proxy.call_tool("rotate_keys", {"service": service})


key_rotation = one_call("rotate_keys", {"service": "billing"}, ToolNode([rotate_keys], handle_tool_errors=True), "key_rotation")

# Consent with a cache, written down before it is read -----------------------------------------------------------------

CONSENT_LOG: list[dict] = []
SESSION_CACHE: set[str] = set()


async def record_consent_decision(thread_id: str, tool_name: str, user_decision: Any, allow_session_cache: bool) -> None:
    CONSENT_LOG.append({"thread": thread_id, "tool": tool_name, "decision": user_decision})
    if user_decision == "allow_session" and allow_session_cache:
        SESSION_CACHE.add(tool_name)


async def consent_node(state: MessagesState):
    call = {"tool_name": "shell", "tool_input": {"cmd": "rm -r build"}}
    user_decision = interrupt({
        "type": "consent_request", "tool_name": call["tool_name"], "tool_input": call["tool_input"],
        "severity": "high", "allow_session_cache": True,
    })
    await record_consent_decision("t", call["tool_name"], user_decision, True)
    if user_decision in ("allow_once", "allow_session"):
        effect("shell_consent", "done", call["tool_input"])
        return say("Ran it.")
    effect("shell_consent", "not done")
    return say("Denied by the user.")


shell_consent = chain(MessagesState, consent_node)

# Only "deny" stops it -------------------------------------------------------------------------------------------------


class Permissions:
    def __init__(self) -> None:
        self.always: set[str] = set()

    def remember(self, name: str) -> None:
        self.always.add(name)


permissions = Permissions()


def run_calls(state: MessagesState):
    messages = []
    for call_id, name, args in (("c1", "write_file", {"path": "a.txt"}),):
        outcome = interrupt({"call_id": call_id, "tool": name, "args": args, "reason": f"{name!r} has side effects."})
        if outcome == "allow_always":
            permissions.remember(name)
        if outcome == "deny":
            effect("only_deny", "not done")
            messages.append(AIMessage(f"The user declined to run {name!r}."))
            continue
        effect("only_deny", "done", args)
        messages.append(AIMessage(f"ran {name}"))
    return {"messages": messages}


only_deny = chain(MessagesState, run_calls)

# The result of the tool is a text that a model acts upon --------------------------------------------------------------


@tool
def request_permission(action: str) -> str:
    """Ask whether an action is allowed."""
    reply = interrupt({"kind": "permission", "action": action})
    return "APPROVED" if str(reply).strip().lower() in {"ok", "approve", "yes"} else f"DENIED: {reply}"


@tool
def purge_bucket(name: str) -> str:
    """Delete everything in a bucket."""
    effect("two_tools", "done", name)
    return "purged"


def _agent(state: MessagesState):
    last = state["messages"][-1]
    if isinstance(last, ToolMessage):
        if last.name == "request_permission" and last.content == "APPROVED":
            return {"messages": [AIMessage("", tool_calls=[{"name": "purge_bucket", "args": {"name": "logs"}, "id": "c2"}])]}
        if last.name == "request_permission":
            effect("two_tools", "not done", said=last.content)
        return say(f"Finished: {last.content}")
    return {"messages": [AIMessage("", tool_calls=[{"name": "request_permission", "args": {"action": "purge logs"}, "id": "c1"}])]}


_g = StateGraph(MessagesState)
_g.add_node("agent", _agent)
_g.add_node("tools", ToolNode([request_permission, purge_bucket], handle_tool_errors=False))
_g.add_edge(START, "agent")
_g.add_conditional_edges("agent", lambda s: "tools" if getattr(s["messages"][-1], "tool_calls", None) else END, ["tools", END])
_g.add_edge("tools", "agent")
two_tools = _g

# JSON in a text -------------------------------------------------------------------------------------------------------


def json_gate(state: MessagesState):
    raw = interrupt({"proposal": "raise price to 12", "price": 12})
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except json.JSONDecodeError:
            raw = {"decision": "reject", "comment": raw}
    if raw["decision"] == "approve":
        effect("price_json", "done", 12)
        return say("Raised.")
    effect("price_json", "not done", said=raw.get("comment"))
    return say("Not raised.")


price_json = chain(MessagesState, json_gate)

# Per call, then executed ----------------------------------------------------------------------------------------------


def tools_node(state: MessagesState):
    calls = [{"id": "a", "name": "run_command", "args": {"command": "reload"}}]
    verdict: dict = {}
    for call in calls:
        approved = interrupt({"action": "device_command", "tool": call["name"], "command": call["args"]["command"]})
        verdict[call["id"]] = True if approved else "REJECTED: the reviewer declined this command."
    out = []
    for call in calls:
        gate = verdict.get(call["id"])
        if gate is not True:
            effect("per_call", "not done")
            out.append(AIMessage(str(gate)))
            continue
        effect("per_call", "done", call["args"])
        out.append(AIMessage("ok"))
    return {"messages": out}


per_call = chain(MessagesState, tools_node)

# A factory, a dict or the word, an Enum in the state ------------------------------------------------------------------


def make_plan_approval(worker: str):
    async def plan_approval(state: MessagesState):
        resume_value = interrupt({"type": "plan_approval_request", "feature": "login", "exec_worker": worker})
        approved = resume_value.get("approved") if isinstance(resume_value, dict) else resume_value == "approve"
        if approved:
            await asyncio.sleep(0)
            effect("plan_factory", "done", worker)
            return say("Routed.")
        reason = resume_value.get("feedback") if isinstance(resume_value, dict) else str(resume_value)
        effect("plan_factory", "not done", said=reason)
        return say(f"Revise: {reason}")

    return plan_approval


_g = StateGraph(MessagesState)
_g.add_node("plan_approval", make_plan_approval("coder"))
_g.add_edge(START, "plan_approval")
plan_factory = _g

# Approve, edit, respond and ignore over two nodes with a status constant ----------------------------------------------

ACCEPT, FEEDBACK, REPLACE = "accept", "feedback", "replace"


class News(MessagesState):
    draft: str
    status: str
    notes: str


def write_news(state: News):
    return {"draft": "Rates rise.", "status": "drafted", "notes": ""}


def _revise_update(resume: Any) -> dict:
    if isinstance(resume, str):
        text = resume.strip()
        if text.lower() == ACCEPT:
            return {"status": "accepted"}
        if text:
            return {"status": "replaced", "draft": text}
        return {"status": "error"}
    if isinstance(resume, dict):
        action = (resume.get("action") or "").strip().lower()
        if action == ACCEPT:
            return {"status": "accepted"}
        if action == FEEDBACK:
            return {"status": "feedback", "notes": (resume.get("feedback") or "").strip()}
        if action == REPLACE:
            return {"status": "replaced", "draft": (resume.get("draft") or "").strip()}
    return {"status": "error"}


def revise_human(state: News):
    resume = interrupt({"kind": "revise_review", "draft": state["draft"],
                        "resume_help": "accept, feedback or replace (or paste your own draft)"})
    return _revise_update(resume)


def after_revise(state: News) -> Literal["error_node", "revise", "print_news"]:
    if state["status"] == "error":
        return "error_node"
    if state["status"] == "feedback":
        return "revise"
    return "print_news"


def error_node(state: News):
    effect("news_desk", "not done", said="error")
    return say("Nothing usable.")


def revise(state: News):
    effect("news_desk", "not done", said=state["notes"])
    return say(f"To be revised: {state['notes']}")


def print_news(state: News):
    effect("news_desk", "done", state["draft"])
    return say("Printed.")


_g = StateGraph(News)
for _n in (write_news, revise_human, error_node, revise, print_news):
    _g.add_node(_n)
_g.add_edge(START, "write_news")
_g.add_edge("write_news", "revise_human")
_g.add_conditional_edges("revise_human", after_revise)
news_desk = _g

# Steps of a plan: continue, skip, abort, modify -----------------------------------------------------------------------


def steps(state: MessagesState):
    for step in ("drain node",):
        approval = interrupt({"type": "step_approval", "step": step, "options": ["continue", "skip", "abort", "modify"]})
        if approval.get("action") == "abort":
            effect("plan_steps", "not done")
            return say("用户中止执行")
        elif approval.get("action") == "skip":
            continue
        elif approval.get("action") == "modify":
            step = approval.get("modified_step", step)
        effect("plan_steps", "done", step)
    return say("完成")


plan_steps = chain(MessagesState, steps)


META = {
    "soc_checkpoint": meta("done", "not done", value="db-9"),
    "migration_store": meta("done", "not done", value={"table": "orders", "statement": "DROP COLUMN legacy"}),
    "order_saga": meta("done", "not done", value="o-55"),
    "plan_again": meta("done", "stop", value=["搜索", "预订", "付款"]),
    "clip_choice": meta("done", "not done", edit={"start": 12.0}, value={"start": 10.0, "end": 40.0}),
    "forced_course": meta("done", "stop", value={"weeks": 4}),
    "key_rotation": meta("done", "not done", value={"service": "billing"}),
    "shell_consent": meta("done", "not done", value={"cmd": "rm -r build"}),
    "only_deny": meta("done", "not done", value={"path": "a.txt"}),
    "two_tools": meta("done", "not done", value="logs"),
    "price_json": meta("done", "not done", reason=True, value=12),
    "per_call": meta("done", "not done", value={"command": "reload"}),
    "plan_factory": meta("done", "not done", reason=True, value="coder"),
    "news_desk": meta("done", "not done", edit={"draft": "EDITED fall"}, reason=True, value="Rates rise."),
    "plan_steps": meta("done", "not done", edit={"step": "EDITED drain"}, value="drain node"),
}
