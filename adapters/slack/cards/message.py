"""A message to post: its text, its blocks, its metadata, and why Slack would refuse it. Pure."""

from dataclasses import dataclass

from adapters.blockkit import BlockProblem, check_message, limits
from adapters.slack.drawing.blocks import Block


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """A message: the text for notifications, the blocks, and the metadata by which it is found again."""

    text: str
    blocks: list[Block]
    metadata: Block


def is_refused(message: SlackMessage) -> bool:
    """True if Slack would refuse it."""
    return bool(problems_of(message))


def problems_of(message: SlackMessage) -> list[BlockProblem]:
    """The reasons why Slack would refuse it."""
    return check_message({"text": message.text, "blocks": message.blocks}, text_limit=limits.UPDATE_TEXT)
