"""Handles time travel: opens its modals, and takes what they send.

A trigger lives 3 s, so a modal opens with what is known by then, or not at all. What is sent is stored before it is
acknowledged, and done once for each modal, however often Slack delivers it. `adapters.slack.forms.time_travel` draws
the modals.
"""

import asyncio

import structlog
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.drawing.actions import Point
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import responses as sentences
from adapters.slack.forms import time_travel as modals
from adapters.slack.inbound.commands import Commands, ephemeral
from adapters.slack.inbound.payloads.actor import Actor
from adapters.slack.inbound.payloads.buttons import TimeTravelOpened
from adapters.slack.inbound.payloads.commands import Commanded
from adapters.slack.inbound.payloads.forms import ConversationChosen, RunFromSent
from adapters.slack.inbound.responses import CLOSED, errors, not_done, ok, replaced, updated
from adapters.slack.inbound.telling import Teller
from adapters.slack.workspace.errors import code_of
from engine.ids import ThreadId
from engine.ports import Snapshot, TimeTravel, TimeTravelRequest
from engine.sentences.refusals import Refusal

log = structlog.get_logger(__name__)


class TimeTravelModals:
    """Shows a conversation's checkpoints, and restarts from one."""

    def __init__(self, client: AsyncWebClient, time_travel: TimeTravel, commands: Commands, teller: Teller) -> None:
        self._client, self._time_travel, self._commands, self._teller = client, time_travel, commands, teller

    # Handlers ---------------------------------------------------------------------------------------------------------

    async def command(self, commanded: Commanded, spelled: str) -> BoltResponse:
        """Handle `/signoff history [ID]`."""
        try:
            async with asyncio.timeout(self._teller.patience):
                thread = await self._commands.thread_of(spelled, commanded.person.user)
                if spelled and thread is None:
                    return ok(ephemeral(sentences.NOT_FOUND))
                await self._show(commanded.trigger, await self._commanded(commanded, thread))
        except Exception as error:  # noqa: BLE001 - nobody is left without an answer
            log.error("command_not_answered", error=type(error).__name__)  # noqa: TRY400
            return ok(ephemeral(sentences.STEPS_NOT_READ))
        return ok()

    async def open(self, opened: TimeTravelOpened) -> BoltResponse:
        """Handle the option of a card's menu, or a button of a modal."""
        try:
            async with asyncio.timeout(self._teller.patience):
                await self._opened(opened)
        except Exception as error:  # noqa: BLE001 - nobody is left without an answer
            log.error("history_not_shown", error=type(error).__name__)  # noqa: TRY400
            await self._teller.tell(opened.person, sentences.STEPS_NOT_READ)
            return not_done()
        return ok()

    async def send(self, sent: ConversationChosen | RunFromSent) -> BoltResponse:
        """Handle a submitted modal."""
        try:
            async with asyncio.timeout(self._teller.patience):
                if isinstance(sent, RunFromSent):
                    return ok(await self._run_from(sent))
                return ok(await self._chosen(sent))
        except Exception as error:  # noqa: BLE001 - nobody is left without an answer
            log.error("history_not_shown", error=type(error).__name__)  # noqa: TRY400
            return ok(replaced(sentences.STEPS_NOT_READ))

    # What they do -----------------------------------------------------------------------------------------------------

    async def _commanded(self, commanded: Commanded, thread: ThreadId | None) -> Block:
        """The checkpoints of a thread, or the question which conversation of the channel, if there are several."""
        person, place = commanded.person, commanded.person.place
        if thread is not None:
            return await self._checkpoints(Point(thread), person)
        found = [] if place is None else await self._time_travel.conversations(place.channel, person.user)
        if not found:
            return modals.sentence(sentences.NO_CONVERSATIONS)
        if len(found) == 1:
            return await self._checkpoints(Point(found[0].thread), person)
        return modals.which(found)

    async def _opened(self, opened: TimeTravelOpened) -> None:
        if opened.point.checkpoint:
            await self._push(opened.trigger, await self._checkpoint(opened.point, opened.person))
            return
        view = await self._checkpoints(opened.point, opened.person)
        if opened.view:
            await self._client.views_update(view_id=opened.view, view=view)
        else:
            await self._show(opened.trigger, view)

    async def _chosen(self, chosen: ConversationChosen) -> Block:
        point = modals.chosen(chosen.values)
        return CLOSED if point is None else updated(await self._checkpoints(point, chosen.person))

    async def _run_from(self, sent: RunFromSent) -> Block:
        snapshot = await self._found(sent.point, sent.person)
        if isinstance(snapshot, Refusal):
            return updated(modals.sentence(snapshot.sentence))
        if snapshot is None:
            return updated(modals.sentence(sentences.STEP_GONE))
        edits, found = modals.edited(snapshot, sent.values, sent.layout)
        if found:
            return errors(found)
        person, point = sent.person, sent.point
        wanted = TimeTravelRequest(
            point.thread, person.user, point.checkpoint, f"{sent.view}/{point.checkpoint}", edits
        )
        refusal = await self._time_travel.request(wanted)
        return updated(modals.sentence(refusal.sentence)) if refusal else CLOSED

    # Modals -----------------------------------------------------------------------------------------------------------

    async def _checkpoints(self, point: Point, person: Actor) -> Block:
        found = await self._time_travel.snapshots(point.thread, person.user)
        if isinstance(found, Refusal):
            return modals.sentence(found.sentence)
        return modals.checkpoints(point.thread, found, point.page)

    async def _checkpoint(self, point: Point, person: Actor) -> Block:
        found = await self._found(point, person)
        if isinstance(found, Refusal):
            return modals.sentence(found.sentence)
        return modals.sentence(sentences.STEP_GONE) if found is None else modals.checkpoint(point.thread, found)

    async def _found(self, point: Point, person: Actor) -> Snapshot | Refusal | None:
        found = await self._time_travel.snapshots(point.thread, person.user)
        if isinstance(found, Refusal):
            return found
        return next((each for each in found if each.checkpoint == point.checkpoint), None)

    async def _show(self, trigger: str, view: Block) -> None:
        try:
            await self._client.views_open(trigger_id=trigger, view=view)
        except SlackApiError as error:
            log.warning("history_not_opened", code=code_of(error))

    async def _push(self, trigger: str, view: Block) -> None:
        try:
            await self._client.views_push(trigger_id=trigger, view=view)
        except SlackApiError as error:
            log.warning("history_not_opened", code=code_of(error))
