"""Nodes that ask and act themselves. Each reads its answer in another way; `META` has the format of `sample.py`."""

import json
import os
import re
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Literal, TypedDict, cast

from effects import chain, effect, meta, say
from langgraph.graph import MessagesState
from langgraph.types import interrupt
from pydantic import BaseModel, TypeAdapter, ValidationError

# German: a sentence, and one word that counts -------------------------------------------------------------------------


def konto(state: MessagesState):
    user = "vera.klein"
    antwort = interrupt(f"Konto {user} zurücksetzen? (ja/nein)")
    if str(antwort).strip().lower() != "ja":
        return say(f"Abgelehnt: {user} bleibt gesperrt.")
    effect("konto_reset", "done", user)
    return say(f"{user} ist zurückgesetzt.")


konto_reset = chain(MessagesState, konto)

# French: a list of words beside an English one ------------------------------------------------------------------------


def anonymiser(state: MessagesState):
    decision = interrupt({"question": "Souhaitez-vous anonymiser le dossier ?", "options": ["oui", "non"], "dossier": "D-7"})
    if str(decision).lower().strip() in ["oui", "yes"]:
        effect("anonymise", "done", "D-7")
        return say("Le dossier est anonyme.")
    effect("anonymise", "not done")
    return say("Le dossier reste.")


anonymise = chain(MessagesState, anonymiser)

# Chinese: a set of words, and everything else is a wish ---------------------------------------------------------------


def plan_review(state: MessagesState):
    plan = "三步实验"
    response = interrupt({"type": "approval", "message": "请确认实验计划，输入 确认 继续，或输入修改意见。", "plan": plan})
    text = str(response).strip()
    approved = text.lower() in {"确认", "confirm", "approve", "approved", "yes", "y"}
    if approved:
        effect("lab_plan", "done", plan)
        return say("实验开始。")
    effect("lab_plan", "text", text)
    effect("lab_plan", "not done", said=text)
    return say(f"将修改：{text}")


lab_plan = chain(MessagesState, plan_review)

# A word, a colon and notes --------------------------------------------------------------------------------------------


def compliance(state: MessagesState):
    feedback = interrupt(
        {"document": "DOC-3", "risk": "high", "prompt": "Respond: 'approve: <notes>' or 'reject: <notes>'"}
    )
    action, _, notes = str(feedback).strip().partition(":")
    if action.strip().lower() == "approve":
        effect("compliance_gate", "done", "DOC-3")
        return say("Cleared.")
    effect("compliance_gate", "not done", said=notes.strip())
    return say("Not cleared.")


compliance_gate = chain(MessagesState, compliance)

# Begins with a letter -------------------------------------------------------------------------------------------------


def overwrite(state: MessagesState):
    reply = interrupt({"file": "report.md", "prompt": "The file exists. Overwrite it? [y/N]"})
    if reply.strip().lower().startswith("y"):
        effect("overwrite_file", "done", "report.md")
        return say("Overwritten.")
    return say("Left alone.")


overwrite_file = chain(MessagesState, overwrite)

# One of some phrases within the words ---------------------------------------------------------------------------------

GO_PHRASES = ("ship it", "lgtm", "go ahead")


def merge(state: MessagesState):
    reply = interrupt({"pull_request": 77, "title": "Drop Python 3.9", "message": "Any concerns before I merge?"})
    if any(phrase in reply.lower() for phrase in GO_PHRASES):
        effect("merge_gate", "done", 77)
        return say("Merged.")
    effect("merge_gate", "text", reply)
    return say(f"I will look at this first: {reply}")


merge_gate = chain(MessagesState, merge)

# A regular expression -------------------------------------------------------------------------------------------------

_YES = re.compile(r"^\s*(y|yes|ok)\b", re.IGNORECASE)


def reboot(state: MessagesState):
    answer = interrupt({"host": "web-4", "prompt": "Reboot it now? (yes/no)"})
    if _YES.match(answer):
        effect("reboot_host", "done", "web-4")
        return say("Rebooted.")
    effect("reboot_host", "not done")
    return say("It keeps running.")


reboot_host = chain(MessagesState, reboot)

# JSON within a text ---------------------------------------------------------------------------------------------------


