"""The text of a message: what notifications and screen readers get. It is markup, so everything in it is escaped."""

from collections.abc import Iterable

from adapters.slack.drawing.markdown import parts_of, words_of
from adapters.slack.drawing.sentences import progress
from adapters.slack.drawing.sentences.outcomes import outcome
from adapters.slack.drawing.sentences.people import FEW_NAMES, requested, speaker, who_can, who_decides
from adapters.slack.drawing.sentences.times import deadline
from adapters.slack.drawing.sentences.titles import APPROVAL_NEEDED, is_markdown, title
from adapters.slack.drawing.untrusted_text import clipped, mrkdwn_line, pretty, visible
from engine.approvals.approval import Approval, State
from engine.asks.ask import Json, Kind

_NOTIFICATION = 600


def summary(approval: Approval) -> str:
    """The text of a card: what is asked, of whom and until when; once it is closed, how it ended."""
    about, ended = _about(approval), outcome(approval)
    if not ended:
        about = about if approval.ask.prompt else _without_headline(about)
        return " · ".join(each for each in _asked(approval, mrkdwn_line(about, _NOTIFICATION)) if each)
    reasons = [each.decision.text for each in approval.reviews if each.decision and each.decision.text]
    reason = f": {mrkdwn_line(' '.join([*reasons, approval.note]).strip(), 300)}" if reasons or approval.note else ""
    return f"{mrkdwn_line(about, 200)} - {ended}{reason}"


def _without_headline(about: str) -> str:
    """The values alone: `Approval needed (essay: ...)` would say twice what the text begins with."""
    values = about.removeprefix(f"{APPROVAL_NEEDED} (")
    return about if values == about else values.removesuffix(")")


def _asked(approval: Approval, about: str) -> Iterable[str]:
    """The parts of an open request's text."""
    policies = [review.governing for review in approval.reviews if review.decision is None]
    whom = ", ".join(dict.fromkeys(who_can(approval, each, FEW_NAMES) for each in policies))
    if approval.ask.kind is Kind.FAILURE:
        yield f"{mrkdwn_line(speaker(approval), 80)} stopped: {about}"
        yield who_decides(approval, policies[0], FEW_NAMES)
    elif approval.ask.kind is Kind.NOTICE:
        yield f"{mrkdwn_line(speaker(approval), 80)} tells {whom}: {about}"
    elif approval.ask.is_question:
        yield f"{mrkdwn_line(speaker(approval), 80)} asks {whom}: {about}"
    else:
        yield f"{APPROVAL_NEEDED} from {whom}: {about}"
        yield requested(approval.requester, speaker(approval), strong=False)
    yield progress.called([approval], whom)
    if approval.expires_at is not None:
        yield deadline(approval)


def headline(approval: Approval, at_most: int) -> str:
    """The request in one line."""
    return mrkdwn_line(_about(approval), at_most)


def about(approval: Approval) -> str:
    """The request in one short line."""
    return mrkdwn_line(_about(approval), 200)


def _about(approval: Approval) -> str:
    """The request in one line, untrusted: `Approve send_email? (to: x@y.z)`."""
    ask, asking = approval.ask, approval.state is State.PENDING
    prompt = _words(ask.prompt) if is_markdown(ask) else ask.prompt
    pairs = list(zip(ask.actions, approval.reviews, strict=True))
    if len(pairs) > 1:
        told = "; ".join(_with_values(action.name, review.value, ask.prompt) for action, review in pairs)
        return f"{prompt or title(approval)} {told}"
    (action, review) = pairs[0]
    if ask.kind is Kind.NOTICE:
        head = _words(action.description) or action.name
    elif ask.kind is Kind.TOOL_CALL:
        head = f"Approve {action.name}?" if asking else action.name
    else:
        head = prompt or (_words(action.description) or action.name if ask.is_question else title(approval))
    return head if ask.is_question else _with_values(head, review.value, ask.prompt)


def _words(text: str) -> str:
    """A Markdown text without its markup; a long one is cut."""
    return words_of(parts_of(visible(text[: 2 * _NOTIFICATION])))


def _with_values(head: str, value: Json, prompt: str) -> str:
    """A headline with the values in brackets, without the prompt if it is one of them."""
    listed = value.items() if isinstance(value, dict) else [("", value)]
    told = [f"{name}: {_short(each)}" if name else _short(each) for name, each in listed if each not in (None, prompt)]
    return f"{head} ({' · '.join(told)})" if any(told) else head


def _short(value: Json) -> str:
    return clipped(" ".join(pretty(value).split()), 60)
