"""Nodes that take more than a yes or a no: a text, changed fields, a part of a plan, what is to be done next."""

import json
from typing import Annotated, Any, Literal, TypedDict
import operator

from effects import chain, effect, meta, say
from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel, Field


class Draft(MessagesState):
    draft: str
    approved: bool
    feedback: str


def write(state: Draft):
    return {"draft": "Thank you for your patience."}


# Approved, with an edited text beside it ------------------------------------------------------------------------------


def review_reply(state: Draft) -> Command[Literal["send_reply", "__end__"]]:
    human_decision = interrupt(
        {"email_id": "m-3", "draft_response": state["draft"], "urgency": "high", "action": "Please review and approve or edit"}
    )
    if human_decision.get("approved"):
        return Command(update={"draft": human_decision.get("edited_response", state["draft"])}, goto="send_reply")
    return Command(goto=END, update=say("Not sent."))


def send_reply(state: Draft):
    effect("edited_response", "done", state["draft"])
    return say("Sent.")


_reply = StateGraph(Draft)
_reply.add_node("write", write)
_reply.add_node("review", review_reply)
_reply.add_node("send_reply", send_reply)
_reply.add_edge(START, "write")
_reply.add_edge("write", "review")
edited_response = _reply

# Type 'approve', or the answer that is right --------------------------------------------------------------------------


def low_confidence(state: Draft):
    human_decision = interrupt(
        {"reason": "low confidence", "answer": state["draft"], "instruction": "Type 'approve', or provide a corrected answer."}
    )
    if isinstance(human_decision, str) and human_decision.lower() != "approve":
        return {"draft": human_decision}
    return {}


def give_answer(state: Draft):
    effect("corrected_answer", "done", state["draft"])
    return say(state["draft"])


corrected_answer = chain(Draft, write, low_confidence, give_answer)

# A patch over what there was ------------------------------------------------------------------------------------------


def deploy(state: MessagesState):
    plan = {"image": "api:2", "replicas": 2}
    resume = interrupt({"kind": "deploy_plan", "plan": plan})
    match resume:
        case {"verdict": "accept"}:
            pass
        case {"verdict": "adjust", "patch": dict(patch)}:
            plan = {**plan, **patch}
        case _:
            return say("Not deployed.")
    effect("patch_plan", "done", plan)
    return say("Deployed.")


patch_plan = chain(MessagesState, deploy)

# A text that begins with a mark ---------------------------------------------------------------------------------------


def plan_feedback(state: Draft) -> Command[Literal["run_plan", "replan"]]:
    feedback = interrupt({"plan": "read, compare, write", "message": "Please review the plan."})
    if feedback and str(feedback).upper().startswith("[EDIT_PLAN]"):
        return Command(update={"feedback": str(feedback)[len("[EDIT_PLAN]") :].strip()}, goto="replan")
    if feedback and str(feedback).upper().startswith("[ACCEPTED]"):
        return Command(goto="run_plan")
    raise TypeError(f"a feedback of {feedback!r} is not supported")


def run_plan(state: Draft):
    effect("marked_plan", "done", "read, compare, write")
    return say("The plan runs.")


def replan(state: Draft):
    effect("marked_plan", "text", state["feedback"])
    return say(f"A new plan: {state['feedback']}")


_marked = StateGraph(Draft)
_marked.add_node("ask", plan_feedback)
_marked.add_node("run_plan", run_plan)
_marked.add_node("replan", replan)
_marked.add_edge(START, "ask")
marked_plan = _marked

# Feedback in a dict or nothing at all ---------------------------------------------------------------------------------


def approve_trip(state: Draft):
    feedback = interrupt(
        {
            "question": "Do you approve this itinerary?",
            "draft_itinerary": state["draft"],
            "expected_response": {"approved": True, "feedback": "optional feedback for a revision"},
        }
    )
    feedback = feedback if isinstance(feedback, dict) else {}
    return {"approved": bool(feedback.get("approved", False)), "feedback": str(feedback.get("feedback", ""))}


