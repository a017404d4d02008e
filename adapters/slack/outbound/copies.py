"""Copies of a card in people's direct messages."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog
from slack_sdk.errors import SlackApiError

from adapters.slack.cards import card as cards
from adapters.slack.cards import sheet as sheets
from adapters.slack.cards.message import SlackMessage
from adapters.slack.outbound.cards import Cards, checked_card, checked_sheet, metadata_of, urgency
from adapters.slack.outbound.notices import POINTER_EVENT, notice
from adapters.slack.outbound.posts import Posts, later_if_limited, put_or_fall_back
from adapters.slack.workspace.errors import Fate, fate_of
from engine.approvals.approval import Approval, Copy, Place
from engine.ids import MessageTs, TeamId, UserId
from engine.ports import CannotPostError

log = structlog.get_logger(__name__)


class Copies:
    """Posts copies, redraws them, and points to them."""

    def __init__(self, posts: Posts, cards: Cards) -> None:
        self._posts, self._cards = posts, cards

    async def post(self, approvals: Sequence[Approval], user: UserId, attempt: int) -> Copy | None:
        """Post a copy in somebody's direct messages, once; None if they take none. Raises Later and SlackRefused."""
        channel = await self._posts.direct_messages(user)
        if channel is None:
            return None
        if attempt > 1 and (posted := await self.posted(approvals, user)):
            return posted[-1]
        place = Place(approvals[0].place.team, channel)
        message, fallback = await self._copy(approvals, place, user)
        await self._posts.pace.turn_to_post(channel, f"copy/{approvals[0].sheet or approvals[0].id}")

        async def put(message: SlackMessage) -> MessageTs:
            with later_if_limited():
                return await self._posts.post(place, message)

        try:
            with self._posts.port_errors("a copy of the card", place):
                card, message = await put_or_fall_back(put, message, fallback)
        except CannotPostError as closed:
            log.warning("person_not_reached", code=closed.code)
            return None
        self._posts.redraws.drew(card, message)
        return Copy(user, channel, card)

    async def posted(self, approvals: Sequence[Approval], user: UserId) -> Sequence[Copy]:
        """Find the copies that attempts posted before, the oldest first. Raises Later and SlackRefused."""
        channel = await self._posts.direct_messages(user)
        if channel is None:
            return ()
        place = Place(approvals[0].place.team, channel)
        found = await self._posts.find(place, *metadata_of(approvals), since=self._posts.since(place, approvals))
        return [Copy(user, channel, MessageTs(each["ts"])) for each in found]

    async def redraw(self, approvals: Sequence[Approval], copy: Copy) -> bool:
        """Redraw a copy; False if it is gone. Raises Later, SlackRefused and CannotPostError."""
        place = Place(approvals[0].place.team, copy.channel)
        message, fallback = await self._copy(approvals, place, copy.user)
        if self._posts.redraws.stands(copy.card, message):
            return True
        gone = False

        async def put(message: SlackMessage) -> MessageTs:
            nonlocal gone
            try:
                await self._posts.update(place, copy.card, message, urgency(approvals))
            except SlackApiError as error:
                if fate_of(error) is not Fate.NO_MESSAGE:
                    raise
                gone = True
            return copy.card

        with self._posts.port_errors("a copy of the card", place):
            _, message = await put_or_fall_back(put, message, fallback)
        self._posts.redraws.drew(copy.card, message)
        return not gone

    async def point_to(self, copy: Copy, sentence: str, key: str, attempt: int) -> None:
        """Post a message that links to a copy. Raises Later, SlackRefused and CannotPostError."""
        place, payload = Place(TeamId(""), copy.channel), {"key": key}
        if attempt > 1 and await self._posts.find(place, POINTER_EVENT, payload):
            return
        told = f"{sentence}{await self._posts.link(copy.channel, copy.card)}"
        await self._posts.post_all(place, [notice(told, POINTER_EVENT, payload)], f"point/{copy.card}")

    async def _copy(
        self, approvals: Sequence[Approval], place: Place, user: UserId
    ) -> tuple[SlackMessage, Callable[[], SlackMessage]]:
        """The message for somebody's direct messages, and its fallback."""
        origin = await self._cards.origin(approvals[0], copied=True)
        there = [replace(each, place=place) for each in approvals]
        name = approvals[0].sheet
        if name:
            sheet = checked_sheet(sheets.sheet(name, there, self._cards.together, origin), name, there)
            return sheet, lambda: sheets.fallback_sheet(name, there)
        own = approvals[0].requester != user
        card = checked_card(cards.card(there[0], origin, approvers_own=own), there[0])
        return card, lambda: cards.fallback_card(there[0])
