"""Outcomes: who decided what and when, what expired or was withdrawn, and what a grant allows."""

from adapters.slack.drawing.sentences.choices import choice_words, option_in_sentence
from adapters.slack.drawing.sentences.people import MOST_NAMES, deciders, names
from adapters.slack.drawing.sentences.times import length_of_time
from adapters.slack.drawing.untrusted_text import mrkdwn_line, plain_line
from engine.approvals.approval import GRANT_OF, Approval, Review, State
from engine.asks.ask import Choice, Decision, Kind
from engine.authority.policy import GrantTerms
from engine.machine import outcome_of
from engine.sentences.spoken import moment, when


def outcome(approval: Approval) -> str:
    """The end of a request in one line; "" while it is pending."""
    at = f" {when(approval.closed_at)}" if approval.closed_at else ""
    match approval.state:
        case State.PENDING:
            return ""
        case State.EXPIRED:
            return f"⌛ {_nobody(approval)}: the run was stopped"
        case State.WITHDRAWN:
            return f"↩️ Withdrawn{at}"
        case State.STOPPED if approval.withdrawn_by is not None:
            return f"↩️ Withdrawn by <@{approval.withdrawn_by}>{at}"
        case State.STOPPED if approval.operator:
            return f"↩️ Withdrawn by the bot's operator ({mrkdwn_line(approval.operator, 60)}){at}"
        case State.STOPPED if (stopping := approval.stopping) is not None and stopping.decision is not None:
            return decided(approval.ask.kind, stopping, stopping.decision)
        case State.UNDELIVERABLE:
            option = next((each.decision.option for each in approval.reviews if each.decision), "")
            told = f": {option_in_sentence(option)}" if option and len(approval.reviews) == 1 else ""
            how = f"by {names(approval.deciders)}" if approval.deciders else "automatically"
            return f"⚠️ {outcome_of(approval).capitalize()} {how}, but not delivered{told}"
        case _:
            return _all_decided(approval, at)


def _all_decided(approval: Approval, at: str) -> str:
    first = approval.reviews[0]
    if len(approval.reviews) == 1 and first.decision is not None:
        return decided(approval.ask.kind, first, first.decision)
    if any(each.decision and not each.deciders and not each.automatic for each in approval.reviews):
        return f"⌛ {_nobody(approval)}: the rest was rejected automatically"
    word = outcome_of(approval)
    sign = {"approved": "✅", "rejected": "⛔"}.get(word, "☑️")
    by = f"by {names(approval.deciders)}" if approval.deciders else "automatically"
    return f"{sign} {word.capitalize()} {by}{at}"


def _nobody(approval: Approval) -> str:
    by = f" by {moment(approval.closed_at)}" if approval.closed_at else " in time"
    if any(review.deciders for review in approval.reviews):
        return f"Not everything was decided{by}"
    return f"Nobody {'answered' if approval.ask.is_question else 'decided'}{by}"


def decided(kind: Kind, review: Review, decision: Decision, most: int = MOST_NAMES) -> str:
    """The person who decided an action, and when. A rejection without votes is an expiry."""
    made = choice_words(kind, decision.choice)
    at = f" {when(review.decided_at)}" if review.decided_at else ""
    if review.automatic.startswith(GRANT_OF):
        return f"{made.sign} Allowed by {_possessive(review.automatic.removeprefix(GRANT_OF))}"
    if review.automatic:
        return f"{made.sign} {made.made} automatically by {review.automatic}{at}"
    if not review.deciders:
        by = f" by {moment(review.decided_at)}" if review.decided_at else ""
        return f"⌛ Nobody decided{by}: {made.made.lower()} automatically"
    option = f": {option_in_sentence(decision.option)}" if decision.choice is Choice.OPTION else ""
    return f"{made.sign} {made.made} by {deciders(review, decision, most)}{at}{option}"


def _possessive(grant: str) -> str:
    """`@alice's grant until ...`."""
    person, space, until = grant.partition(" ")
    return f"{person}'s grant{space}{until}"


def allow_button(terms: GrantTerms) -> str:
    """The label of the button that approves with a grant."""
    return f"Allow like this for {length_of_time(terms.lasts)}"


def allow_confirm(approval: Approval, index: int) -> tuple[str, str, str]:
    """The title, text and button of its confirmation dialog."""
    return "Allow calls like this?", allows(approval, index), "Allow"


def allows(approval: Approval, index: int) -> str:
    """The effect of an approval with a grant. Plain text, untrusted: it names the tool and its arguments."""
    terms, name = approval.reviews[index].policy.grants, approval.ask.actions[index].name
    if terms is None:
        return ""
    like = f"the same {' and '.join(terms.fields)}" if terms.fields else "exactly these arguments"
    return (
        f"This approves the call. For {length_of_time(terms.lasts)}, {plain_line(name, 60)} runs in this conversation "
        f"without asking when it has {plain_line(like, 100)}."
    )


def allowed(review: Review) -> str:
    """The grant that was given with an approval, and whether it was revoked; "" if there is none."""
    if review.allowed_until is None:
        return ""
    if review.revoked_by is not None:
        return f"<@{review.revoked_by}> revoked the permission for calls like this"
    terms = review.policy.grants
    fields = f" with the same {mrkdwn_line(' and '.join(terms.fields), 100)}" if terms and terms.fields else ""
    return f"Calls like this{fields} are allowed in this conversation until {moment(review.allowed_until)}"