def finish_trip(state: Draft):
    if state.get("approved"):
        effect("itinerary", "done", state["draft"])
        return say("Booked.")
    effect("itinerary", "not done", said=state["feedback"])
    return say(f"Not booked. {state['feedback']}")


itinerary = chain(Draft, write, approve_trip, finish_trip)

# Approve, reject or feedback, in which approval is the default --------------------------------------------------------


def approve_cold(state: Draft) -> Command[Literal["send_cold", "write", "__end__"]]:
    human_decision = interrupt(
        {
            "question": "approve, reject, or give feedback for regeneration",
            "email": state["draft"],
            "expected_format": {"decision": "approve | reject | feedback", "feedback": "only if decision == feedback"},
        }
    )
    decision_type = human_decision.get("decision", "approve")
    if decision_type == "approve":
        return Command(goto="send_cold")
    if decision_type == "reject":
        return Command(goto=END, update=say("Stopped."))
    return Command(update={"feedback": human_decision.get("feedback", "")}, goto="write")


def send_cold(state: Draft):
    effect("cold_email", "done", state["draft"])
    return say("Sent.")


_cold = StateGraph(Draft)
_cold.add_node("write", write)
_cold.add_node("human", approve_cold)
_cold.add_node("send_cold", send_cold)
_cold.add_edge(START, "write")
_cold.add_edge("write", "human")
cold_email = _cold

# Fields of its own, each with what there was as default ---------------------------------------------------------------


def review_invoice(state: MessagesState):
    invoice = {"customer": "ACME", "total": 120, "due": "2026-12-01"}
    data = interrupt({"invoice": invoice, "editable": ["total", "due"]})
    if data.get("status") != "ok":
        effect("invoice_fields", "not done", said=data.get("remark"))
        return say("Not sent.")
    final = {**invoice, "total": data.get("total", invoice["total"]), "due": data.get("due", invoice["due"])}
    effect("invoice_fields", "done", final)
    return say("Sent.")


invoice_fields = chain(MessagesState, review_invoice)

# A plan as JSON text --------------------------------------------------------------------------------------------------


def edit_queries(state: MessagesState):
    queries = ["tides", "moons"]
    answer = interrupt({"queries": queries, "message": "Reply ok, or with a JSON list."})
    if answer.strip() != "ok":
        try:
            queries = json.loads(answer)
        except json.JSONDecodeError:
            return say("That was no JSON, so nothing was searched.")
    effect("json_queries", "done", queries)
    return say(f"Searched {queries}.")


json_queries = chain(MessagesState, edit_queries)

# Continue, skip, abort or modify, for each step -----------------------------------------------------------------------


def steps(state: MessagesState):
    plan, done = ["drain node", "upgrade node"], []
    for number, step in enumerate(plan):
        step_approval = interrupt(
            {"type": "step_approval", "step": step, "number": number, "options": ["continue", "skip", "abort", "modify"]}
        )
        if step_approval.get("action") == "abort":
            return say(f"Aborted after {done}.")
        if step_approval.get("action") == "skip":
            continue
        if step_approval.get("action") == "modify":
            step = step_approval.get("modified_step", step)
        effect("step_loop", "done", step)
        done.append(step)
    return say(f"Did {done}.")


step_loop = chain(MessagesState, steps)

# A form in a pydantic model with defaults -----------------------------------------------------------------------------


class Amendment(BaseModel):
    decision: Literal["accept", "amend", "refuse"] = "refuse"
    subject: str | None = None
    body: str | None = Field(default=None, alias="text")


def newsletter(state: MessagesState):
    issue = {"subject": "News", "text": "It is spring."}
    amendment = Amendment.model_validate(interrupt({"issue": issue}))
    if amendment.decision == "refuse":
        return say("Not sent.")
    if amendment.decision == "amend":
        issue = {"subject": amendment.subject or issue["subject"], "text": amendment.body or issue["text"]}
    effect("newsletter_graph", "done", issue)
    return say("Sent.")


newsletter_graph = chain(MessagesState, newsletter)

# Which of them -------------------------------------------------------------------------------------------------------


