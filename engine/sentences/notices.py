"""Notices: what people are told when a run stops, a vote no longer counts, or a click waits for a look-up."""

from collections.abc import Iterable

from engine.ids import UserId
from engine.sentences.spoken import SPOKEN, spoken
from engine.sources import Origin, Source

_CHECKED = {**SPOKEN, Origin.ON_CALL: "who is on call ({})"}

RUN_STOPPED = "The run was stopped."
NOT_TOLD = "The agent was not told: it has no way to hear a rejection here."
START_AGAIN = "To start again, send a new message."
VOTE_FELL = "You are no longer one of those who may decide this request, so your vote no longer counts."

EXPIRED_REJECTED = f"Nobody decided this in time, so it was rejected and the run was stopped. {START_AGAIN}"
EXPIRED_STOPPED = f"Nobody decided this in time, so the agent was stopped here. {START_AGAIN}"
WITHDREW = f"withdrew the request, so the run was stopped. {START_AGAIN}"
"""Behind the name of the requester."""
ENDED = f"stopped the run. {START_AGAIN}"
"""Behind the name of the person who stopped it at a breakpoint."""


def operator_withdrew(operator: str, reason: str) -> str:
    """Tell of a request that the bot's operator withdrew; both are untrusted."""
    return with_reason(
        f"The bot's operator ({operator}) withdrew the request, so the run was stopped. {START_AGAIN}", reason
    )


def rejected(what: str, reason: str = "") -> str:
    """Tell of a rejection that stopped the run, behind the name of the person who rejected."""
    return with_reason(f"rejected {what}, so the run was stopped. {NOT_TOLD} {START_AGAIN}", reason)


def with_reason(sentence: str, reason: str) -> str:
    """Add the reason that a person gave (untrusted), if they gave one."""
    return f"{sentence}\nReason: {reason}" if reason else sentence


def rejected_by_rule(rule: str) -> str:
    """Tell of a rule's rejection that stopped the run."""
    return f"{rule} in app.yaml rejects this, so the run was stopped. {NOT_TOLD} {START_AGAIN}"


def changed_after_vote(by: UserId) -> str:
    """Tell a voter that an edit took their vote away."""
    return f"<@{by}> changed the request that you voted on, so your vote no longer counts. Please look at it again."


def checking(sources: Iterable[Source]) -> str:
    """Tell a person that their click waits until these sources have answered."""
    return f"Checking {spoken(sources, _CHECKED)}. Your click is kept: you'll hear in a moment."


BEHIND_WORDS = "An earlier message here may already answer this, so it is handled first. If it doesn't, this counts."
"""Tells a person that what they did waits for a message."""

NO_AGENT = "No agent listens here. Ask the bot's operator which channel to use."
WHICH = "Several questions are open here. Please use the Answer button of the one that you mean."
NO_WORDS = "I can only take an answer in words. Please write it."
USE_FORM = "This question is answered with the form on its card: please use its button."
NOT_QUEUED = (
    "Not queued: {count} of your messages are waiting for the request above already. "
    "Please send this one again when it is decided."
)


def not_yours(requester: UserId) -> str:
    """Tell a person who mentions the bot in another person's conversation what to do."""
    return (
        f"This conversation is <@{requester}>'s. To decide, use the buttons on the card. "
        "To start a conversation of your own, mention me outside of this thread."
    )
