"""Responses to Slack: done, not done, errors at a form's fields, another modal in its place."""

from collections.abc import Mapping
from typing import Any

import structlog
from slack_bolt.response import BoltResponse

from adapters.slack.drawing import blocks
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import responses as sentences
from adapters.slack.inbound.payloads.fields import MalformedError

_LOGGED = 64
"""Characters of a malformed payload's key that a log line shows."""
CLOSED: Block = {"response_action": "clear"}

log = structlog.get_logger(__name__)


def ok(body: Block | None = None) -> BoltResponse:
    """Acknowledge."""
    return BoltResponse(status=200, body=body or "")


def not_done() -> BoltResponse:
    """Refuse to acknowledge: an error over HTTP; in Socket Mode Bolt sends no acknowledgement."""
    return BoltResponse(status=503, body="")


def not_read(payload: Mapping[str, Any], error: MalformedError) -> BoltResponse:
    """Acknowledge a malformed payload, which Slack would otherwise deliver again; a form says so and stays open."""
    is_form = payload.get("type") == "view_submission"
    log.warning("payload_malformed", of="a form" if is_form else "an event or a click", field=error.field[:_LOGGED])
    return ok(replaced(sentences.NOT_READ) if is_form else None)


def errors(found: Mapping[str, str]) -> Block:
    """Errors at the inputs of the open form. https://docs.slack.dev/surfaces/modals#displaying_errors."""
    return {"response_action": "errors", "errors": dict(found)}


def replaced(sentence: str, title: str = sentences.NO_EFFECT) -> Block:
    """A modal with one sentence in place of the form."""
    return updated(blocks.sentence_modal(title, sentence))


def updated(view: Block) -> Block:
    """Another modal in place of the form."""
    return {"response_action": "update", "view": view}
