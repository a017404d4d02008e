"""Notices: short messages beside a card, each found again by its metadata, so that none is posted twice."""

import asyncio
import contextlib
from collections.abc import Sequence

from slack_sdk.errors import SlackApiError

from adapters.slack.cards import sheet as sheets
from adapters.slack.cards.message import SlackMessage
from adapters.slack.drawing import blocks
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import notices as sentences
from adapters.slack.drawing.sentences import notifications
from adapters.slack.outbound.cards import card_of, thread_under
from adapters.slack.outbound.posts import Posts, later_if_limited
from adapters.slack.workspace.errors import Fate, fate_of
from engine.approvals.approval import Approval, Place, State
from engine.budget import Urgency
from engine.ids import MessageTs, UserId

CALL_EVENT = "signoff_call"
POINTER_EVENT = "signoff_pointer"
SIGNPOST_EVENT = "signoff_signpost"
REMINDER_EVENT = "signoff_reminder"


class Notices:
    """Reminds and mentions people under the card, and signposts cards that are posted elsewhere."""

    def __init__(self, posts: Posts) -> None:
        self._posts, self._one_by_one = posts, asyncio.Lock()

    async def remind(self, approval: Approval, users: Sequence[UserId], key: str, attempt: int) -> None:
        """Remind people in the thread under the card. Raises Later, SlackRefused and CannotPostError."""
        if approval.state is not State.PENDING or approval.card is None:
            return
        told = sentences.reminder(approval, users, await self._posts.link(approval.place.channel, approval.card))
        await self._post_under([approval], told, REMINDER_EVENT, key, attempt)

    async def call(self, approvals: Sequence[Approval], users: Sequence[UserId], key: str, attempt: int) -> None:
        """Mention people in the thread under the card. Raises Later, SlackRefused and CannotPostError."""
        card = card_of(approvals)
        if card is not None:
            told = sentences.call(approvals, users, await self._posts.link(approvals[0].place.channel, card))
            await self._post_under(approvals, told, CALL_EVENT, key, attempt)

    async def _post_under(self, approvals: Sequence[Approval], told: str, event: str, key: str, attempt: int) -> None:
        """Post a notice under the card; under a sheet once for all rows with the same people.

        Each row of a sheet is reminded of in a lane of its own, at the same time as its neighbours.
        """
        first, card = approvals[0], card_of(approvals)
        if card is None:
            return
        place = first.place if _at_root_of_dm(first.place) else thread_under(first.place, card)
        payload = _identity(approvals) | ({"told": told} if first.sheet else {"key": key})
        async with self._one_by_one if first.sheet else contextlib.nullcontext():
            if (first.sheet or attempt > 1) and await self._posts.find(place, event, payload):
                return
            await self._posts.post_all(place, [notice(told, event, payload)], f"{event}/{first.sheet or first.id}")

    async def signpost(self, approvals: Sequence[Approval], attempt: int) -> MessageTs | None:
        """Say in the conversation where the card is and how it ended. Raises Later, SlackRefused, CannotPostError."""
        card = card_of(approvals)
        if card is None:
            return None
        first, home = approvals[0], approvals[0].home
        known = await self._posted_signpost(approvals, attempt)
        summary = sheets.summary(approvals) if first.sheet else notifications.summary(first)
        told = sentences.signpost(approvals, summary, await self._posts.link(first.place.channel, card))
        message = notice(told, SIGNPOST_EVENT, _identity(approvals))
        with self._posts.port_errors("where the request went", home):
            if known is None:
                await self._posts.pace.turn_to_post(home.channel, f"signpost/{first.sheet or first.id}")
                with later_if_limited():
                    known = await self._posts.post(home, message)
            elif not self._posts.redraws.stands(known, message):
                await self._update_if_there(home, known, message)
        self._posts.redraws.drew(known, message)
        return known

    async def _posted_signpost(self, approvals: Sequence[Approval], attempt: int) -> MessageTs | None:
        known = next((each.signpost for each in approvals if each.signpost), None)
        if known is not None or attempt <= 1:
            return known
        posted = await self._posts.find(approvals[0].home, SIGNPOST_EVENT, _identity(approvals))
        return MessageTs(posted[-1]["ts"]) if posted else None

    async def _update_if_there(self, place: Place, ts: MessageTs, message: SlackMessage) -> None:
        try:
            await self._posts.update(place, ts, message, Urgency.NEXT)
        except SlackApiError as error:
            if fate_of(error) is not Fate.NO_MESSAGE:
                raise


def notice(text: str, event: str, payload: Block) -> SlackMessage:
    """A short message of our own words that is found again by its payload."""
    return SlackMessage(text, [blocks.section(text)], {"event_type": event, "event_payload": payload})


def _identity(approvals: Sequence[Approval]) -> Block:
    """The payload that tells these approvals from others, and from an earlier time that they were asked."""
    first = approvals[0]
    asked = int(first.created_at.timestamp())
    return {"sheet": first.sheet} if first.sheet else {"approval": first.id, "asked": asked}


def _at_root_of_dm(place: Place) -> bool:
    """True if a thread would be a conversation of its own."""
    return place.thread_ts is None and place.channel.startswith("D")
