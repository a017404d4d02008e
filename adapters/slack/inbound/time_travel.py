"""Time travel in Slack: opens the modals of `adapters.slack.forms.time_travel`, and takes what they send.

A trigger lives 3 s, so a modal opens with what is known by then; where that is not enough, nothing opens and nothing is
done. What is sent is durable when the answer is given, and is done once for each modal, however often it is sent.
"""

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.drawing.blocks import Block
from adapters.slack.forms import time_travel as history
from adapters.slack.forms.time_travel import Point
from adapters.slack.inbound.parse import Chosen, Commanded, Looked, Went
from adapters.slack.workspace.errors import code_of
from engine.ids import ThreadId
from engine.ports import Snapshot, TimeTravel, TimeTravelRequest
from engine.sentences.refusals import Refusal

NONE = "You have no conversations here yet."
GONE = "That step of the conversation is no longer kept."

log = structlog.get_logger(__name__)


class LookingBack:
    """What `Handlers` hands over."""

    def __init__(self, client: AsyncWebClient, time_travel: TimeTravel) -> None:
        self._client, self._time_travel = client, time_travel

    async def command(self, commanded: Commanded, thread: ThreadId | None) -> None:
        """`/signoff history`: of a thread, or which conversation of the channel, where there are several."""
        person, place = commanded.person, commanded.person.place
        if thread is not None:
            await self._open(commanded.trigger, await self._moments(Looked(person, Point(thread), commanded.trigger)))
            return
        found = [] if place is None else await self._time_travel.conversations(place.channel, person.user)
        if not found:
            view = history.sentence(NONE)
        elif len(found) == 1:
            view = await self._moments(Looked(person, Point(found[0].thread), commanded.trigger))
        else:
            view = history.which(found)
        await self._open(commanded.trigger, view)

    async def look(self, looked: Looked) -> None:
        """A menu, a button of a modal, or another page."""
        if looked.point.checkpoint:
            await self._push(looked, await self._moment(looked))
        elif looked.view:
            view = await self._moments(looked)
            await self._client.views_update(view_id=looked.view, view=view)
        else:
            await self._open(looked.trigger, await self._moments(looked))

    async def chosen(self, chosen: Chosen) -> Block:
        """The answer to the modal that asks which conversation."""
        point = history.chosen(chosen.values)
        if point is None:
            return {"response_action": "clear"}
        return {"response_action": "update", "view": await self._moments(Looked(chosen.person, point, ""))}

    async def go(self, went: Went) -> Block:
        """Run from a point: the answer to its modal."""
        moment = await self._found(went.point.thread, went.point.checkpoint, went)
        if isinstance(moment, Refusal):
            return _update(moment.sentence)
        if moment is None:
            return _update(GONE)
        edits, errors = history.edited(moment, went.values, went.layout)
        if errors:
            return {"response_action": "errors", "errors": errors}
        person, point = went.person, went.point
        trip = TimeTravelRequest(point.thread, person.user, point.checkpoint, f"{went.view}/{point.checkpoint}", edits)
        refusal = await self._time_travel.request(trip)
        return _update(refusal.sentence) if refusal else {"response_action": "clear"}

    async def _moments(self, looked: Looked) -> Block:
        found = await self._time_travel.snapshots(looked.point.thread, looked.person.user)
        if isinstance(found, Refusal):
            return history.sentence(found.sentence)
        return history.moments_of(looked.point.thread, found, looked.point.page)

    async def _moment(self, looked: Looked) -> Block:
        found = await self._found(looked.point.thread, looked.point.checkpoint, looked)
        if isinstance(found, Refusal):
            return history.sentence(found.sentence)
        return history.sentence(GONE) if found is None else history.moment_of(looked.point.thread, found)

    async def _found(self, thread: ThreadId, checkpoint: str, by: Looked | Went) -> Snapshot | Refusal | None:
        found = await self._time_travel.snapshots(thread, by.person.user)
        if isinstance(found, Refusal):
            return found
        return next((each for each in found if each.checkpoint == checkpoint), None)

    async def _open(self, trigger: str, view: Block) -> None:
        try:
            await self._client.views_open(trigger_id=trigger, view=view)
        except SlackApiError as error:
            log.warning("history_not_opened", code=code_of(error))

    async def _push(self, looked: Looked, view: Block) -> None:
        try:
            await self._client.views_push(trigger_id=looked.trigger, view=view)
        except SlackApiError as error:
            log.warning("history_not_opened", code=code_of(error))


def _update(sentence: str) -> Block:
    return {"response_action": "update", "view": history.sentence(sentence)}