def payout(state: MessagesState):
    answer = interrupt({"payee": "Ida", "amount": 80, "format": '{"approved": true, "note": "..."}'})
    data = json.loads(answer) if isinstance(answer, str) else answer
    if data.get("approved"):
        effect("payout_json", "done", {"payee": "Ida", "amount": 80})
        return say("Paid.")
    effect("payout_json", "not done", said=data.get("note", ""))
    return say("Not paid.")


payout_json = chain(MessagesState, payout)

# A list of one, or the thing itself -----------------------------------------------------------------------------------


def unwrap(state: MessagesState):
    response = interrupt({"ticket": "T-5", "change": "resize the disk", "allowed": ["accept", "ignore"]})
    if isinstance(response, list):
        response = response[0]
    kind = response["type"]
    if kind == "accept":
        effect("disk_change", "done", "T-5")
        return say("Resized.")
    if kind == "ignore":
        return say("Nothing was changed.")
    raise ValueError(f"unsupported response {kind!r}")


disk_change = chain(MessagesState, unwrap)

# A pair ---------------------------------------------------------------------------------------------------------------


def pair(state: MessagesState):
    approved, note = interrupt({"vendor": "Initech", "contract": "C-12", "months": 24})
    if approved:
        effect("sign_pair", "done", "C-12")
        return say("Signed.")
    effect("sign_pair", "not done", said=note)
    return say(f"Not signed: {note}")


sign_pair = chain(MessagesState, pair)

# `(x or {}).get(...)`, and a refusal where it is no dict --------------------------------------------------------------


def claim(state: MessagesState):
    resume = interrupt({"claim": "CL-9", "amount": 430, "confidence": 0.4})
    action = (resume or {}).get("action", "reject") if isinstance(resume, dict) else "reject"
    note = (resume or {}).get("note") if isinstance(resume, dict) else None
    if action == "approve":
        effect("claim_gate", "done", 430)
        return say("Paid out.")
    effect("claim_gate", "not done", said=note)
    return say("Declined.")


claim_gate = chain(MessagesState, claim)

# It must come back with who confirmed it ------------------------------------------------------------------------------


def release(state: MessagesState):
    resumed = interrupt({"status": "AWAITING_CONFIRMATION", "build": "b-118", "decisions": ["GO", "NO_GO"]})
    decision = resumed.get("decision")
    if decision not in {"GO", "NO_GO"} or not resumed.get("confirmedBy"):
        raise ValueError("GO or NO_GO is needed, and confirmedBy")
    if decision == "GO":
        effect("release_binding", "done", "b-118")
        return say(f"Released, confirmed by {resumed['confirmedBy']}.")
    return say("Held back.")


release_binding = chain(MessagesState, release)

# It must come back with what it asked about ---------------------------------------------------------------------------


def proposal(state: MessagesState):
    ref = {"proposal_id": "p-4", "revision": 2}
    decision = interrupt({"type": "proposal_review", **ref})
    if not isinstance(decision, dict) or decision.get("proposal_id") != ref["proposal_id"]:
        raise ValueError("this decision is about something else")
    if decision["decision"] == "approve":
        effect("proposal_echo", "done", "p-4")
        return say("Executed.")
    return say("Closed.")


proposal_echo = chain(MessagesState, proposal)

# Until the answer is one of those allowed -----------------------------------------------------------------------------


def firewall(state: MessagesState):
    error = ""
    while True:
        answer = interrupt({"rule": "open port 22", "allowed": ["allow", "deny"], "error": error})
        choice = str(answer).strip().lower()
        if choice in ("allow", "deny"):
            break
        error = f"{choice!r} is neither allow nor deny"
    if choice == "allow":
        effect("firewall_loop", "done", "open port 22")
        return say("The port is open.")
    effect("firewall_loop", "not done")
    return say("The port stays closed.")


firewall_loop = chain(MessagesState, firewall)

# At most three tries, then no -----------------------------------------------------------------------------------------


def purge(state: MessagesState):
    for attempt in range(3):
        answer = interrupt({"bucket": "logs-2019", "attempt": attempt, "message": "Type DELETE to purge it, KEEP to keep it"})
        if answer == "DELETE":
            effect("purge_tries", "done", "logs-2019")
            return say("Purged.")
        if answer == "KEEP":
            break
    return say("Kept.")


purge_tries = chain(MessagesState, purge)

# StrEnum and match ----------------------------------------------------------------------------------------------------


