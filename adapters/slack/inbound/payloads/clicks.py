"""The click of a button or a form."""

from adapters.slack.drawing.actions import Target
from adapters.slack.inbound.payloads.actor import Actor
from engine.approvals.events import Click
from engine.asks.ask import Choice, Json


def click(person: Actor, target: Target, choice: Choice, text: str = "", value: Json = None) -> Click:
    """A choice by a person, with the words and the value that they sent."""
    return Click(
        target.approval, target.action, target.revision, person.user, choice, text, value, option=target.option
    )