def pick_matches(state: MessagesState):
    flagged = ["match-1", "match-2"]
    human_response = interrupt({"flagged_matches": flagged, "instructions": '{"approved": ["match-1", ...], "rejected": [...]}'})
    approved = human_response.get("approved", []) if isinstance(human_response, dict) else []
    if approved:
        effect("pick_matches_graph", "done", approved)
    return say(f"{len(approved)} approved.")


pick_matches_graph = chain(MessagesState, pick_matches)

# Whatever comes is the text -------------------------------------------------------------------------------------------


def confirm_task(state: Draft):
    confirmed = interrupt({"question": f"Proposed: {state['draft']!r}. Confirm, or provide your own.", "stage": "ask"})
    effect("own_task", "text", confirmed)
    return {"draft": confirmed, "messages": [HumanMessage(str(confirmed))]}


own_task = chain(Draft, write, confirm_task)

# A loop that counts, and gives up -------------------------------------------------------------------------------------


class Loop(MessagesState):
    post: str
    attempts: int
    outcome: str


def write_post(state: Loop):
    return {"post": f"Post {state.get('attempts', 0) + 1}"}


def judge_post(state: Loop):
    verdict = interrupt({"post": state["post"], "ask": "批准还是驳回？"})
    return {"attempts": state.get("attempts", 0) + 1, "outcome": "approved" if verdict["ok"] else "rejected"}


def route_post(state: Loop) -> str:
    if state["outcome"] == "approved":
        return "publish"
    if state["attempts"] >= 3:
        return "give_up"
    return "write"


def publish_post(state: Loop):
    effect("post_attempts", "done", state["post"])
    return say("Published.")


def give_up(state: Loop):
    return say("Given up.")


_posts = StateGraph(Loop)
_posts.add_node("write", write_post)
_posts.add_node("judge", judge_post)
_posts.add_node("publish", publish_post)
_posts.add_node("give_up", give_up)
_posts.add_edge(START, "write")
_posts.add_edge("write", "judge")
_posts.add_conditional_edges("judge", route_post, {"publish": "publish", "write": "write", "give_up": "give_up"})
post_attempts = _posts

# Done, or what is wrong with it ---------------------------------------------------------------------------------------


class Notes(MessagesState):
    notes: Annotated[list[str], operator.add]


def finalise(state: Notes):
    user_feedback = interrupt({"generated": "Chapter one.", "message": "provide feedback or type done to finish"})
    if user_feedback.lower() in ["done", "d"]:
        effect("type_done", "done", "Chapter one.")
        return say("Finished.")
    effect("type_done", "text", user_feedback)
    return {"notes": [user_feedback], **say("Noted.")}


type_done = chain(Notes, finalise)


_BODY = "Thank you for your patience."
META = {
    "edited_response": meta("done", "not done", edit={"draft_response": "EDITED reply"}, value=_BODY),
    "corrected_answer": meta("done", "stop", edit={"answer": "EDITED answer"}, value=_BODY),
    "patch_plan": meta("done", "not done", edit={"image": "EDITED api:3"}, value={"image": "api:2", "replicas": 2}),
    "marked_plan": meta("done", "not done", value="read, compare, write"),
    "itinerary": meta("done", "not done", reason=True, value=_BODY),
    "cold_email": meta("done", "not done", value=_BODY),
    "invoice_fields": meta("done", "not done", edit={"due": "EDITED date"}, reason=True,
                           value={"customer": "ACME", "total": 120, "due": "2026-12-01"}),
    "json_queries": meta("done", "not done", value=["tides", "moons"]),
    "step_loop": meta("done", "not done", edit={"step": "EDITED drain"}, further=("skip", "", "upgrade node")),
    "newsletter_graph": meta("done", "not done", edit={"subject": "EDITED News"}, value={"subject": "News", "text": "It is spring."}),
    "pick_matches_graph": meta("unknowable", "not done"),
    "own_task": meta("none", "stop", answer="text"),
    "post_attempts": meta("done", "not done", value="Post 1"),
    "type_done": meta("done", "not done", answer="text", value="Chapter one."),
}
