"""Opens modals. A trigger lives 3 s and works once. https://docs.slack.dev/interactivity/handling-user-interaction."""

import structlog
from aiohttp import ClientError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.blockkit import check_modal
from adapters.slack.drawing import blocks
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import responses as sentences
from adapters.slack.inbound.payloads.actor import Actor
from adapters.slack.inbound.telling import Teller
from adapters.slack.workspace.errors import code_of
from engine.ids import ApprovalId

log = structlog.get_logger(__name__)


class ViewOpener:
    """Opens a modal for a person, and tells them if it did not open."""

    def __init__(self, client: AsyncWebClient, teller: Teller) -> None:
        self._client, self._teller = client, teller

    async def open(
        self, person: Actor, trigger: str, view: Block, approval: ApprovalId, *, on_top: bool = False
    ) -> None:
        """Open a modal; `on_top` of the one in which the button was pressed. Never raises an error of Slack's."""
        problems = check_modal(view)
        if problems:
            log.error("form_would_be_refused", approval=approval, problems=[each.message for each in problems])
            view = blocks.sentence_modal(sentences.NOT_POSSIBLE, sentences.CANNOT_BE_SHOWN)
        try:
            show = self._client.views_push if on_top else self._client.views_open
            await show(trigger_id=trigger, view=view)
        except SlackApiError as error:
            log.warning("form_not_opened", approval=approval, code=code_of(error))
            await self._teller.tell(person, sentences.TOO_SLOW)
        except (ClientError, TimeoutError) as error:
            log.warning("form_perhaps_not_opened", approval=approval, error=type(error).__name__)
            await self._teller.tell(person, sentences.PERHAPS_NOT_OPEN)
