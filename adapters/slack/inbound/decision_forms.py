"""Handles the modals of choices: edit, reject, answer, and the confirmation of an approval."""

import asyncio
from typing import Any

import structlog
from slack_bolt.response import BoltResponse

from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import responses as sentences
from adapters.slack.forms import modals
from adapters.slack.inbound.open_actions import is_open
from adapters.slack.inbound.payloads.forms import DecisionSent
from adapters.slack.inbound.responses import CLOSED, errors, ok, replaced
from engine.ports import Intake
from engine.sentences.refusals import Changed

log = structlog.get_logger(__name__)


class DecisionForms:
    """Validates what was entered, and decides."""

    def __init__(self, desk: Intake, patience: float) -> None:
        self._desk, self._patience = desk, patience

    async def send(self, sent: DecisionSent) -> BoltResponse:
        """Handle a submitted form; on any error it stays open, so that nothing typed is lost."""
        try:
            async with asyncio.timeout(self._patience):
                return ok(await self._send(sent))
        except Exception as error:  # noqa: BLE001 - nobody is left without an answer, nor loses what they typed
            log.error("form_not_kept", approval=sent.target.approval, error=type(error).__name__)  # noqa: TRY400
        first = next(iter(sent.values), None)
        return ok(errors({first: sentences.NOT_KEPT}) if first else replaced(sentences.NOT_KEPT))

    async def _send(self, sent: DecisionSent) -> Block:
        approval = await self._desk.look(sent.target.approval)
        if approval is None:
            return replaced(sentences.REQUEST_GONE)
        if not is_open(approval, sent.target, sent.choice):
            return await self._choose(sent, "", None)
        shown = self._desk.shown(approval)
        submitted = modals.read(shown, sent.target, sent.choice, sent.values, sent.layout)
        if submitted.errors:
            return errors(submitted.errors)
        problems = self._desk.problems(approval, sent.click(submitted.text, submitted.value))
        if problems:
            return errors(modals.errors_of(shown, sent.target, sent.choice, problems))
        return await self._choose(sent, submitted.text, submitted.value)

    async def _choose(self, sent: DecisionSent, text: str, value: Any) -> Block:
        refusal = await self._desk.choose(sent.click(text, value))
        if isinstance(refusal, Changed) and sent.values:
            return errors({next(iter(sent.values)): sentences.OVERTAKEN})
        return replaced(refusal.sentence, refusal.title) if refusal else CLOSED