class Ruling(StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"


def loan(state: MessagesState):
    reply = interrupt({"loan": "L-3", "amount": 9000, "risk_score": 0.7})
    match Ruling(reply["ruling"]):
        case Ruling.ACCEPT:
            effect("loan_ruling", "done", 9000)
            return say("The loan is granted.")
        case Ruling.DECLINE:
            effect("loan_ruling", "not done", said=reply.get("why"))
            return say("The loan is declined.")


loan_ruling = chain(MessagesState, loan)

# A TypedDict with a Literal -------------------------------------------------------------------------------------------


class Verdict(TypedDict):
    kind: Literal["ship", "hold"]
    remark: str


def pack(state: MessagesState):
    verdict = cast(Verdict, interrupt({"order": "O-44", "items": ["lamp", "bulb"]}))
    if verdict["kind"] == "ship":
        effect("ship_order", "done", "O-44")
        return say("Shipped.")
    effect("ship_order", "not done", said=verdict["remark"])
    return say("On hold.")


ship_order = chain(MessagesState, pack)

# A dataclass made of the answer ---------------------------------------------------------------------------------------


@dataclass
class SignOff:
    approved: bool
    reviewer: str = "unknown"
    remarks: list[str] = field(default_factory=list)


def audit(state: MessagesState):
    sign_off = SignOff(**interrupt({"report": "Q3", "findings": 2}))
    if not sign_off.approved:
        return say("The report goes back.")
    effect("file_report", "done", "Q3")
    return say(f"Filed, signed off by {sign_off.reviewer}.")


file_report = chain(MessagesState, audit)

# A pydantic model with a Literal, and what is wrong counts as no ------------------------------------------------------


class Review(BaseModel):
    outcome: Literal["APPROVED", "DENIED"]
    comments: str = ""


def vet(state: MessagesState):
    raw = interrupt({"candidate": "Kim", "salary": 70_000})
    try:
        review = Review.model_validate(raw)
    except ValidationError as error:
        review = Review(outcome="DENIED", comments=f"could not be read: {error.error_count()} problems")
    if review.outcome == "APPROVED":
        effect("make_offer", "done", "Kim")
        return say("The offer is out.")
    effect("make_offer", "not done", said=review.comments)
    return say("No offer.")


make_offer = chain(MessagesState, vet)

# One of two models ----------------------------------------------------------------------------------------------------


class Yes(BaseModel):
    kind: Literal["yes"]


class No(BaseModel):
    kind: Literal["no"]
    because: str = ""


EITHER: TypeAdapter[Yes | No] = TypeAdapter(Yes | No)


def either(state: MessagesState):
    answer = EITHER.validate_python(interrupt({"transfer": "domain example.org", "to": "Registrar B"}))
    if isinstance(answer, Yes):
        effect("move_domain", "done", "example.org")
        return say("Moved.")
    effect("move_domain", "not done", said=answer.because)
    return say("It stays.")


move_domain = chain(MessagesState, either)

# The flag says that it is refused -------------------------------------------------------------------------------------


def notify(state: MessagesState):
    response = interrupt({"recipients": 1200, "subject": "Maintenance on Sunday"})
    if response.get("rejected"):
        return say(f"Nobody was told. {response.get('comment', '')}")
    effect("notify_all", "done", 1200)
    return say("Everybody was told.")


notify_all = chain(MessagesState, notify)

# The number of a choice -----------------------------------------------------------------------------------------------


def menu(state: MessagesState):
    choice = interrupt({"migration": "0042_drop_column", "menu": "1) run it  2) leave it"})
    if str(choice).strip() == "1":
        effect("migrate_menu", "done", "0042_drop_column")
        return say("Migrated.")
    return say("Left.")


migrate_menu = chain(MessagesState, menu)

# "abort" is the action, "continue" its refusal ------------------------------------------------------------------------


def halt(state: MessagesState):
    answer = interrupt({"rollout": "r-8", "error_rate": 0.07, "message": "Abort the rollout?"})
    if answer.get("choice") == "abort":
        effect("abort_rollout", "done", "r-8")
        return say("The rollout is aborted.")
    return say("The rollout continues.")


abort_rollout = chain(MessagesState, halt)

# Anything but True raises ---------------------------------------------------------------------------------------------


def expert(state: MessagesState):
    confirmed = interrupt({"version": 3, "action": "expert_confirmation"})
    if confirmed is not True:
        raise ValueError("explicit confirmation by an expert is required")
    effect("expert_map", "done", 3)
    return say("The map is approved.")


expert_map = chain(MessagesState, expert)

# A mark from one to five ----------------------------------------------------------------------------------------------


def rated(state: MessagesState):
    answer = interrupt({"headline": "Rates fall", "prompt": "How good is this headline, from 1 to 5?"})
    if int(answer) >= 4:
        effect("rate_headline", "done", "Rates fall")
        return say("Published.")
    return say("Not good enough.")


rate_headline = chain(MessagesState, rated)

# A PIN ----------------------------------------------------------------------------------------------------------------


def vault(state: MessagesState):
    pin = interrupt({"vault": "east", "prompt": "Enter the PIN to open it."})
    if pin == os.environ.get("CONVENTIONS_PIN", "4711"):
        effect("open_vault", "done", "east")
        return say("Open.")
    return say("Wrong PIN.")


open_vault = chain(MessagesState, vault)

# Asked only where the environment says so -----------------------------------------------------------------------------


def mocked(state: MessagesState):
    if os.getenv("CONVENTIONS_UNATTENDED", "false").lower() == "true":
        decision = {"approved": True, "reviewer": "nobody", "comment": ""}
    else:
        value = interrupt({"type": "approval_required", "proposed_action": "close 14 tickets"})
        decision = value if isinstance(value, dict) else {"approved": bool(value)}
    decision.setdefault("reviewer", "somebody")
    decision.setdefault("comment", "")
    if decision["approved"]:
        effect("close_tickets", "done", "close 14 tickets")
        return say(f"Closed, as {decision['reviewer']} said.")
    effect("close_tickets", "not done", said=decision["comment"])
    return say("Left open.")


close_tickets = chain(MessagesState, mocked)

# Functions in a dict --------------------------------------------------------------------------------------------------


def _publish(text: str):
    effect("dispatch", "done", text)
    return say("Published.")


def _discard(text: str):
    return say("Discarded.")


HANDLERS = {"publish": _publish, "discard": _discard}


def dispatching(state: MessagesState):
    text = "We moved."
    choice = interrupt({"text": text, "choices": list(HANDLERS)})
    return HANDLERS.get(choice, _discard)(text)


dispatch = chain(MessagesState, dispatching)


META = {
    "konto_reset": meta("done", "not done", value="vera.klein"),
    "anonymise": meta("done", "not done", value="D-7"),
    "lab_plan": meta("done", "not done", answer="text", reason=True, value="三步实验"),
    "compliance_gate": meta("done", "not done", value="DOC-3"),
    "overwrite_file": meta("done", "not done", value="report.md"),
    "merge_gate": meta("done", "not done", value=77),
    "reboot_host": meta("done", "not done", value="web-4"),
    "payout_json": meta("done", "not done", reason=True, value={"payee": "Ida", "amount": 80}),
    "disk_change": meta("done", "not done", value="T-5"),
    "sign_pair": meta("done", "not done", reason=True, value="C-12"),
    "claim_gate": meta("done", "not done", reason=True, value=430),
    "release_binding": meta("done", "not done", value="b-118"),
    "proposal_echo": meta("done", "not done", value="p-4"),
    "firewall_loop": meta("done", "not done", value="open port 22"),
    "purge_tries": meta("done", "not done", value="logs-2019"),
    "loan_ruling": meta("done", "not done", reason=True, value=9000),
    "ship_order": meta("done", "not done", reason=True, value="O-44"),
    "file_report": meta("done", "not done", value="Q3"),
    "make_offer": meta("done", "not done", reason=True, value="Kim"),
    "move_domain": meta("done", "not done", reason=True, value="example.org"),
    "notify_all": meta("done", "not done", value=1200),
    "migrate_menu": meta("done", "not done", value="0042_drop_column"),
    "abort_rollout": meta("done", "not done", value="r-8"),
    "expert_map": meta("done", "stop", value=3),
    "rate_headline": meta("unknowable", "not done"),
    "open_vault": meta("unknowable", "not done"),
    "close_tickets": meta("done", "not done", reason=True, value="close 14 tickets"),
    "dispatch": meta("done", "not done", value="We moved."),
}
