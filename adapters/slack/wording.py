"""What cards say of people, times and outcomes: our own words, in trusted mrkdwn, and the notification's one line."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.slack.text import clipped, mrkdwn, plain, pretty
from engine.approval import Approval, Review, State
from engine.ask import Action, Choice, Decision, Json, Kind
from engine.ids import UserId
from engine.machine import outcome_of
from engine.policy import Approvers, OnExpiry, Policy
from engine.refusals import when

_MOST_NAMES = 20
_NOTIFICATION = 600


@dataclass(frozen=True, slots=True)
class Words:
    """What a choice is called: on its button, and when it was made."""

    button: str
    made: str
    sign: str


_WORDS = {
    Choice.APPROVE: Words("Approve", "Approved", "✅"),
    Choice.EDIT: Words("Edit", "Approved with changes", "✅"),
    Choice.REJECT: Words("Reject", "Rejected", "⛔"),
    Choice.ANSWER: Words("Answer", "Answered", "💬"),
    Choice.SKIP: Words("Skip", "Skipped", "⏭️"),
    Choice.REDO: Words("Ask again", "Asked again", "🔁"),
}
_WORDS_AT_HALTS = {
    (Kind.BREAKPOINT, Choice.APPROVE): Words("Continue", "Continued", "▶️"),
    (Kind.BREAKPOINT, Choice.EDIT): Words("Edit state", "Continued with changes", "▶️"),
    (Kind.BREAKPOINT, Choice.REJECT): Words("Stop", "Stopped", "⏹️"),
    (Kind.FAILURE, Choice.APPROVE): Words("Retry", "Retried", "🔁"),
    (Kind.FAILURE, Choice.REJECT): Words("Leave it", "Left as it is", "⏹️"),
}


def words(kind: Kind, choice: Choice) -> Words:
    """What a choice is called where that kind of thing is asked."""
    return _WORDS_AT_HALTS.get((kind, choice), _WORDS[choice])


def names(users: Sequence[UserId], most: int = _MOST_NAMES) -> str:
    """Mentions, in the order given; beyond `most` people they are counted."""
    shown = ", ".join(f"<@{user}>" for user in users[:most])
    return shown if len(users) <= most else f"{shown} and {len(users) - most} more"


def one_line(text: str, at_most: int) -> str:
    """Untrusted words within markup of ours."""
    return mrkdwn(plain(text, at_most))


def speaker(approval: Approval) -> str:
    """Who asks. Untrusted: the graph names it."""
    return approval.ask.speaker or approval.agent


def title(approval: Approval) -> str:
    """The headline. Untrusted: it names tools."""
    asking, actions = approval.state is State.PENDING, approval.ask.actions
    match approval.ask.kind:
        case Kind.TOOL_CALL if len(actions) > 1:
            return f"Approve {len(actions)} actions?" if asking else f"{len(actions)} actions"
        case Kind.TOOL_CALL:
            return f"Approve {actions[0].name}?" if asking else actions[0].name
        case Kind.TEXT:
            return "Please review this text" if asking else "Text for review"
        case Kind.BREAKPOINT:
            return "Continue?" if asking else "Breakpoint"
        case Kind.FAILURE:
            return "The agent stopped"
        case _:
            return "Approval needed" if asking else "Approval request"


def who_decides(policy: Policy, requester: UserId, most: int = _MOST_NAMES, *, channel: str = "this channel") -> str:
    """`Approvers: ...`, in words that hold for everybody who reads it."""
    match policy.approvers:
        case Approvers.USERS:
            able = [user for user in sorted(policy.users) if policy.own_requests or user != requester]
            who = names(able, most) or "nobody"
        case Approvers.CHANNEL if policy.own_requests:
            who = f"any member of {channel}"
        case Approvers.CHANNEL:
            who = f"any member of {channel} but <@{requester}>, who asked"
        case _:
            who = f"<@{requester}>"
    return f"Approvers: {who}"


def votes(review: Review, most: int = _MOST_NAMES) -> str:
    """`1 of 2 approvals: @alice`, or nothing where one is enough."""
    if review.policy.quorum < 2:  # noqa: PLR2004 - one approval decides
        return ""
    so_far = [vote.by for vote in review.votes if vote.choice is not Choice.REJECT]
    counted = f"{len(so_far)} of {review.policy.quorum} approvals"
    return f"{counted}: {names(so_far, most)}" if so_far else counted


def deadline(approval: Approval) -> str:
    """When it expires and what then becomes of it, or nothing."""
    if approval.expires_at is None:
        return ""
    rejects = approval.deadlines.on_expiry is OnExpiry.REJECT and can_be_rejected(approval)
    then = "then it is rejected" if rejects else "then the agent is stopped"
    return f"Expires {when(approval.expires_at)}, {then}"


def can_be_rejected(approval: Approval) -> bool:
    """Whether each open action takes a rejection; `engine.machine` expires the others."""
    open_ones = zip(approval.ask.actions, approval.reviews, strict=True)
    return all(Choice.REJECT in action.choices for action, review in open_ones if review.decision is None)


def decided(kind: Kind, review: Review, decision: Decision, most: int = _MOST_NAMES) -> str:
    """Who decided an action, and when. A rejection that nobody voted for is an expiry."""
    made = words(kind, decision.choice)
    at = f" {when(review.decided_at)}" if review.decided_at else ""
    if not review.deciders:
        return f"⌛ Expired{at} and {made.made.lower()}"
    return f"{made.sign} {made.made} by {names(review.deciders, most)}{at}"


def outcome(approval: Approval) -> str:
    """How the whole ended: one line; empty while it is pending."""
    at = f" {when(approval.closed_at)}" if approval.closed_at else ""
    match approval.state:
        case State.PENDING:
            return ""
        case State.EXPIRED:
            return f"⌛ Expired{at}"
        case State.WITHDRAWN:
            return f"↩️ Withdrawn{at}"
        case State.UNDELIVERABLE:
            return f"⚠️ {outcome_of(approval).capitalize()} by {names(approval.deciders) or 'nobody'}, but not delivered"
        case _:
            first = approval.reviews[0]
            if len(approval.reviews) == 1 and first.decision is not None:
                return decided(approval.ask.kind, first, first.decision)
            if any(review.decision is not None and not review.deciders for review in approval.reviews):
                return f"⌛ Not everything was decided in time, so the rest was rejected{at}"
            word = outcome_of(approval)
            sign = {"approved": "✅", "rejected": "⛔"}.get(word, "☑️")
            return f"{sign} {word.capitalize()} by {names(approval.deciders)}{at}"


def summary(approval: Approval) -> str:
    """The message's `text`: what notifications and screen readers get. It is markup, so all of it is escaped."""
    about = _question(approval) if approval.ask.is_question else _about(approval)
    ended = outcome(approval)
    if not ended:
        return f"{one_line(speaker(approval), 80)} asks: {one_line(about, _NOTIFICATION)}"
    reasons = [each.decision.text for each in approval.reviews if each.decision and each.decision.text]
    reason = f": {one_line(' '.join([*reasons, approval.note]).strip(), 300)}" if reasons or approval.note else ""
    return f"{one_line(about, 200)} - {ended}{reason}"


def _question(approval: Approval) -> str:
    first = approval.ask.actions[0]
    return approval.ask.prompt or first.description or first.name


def _about(approval: Approval) -> str:
    told = "; ".join(_told(action, review.value) for action, review in _pairs(approval))
    asking = approval.state is State.PENDING and approval.ask.kind is Kind.TOOL_CALL
    return f"Approve {told}?" if asking else f"{approval.ask.prompt} {told}".strip()


def _told(action: Action, value: Json) -> str:
    if not isinstance(value, dict):
        return action.name
    return f"{action.name} {', '.join(f'{name}={clipped(pretty(each), 60)}' for name, each in value.items())}".strip()


def _pairs(approval: Approval) -> list[tuple[Action, Review]]:
    return list(zip(approval.ask.actions, approval.reviews, strict=True))
