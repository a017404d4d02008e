"""The port `Chat` on Slack's Web API.

Whoever calls may call again for the same thing: a card is found by its approval's id in the message metadata, what an
agent said by its key, so nothing is posted twice although an answer of Slack's may be lost. What an error means stands
in one table, `adapters.slack.workspace.errors`. `engine.ports.Later` is raised where a channel is busy, always before
the first message of a call: nothing has been posted then.

https://docs.slack.dev/messaging/message-metadata, https://docs.slack.dev/reference/methods/chat.postMessage
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog
from aiohttp import ClientError
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.blockkit import limits
from adapters.slack.cards import card as cards
from adapters.slack.cards import sheet as sheets
from adapters.slack.cards.card import APPROVAL_EVENT
from adapters.slack.cards.message import SlackMessage, problems_of
from adapters.slack.cards.sheet import SHEET_EVENT
from adapters.slack.drawing import blocks, full_request
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import notifications
from adapters.slack.drawing.untrusted_text import clipped
from adapters.slack.outbound import notices
from adapters.slack.outbound.agent_messages import spoken, told_of
from adapters.slack.outbound.live import Crowd, SlackLive
from adapters.slack.outbound.notices import REMINDER_EVENT
from adapters.slack.outbound.redraws import Redraws
from adapters.slack.outbound.sessions import Sessions
from adapters.slack.workspace.errors import (
    NOT_THERE,
    STREAMING,
    Fate,
    SlackRefused,
    code_of,
    fate_of,
    is_broken,
    not_posted,
    refused,
    retry_after,
)
from adapters.slack.workspace.pacing import LONGEST, Pace
from engine.approvals.approval import Approval, Copy, Place, State
from engine.budget import Urgency
from engine.ids import AgentName, ChannelId, MessageTs, SheetId, TeamId, UserId
from engine.ports import CannotPostError, Later, LiveMessage

SPOKEN_EVENT = "signoff_message"
CLOCKS_DIFFER = timedelta(minutes=10)
"""How far the clocks of this machine and of Slack may lie apart."""
_PAGE = 200
_MOST_PAGES = 25
_MOST_KEPT = 5_000

log = structlog.get_logger(__name__)


class SlackChat:
    """Implements `engine.ports.Chat`. `bot` is the bot's user id: only its own messages are found again."""

    def __init__(
        self,
        client: AsyncWebClient,
        bot: UserId,
        pace: Pace | None = None,
        *,
        together: Collection[AgentName] = (),
        ahead: timedelta = CLOCKS_DIFFER,
    ) -> None:
        """`together` are the agents that get the answers of parallel interrupts all at once: their sheets say so.

        `ahead` is how far the bot's clock may be ahead of Slack's: messages are looked for since so long before.
        """
        self._client, self._bot, self._ahead = client, bot, ahead
        self._together = frozenset(together)
        self._pace = pace or Pace()
        self._redraws, self._reminding = Redraws(), asyncio.Lock()
        self._crowd = Crowd()
        self._sessions = Sessions(client, self._pace)
        self._direct: dict[UserId, ChannelId] = {}
        self._links: dict[tuple[ChannelId, MessageTs], str] = {}

    # Cards ------------------------------------------------------------------------------------------------------------

    async def draw(self, approval: Approval, attempt: int) -> MessageTs:
        """Post the card or make the posted one true; one that is closed and was deleted stays away."""
        message = _checked(cards.card(approval, await self._origin(approval)), approval)
        if attempt == 1 and approval.card is not None and self._redraws.stands(approval.card, message):
            return approval.card
        copies = await self._copies(approval) if attempt > 1 else []
        known = approval.card or next(iter(copies), None)

        async def stand(message: SlackMessage) -> MessageTs:
            return await self._redrawn(approval, known, message) if known else await self._post_card(approval, message)

        with self._writing("the card", approval.place):
            card, message = await _fitting(stand, message, lambda: cards.fallback_card(approval))
            self._redraws.drew_card(card, message)
            if approval.state is State.PENDING and full_request.needs_file(approval):
                await self._attach(approval, card)
        for each in copies:
            if each != card:
                await self.take_back(approval.place, each)
        return card

    async def draw_sheet(self, sheet: SheetId, approvals: Sequence[Approval], attempt: int) -> MessageTs:
        """Post the message that several approvals share, or make the posted one true."""
        origin = await self._origin(approvals[0])
        message = _checked_sheet(sheets.sheet(sheet, approvals, self._together, origin), sheet, approvals)
        known = _card_of(approvals)
        if known is None:
            self._redraws.wait_for_rows(sheet, approvals)
        elif all(each.card == known for each in approvals) and self._redraws.stands(known, message):
            return known  # where a row knows of no message, it was deleted
        copies = await self._copies_of_sheet(sheet, approvals) if attempt > 1 else []
        known = known or next(iter(copies), None)

        async def stand(message: SlackMessage) -> MessageTs:
            if known is None:
                return await self._post_sheet(sheet, approvals, message)
            return await self._redrawn_sheet(sheet, approvals, known, message, copies)

        with self._writing("the list of requests", approvals[0].place):
            card, message = await _fitting(stand, message, lambda: sheets.fallback_sheet(sheet, approvals))
            self._redraws.drew(card, message)
            for each in approvals:
                if each.state is State.PENDING and full_request.needs_file(each):
                    await self._attach(each, card)
        for copy in copies:
            if copy != card:
                await self.take_back(approvals[0].place, copy)
        return card

    async def _redrawn_sheet(
        self,
        sheet: SheetId,
        approvals: Sequence[Approval],
        known: MessageTs,
        message: SlackMessage,
        copies: Sequence[MessageTs],
    ) -> MessageTs:
        try:
            await self._update(approvals[0].place, known, message, _urgency(approvals))
        except SlackApiError as error:
            if fate_of(error) is not Fate.NO_MESSAGE:
                raise
            log.warning("sheet_gone", sheet=sheet, code=code_of(error))
            if all(each.state is not State.PENDING for each in approvals):
                return known
            posted = next((each for each in copies if each != known), None)
            return posted or await self._post_sheet(sheet, approvals, message)
        return known

    async def _post_sheet(self, sheet: SheetId, approvals: Sequence[Approval], message: SlackMessage) -> MessageTs:
        place = approvals[0].place
        await self._pace.turn_to_post(place.channel, sheet)
        with _coming_back():
            return await self._post(place, message, broadcast=any(map(_concerns_channel, approvals)))

    async def _copies_of_sheet(self, sheet: SheetId, approvals: Sequence[Approval]) -> list[MessageTs]:
        """The messages that earlier attempts may have posted."""
        return [
            MessageTs(message["ts"])
            async for message in self._history(approvals[0].place, self._since(approvals))
            if _payload(message, SHEET_EVENT).get("sheet") == sheet
        ]

    async def _redrawn(self, approval: Approval, card: MessageTs, message: SlackMessage) -> MessageTs:
        try:
            await self._update(approval.place, card, message, _urgency([approval]))
        except SlackApiError as error:
            if fate_of(error) is not Fate.NO_MESSAGE:
                raise
            log.warning("card_gone", approval=approval.id, code=code_of(error))
            return await self._post_card(approval, message) if approval.state is State.PENDING else card
        return card

    async def _post_card(self, approval: Approval, message: SlackMessage) -> MessageTs:
        await self._pace.turn_to_post(approval.place.channel, approval.id)
        with _coming_back():
            return await self._post(approval.place, message, broadcast=_concerns_channel(approval))

    async def _update(self, place: Place, message_ts: MessageTs, message: SlackMessage, urgency: Urgency) -> None:
        """Let a message stand as given. Raises SlackApiError, and Later where it has to wait for its turn."""
        try:
            await self._pace.turn("chat.update", f"{place.channel}/{message_ts}", urgency)
            with _coming_back():
                await self._client.chat_update(
                    channel=place.channel,
                    ts=message_ts,
                    text=message.text,
                    blocks=message.blocks,
                    metadata=message.metadata,
                )
        except Later:
            self._redraws.held_up(message_ts)
            raise

    def _since(self, approvals: Sequence[Approval]) -> str:
        """Since when a message about these may have been posted."""
        return f"{max(0.0, (min(each.created_at for each in approvals) - self._ahead).timestamp()):.6f}"

    async def _copies(self, approval: Approval) -> list[MessageTs]:
        """The cards that earlier attempts may have posted."""
        return [
            MessageTs(message["ts"])
            async for message in self._history(approval.place, self._since([approval]))
            if _payload(message, APPROVAL_EVENT).get("approval") == approval.id
        ]

    async def _attach(self, approval: Approval, card: MessageTs) -> None:
        """Upload what no modal holds, once, into the card's thread."""
        place = _under(approval.place, card)
        name = full_request.file_name(approval)
        async for message in self._history(place, "0"):
            if any(file.get("name") == name for file in message.get("files", ())):
                return
        try:
            await self._client.files_upload_v2(
                content=full_request.file_content(approval),
                filename=name,
                title=name,
                channel=place.channel,
                thread_ts=place.thread_ts,
            )
        except SlackApiError as error:
            if code_of(error) not in ("missing_scope", "not_allowed_token_type", "file_uploads_disabled"):
                raise
            log.error("file_refused", approval=approval.id, code=code_of(error))  # noqa: TRY400 - a code says it all
            told = f"Slack did not take the file with the whole request ({code_of(error)}). Do not decide it unread."
            # Out of turn: the card stands already, and work that came back later would post it again.
            await self._post(place, SlackMessage(told, [blocks.section(told)], {}))

    # People ----------------------------------------------------------------------------------------------------------

    async def remind(self, approval: Approval, users: Sequence[UserId], key: str, attempt: int) -> None:
        """Nudge these people, who can decide, in the thread under the card."""
        if approval.state is not State.PENDING or approval.card is None:
            return
        told = notices.reminder(approval, users, await self._link(approval.place.channel, approval.card))
        await self._tell_under([approval], told, REMINDER_EVENT, key, attempt)

    async def call(self, approvals: Sequence[Approval], users: Sequence[UserId], key: str, attempt: int) -> None:
        """Mention these people in the thread under the card."""
        card = _card_of(approvals)
        if card is not None:
            told = notices.call(approvals, users, await self._link(approvals[0].place.channel, card))
            await self._tell_under(approvals, told, notices.CALL_EVENT, key, attempt)

    async def _tell_under(self, approvals: Sequence[Approval], told: str, event: str, key: str, attempt: int) -> None:
        """Say it under the card: of a sheet once for all rows that the same people decide, whose work comes together.

        The rows of a sheet are reminded of in a lane each.
        """
        first, card = approvals[0], _card_of(approvals)
        if card is None:
            return
        place = first.place if _at_root_of_dm(first.place) else _under(first.place, card)
        payload = notices.identity(approvals) | ({"told": told} if first.sheet else {"key": key})
        async with self._reminding if first.sheet else contextlib.nullcontext():
            if (first.sheet or attempt > 1) and await self._said(place, event, payload):
                return
            message = notices.message(told, event, payload)
            await self._post_all(place, [message], f"{event}/{first.sheet or first.id}")

    async def copy(self, approvals: Sequence[Approval], user: UserId, attempt: int) -> Copy | None:
        """Post the card in somebody's direct messages, once; None where they take none."""
        channel = await self._direct_messages(user)
        if channel is None:
            return None
        place = Place(approvals[0].place.team, channel)
        event, payload = _named(approvals)
        if attempt > 1 and (posted := await self._said(place, event, payload, since=self._since(approvals))):
            return Copy(user, channel, MessageTs(posted[-1]["ts"]))
        message, plain = await self._as_copy(approvals, place, user)
        await self._pace.turn_to_post(channel, f"copy/{approvals[0].sheet or approvals[0].id}")

        async def stand(message: SlackMessage) -> MessageTs:
            with _coming_back():
                return await self._post(place, message)

        try:
            with self._writing("a copy of the card", place):
                card, message = await _fitting(stand, message, plain)
        except CannotPostError as closed:
            log.warning("person_not_reached", code=closed.code)
            return None
        self._redraws.drew(card, message)
        return Copy(user, channel, card)

    async def redraw_copy(self, approvals: Sequence[Approval], copy: Copy) -> bool:
        """Make a copy true; False where it is gone."""
        place = Place(approvals[0].place.team, copy.channel)
        message, plain = await self._as_copy(approvals, place, copy.user)
        if self._redraws.stands(copy.card, message):
            return True

        gone = False

        async def stand(message: SlackMessage) -> MessageTs:
            nonlocal gone
            try:
                await self._update(place, copy.card, message, _urgency(approvals))
            except SlackApiError as error:
                if fate_of(error) is not Fate.NO_MESSAGE:
                    raise
                gone = True
            return copy.card

        with self._writing("a copy of the card", place):
            _, message = await _fitting(stand, message, plain)
        self._redraws.drew(copy.card, message)
        return not gone

    async def _as_copy(
        self, approvals: Sequence[Approval], place: Place, user: UserId
    ) -> tuple[SlackMessage, Callable[[], SlackMessage]]:
        """What stands in somebody's direct messages, and the plain message for it."""
        origin = await self._origin(approvals[0], copied=True)
        there = [replace(each, place=place) for each in approvals]
        name = approvals[0].sheet
        if name:
            sheet = _checked_sheet(sheets.sheet(name, there, self._together, origin), name, there)
            return sheet, lambda: sheets.fallback_sheet(name, there)
        own = approvals[0].requester != user
        card = _checked(cards.card(there[0], origin, approvers_own=own), there[0])
        return card, lambda: cards.fallback_card(there[0])

    async def _direct_messages(self, user: UserId) -> ChannelId | None:
        """A person's direct messages with the bot; None where there can be none."""
        if user not in self._direct:
            try:
                with _coming_back():
                    opened = await self._client.conversations_open(users=user)
            except SlackApiError as error:
                if is_broken(error):
                    raise refused("conversations.open", error) from None
                log.warning("person_not_reached", code=code_of(error))
                return None
            except (ClientError, SlackClientError, TimeoutError) as error:
                raise SlackRefused("conversations.open", type(error).__name__) from None
            if len(self._direct) >= _MOST_KEPT:
                self._direct.clear()
            self._direct[user] = ChannelId(opened["channel"]["id"])
        return self._direct[user]

    async def point_to(self, copy: Copy, sentence: str, key: str, attempt: int) -> None:
        """Tell somebody of their copy of the card by a message of its own."""
        place, payload = Place(TeamId(""), copy.channel), {"key": key}
        if attempt > 1 and await self._said(place, notices.POINTER_EVENT, payload):
            return
        told = f"{sentence}{await self._link(copy.channel, copy.card)}"
        await self._post_all(place, [notices.message(told, notices.POINTER_EVENT, payload)], f"point/{copy.card}")

    async def signpost(self, approvals: Sequence[Approval], attempt: int) -> MessageTs | None:
        """Say in the conversation where the card stands, and what became of it."""
        card = _card_of(approvals)
        if card is None:
            return None
        home, payload = approvals[0].home, notices.identity(approvals)
        known = next((each.signpost for each in approvals if each.signpost), None)
        if known is None and attempt > 1:
            posted = await self._said(home, notices.SIGNPOST_EVENT, payload)
            known = MessageTs(posted[-1]["ts"]) if posted else None
        summary = sheets.summary(approvals) if approvals[0].sheet else notifications.summary(approvals[0])
        link = await self._link(approvals[0].place.channel, card)
        message = notices.message(notices.signpost(approvals, summary, link), notices.SIGNPOST_EVENT, payload)
        with self._writing("where the request went", home):
            if known is None:
                await self._pace.turn_to_post(home.channel, f"signpost/{approvals[0].sheet or approvals[0].id}")
                with _coming_back():
                    known = await self._post(home, message)
            elif not self._redraws.stands(known, message):
                try:
                    await self._update(home, known, message, Urgency.NEXT)
                except SlackApiError as error:
                    if fate_of(error) is not Fate.NO_MESSAGE:
                        raise
        self._redraws.drew(known, message)
        return known

    async def _origin(self, approval: Approval, *, copied: bool = False) -> str:
        """Where a request came from, and the way there, for a card that stands elsewhere."""
        if not copied and not approval.is_elsewhere:
            return ""
        home = approval.home
        return notices.origin(approval, await self._link(home.channel, home.thread_ts) if home.thread_ts else "")

    async def _link(self, channel: ChannelId, message: MessageTs) -> str:
        """The way to a message, in brackets; nothing where Slack does not say it."""
        key = channel, message
        if key not in self._links:
            try:
                found = await self._client.chat_getPermalink(channel=channel, message_ts=message)
            except SlackApiError as error:
                log.warning("no_permalink", channel=channel, code=code_of(error))
                return ""
            except (ClientError, SlackClientError, TimeoutError) as error:
                log.warning("no_permalink", channel=channel, code=type(error).__name__)
                return ""
            if len(self._links) >= _MOST_KEPT:
                self._links.clear()
            self._links[key] = f" (<{found['permalink']}|open it>)"
        return self._links[key]

    # Words ------------------------------------------------------------------------------------------------------------

    async def say(
        self,
        place: Place,
        text: str,
        key: str,
        *,
        speaker: str,
        attempt: int,
        at: MessageTs | None = None,
        by: UserId | None = None,
    ) -> None:
        """Say what the agent says, whole, in as many messages as it takes; the first in the place of a live one."""
        done = await self._said(place, SPOKEN_EVENT, {"key": key}) if attempt > 1 else []
        parts = {message["metadata"]["event_payload"].get("part") for message in done}
        messages = [
            SlackMessage(
                each.text,
                each.blocks,
                {"event_type": SPOKEN_EVENT, "event_payload": {"key": key, "part": part}},
            )
            for part, each in enumerate(told_of(by, text) if by else spoken(text, speaker))
            if part not in parts
        ]
        if at is not None and 0 not in parts and await self._took_place(place, at, messages[0]):
            messages = messages[1:]
        await self._post_all(place, messages, key)

    async def _took_place(self, place: Place, at: MessageTs, message: SlackMessage) -> bool:
        """Whether a live message says it now; one that is gone does not. A stream that a crash left is ended first."""
        for _ in range(2):
            try:
                clip = replace(message, text=clipped(message.text, limits.UPDATE_TEXT))
                await self._update(place, at, clip, Urgency.NEXT)
            except SlackApiError as error:
                if fate_of(error) is not Fate.PASSES:
                    return False
                if code_of(error) != STREAMING:
                    raise refused("chat.update", error) from None
                await self._stop_stream(place, at)
            else:
                return True
        return False

    async def _stop_stream(self, place: Place, at: MessageTs) -> None:
        try:
            await self._client.chat_stopStream(channel=place.channel, ts=at)
        except SlackApiError as error:
            log.warning("stream_not_stopped", channel=place.channel, code=code_of(error))

    def live(self, place: Place, viewer: UserId) -> LiveMessage:
        """A message that will show what a run says while it runs."""
        return SlackLive(self._client, place, viewer, self._crowd, self._pace)

    async def take_back(self, place: Place, message: MessageTs) -> None:
        """Remove a live message."""
        with self._writing("chat.delete", place):
            await self._pace.turn("chat.delete", f"{place.channel}/{message}", Urgency.NEXT)
            try:
                with _coming_back():
                    await self._client.chat_delete(channel=place.channel, ts=message)
            except SlackApiError as error:
                if fate_of(error) is not Fate.NO_MESSAGE and code_of(error) != "cant_delete_message":
                    raise

    async def tell(self, place: Place, user: UserId, sentence: str) -> None:
        """One sentence that only this person sees; where that cannot be, in a direct message. Raises SlackRefused."""
        words: dict[str, Any] = {"text": sentence, "blocks": blocks.sections(sentence)}
        if place.thread_ts:
            words["thread_ts"] = place.thread_ts
        try:
            with _coming_back():
                await self._client.chat_postEphemeral(channel=place.channel, user=user, **words)
        except SlackApiError as error:
            if code_of(error) not in NOT_THERE and fate_of(error) not in (Fate.CLOSED, Fate.NO_THREAD):
                raise refused("chat.postEphemeral", error) from None
        else:
            return
        await self._tell_directly(user, words)

    async def _tell_directly(self, user: UserId, words: dict[str, Any]) -> None:
        try:
            opened = await self._client.conversations_open(users=user)
            with _coming_back():
                await self._client.chat_postMessage(channel=opened["channel"]["id"], **(words | {"thread_ts": None}))
        except SlackApiError as error:
            if is_broken(error):
                raise refused("chat.postMessage", error) from None
            log.warning("person_not_reached", code=code_of(error))

    async def show_waiting(self, approval: Approval, *, waits: bool) -> None:
        """Suspend the agent's session in the conversation's thread, or let it be active."""
        await self._sessions.show(approval, waits=waits)

    async def aclose(self) -> None:
        """Leave what is an aid and was to be shown later."""
        await self._sessions.aclose()

    # The Web API ------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _writing(self, what: str, place: Place) -> Iterator[None]:
        """Raise Slack's errors, and those of the way there, as the port has them."""
        try:
            yield
        except SlackApiError as error:
            raise not_posted(what, error, place, self._bot) from None
        except (ClientError, SlackClientError, TimeoutError) as error:
            raise SlackRefused(what, type(error).__name__) from None

    async def _post_all(self, place: Place, messages: Sequence[SlackMessage], key: str) -> None:
        """Post in order."""
        if not messages:
            return
        first, *others = messages
        await self._pace.turn_to_post(place.channel, key, len(messages))
        with self._writing("chat.postMessage", place):
            with _coming_back():
                await self._post(place, first)
            for message in others:
                await self._pace.pause()
                await self._post(place, message)

    async def _post(self, place: Place, message: SlackMessage, *, broadcast: bool = False) -> MessageTs:
        """Post, beside the thread where that is gone. `broadcast`: what stands in a thread is in its channel, too."""
        optional: dict[str, Any] = {"metadata": message.metadata} if message.metadata else {}
        if place.thread_ts:
            optional["thread_ts"] = place.thread_ts
            if broadcast:
                optional["reply_broadcast"] = True
        try:
            answer = await self._client.chat_postMessage(
                channel=place.channel,
                text=message.text,
                blocks=message.blocks,
                unfurl_links=False,
                unfurl_media=False,
                **optional,
            )
        except SlackApiError as error:
            if place.thread_ts is None or fate_of(error) is not Fate.NO_THREAD:
                raise
            log.warning("thread_gone", channel=place.channel, thread_ts=place.thread_ts, code=code_of(error))
            return await self._post(replace(place, thread_ts=None), message)
        return MessageTs(answer["ts"])

    async def _said(self, place: Place, event: str, payload: Block, since: str = "0") -> list[Block]:
        """The messages whose metadata say this, the oldest first."""
        found = [each async for each in self._history(place, since) if payload.items() <= _payload(each, event).items()]
        return sorted(found, key=lambda message: float(message["ts"]))

    async def _history(self, place: Place, oldest: str) -> AsyncIterator[Block]:
        """The bot's own messages of a place, with their metadata. Raises SlackRefused."""
        cursor = ""
        for _ in range(_MOST_PAGES):
            asked: dict[str, Any] = {
                "limit": _PAGE,
                "include_all_metadata": True,
                "oldest": oldest,
                "cursor": cursor or None,
            }
            try:
                if place.thread_ts:
                    page = await self._client.conversations_replies(channel=place.channel, ts=place.thread_ts, **asked)
                else:
                    page = await self._client.conversations_history(channel=place.channel, **asked)
            except SlackApiError as error:
                if fate_of(error) is Fate.NO_THREAD and place.thread_ts:
                    place, cursor = replace(place, thread_ts=None), ""
                    continue
                if fate_of(error) is Fate.CLOSED:
                    return
                raise refused("conversations.history", error) from None
            for message in page["messages"]:
                if message.get("user") == self._bot:
                    yield message
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return


@contextlib.contextmanager
def _coming_back() -> Iterator[None]:
    """A call before which nothing is written: where Slack is called too often, the work comes back for it."""
    try:
        yield
    except SlackApiError as error:
        seconds = retry_after(error)
        if seconds is None:
            raise
        raise Later(min(seconds, LONGEST)) from None


def _urgency(approvals: Sequence[Approval]) -> Urgency:
    """Buttons of what is decided go first."""
    open_whole = all(
        each.state is State.PENDING and all(review.decision is None for review in each.reviews) for each in approvals
    )
    return Urgency.NEXT if open_whole else Urgency.FIRST


async def _fitting(
    stand: Callable[[SlackMessage], Awaitable[MessageTs]], message: SlackMessage, plain: Callable[[], SlackMessage]
) -> tuple[MessageTs, SlackMessage]:
    """Let a message stand, or a plainer one where Slack refuses it; gives which one stands."""
    try:
        return await stand(message), message
    except SlackApiError as error:
        if fate_of(error) is not Fate.UNFIT:
            raise
        log.error("drawn_plainly", code=code_of(error))  # noqa: TRY400 - a code says it all
    plainer = plain()
    return await stand(plainer), plainer


def _under(place: Place, card: MessageTs) -> Place:
    return Place(place.team, place.channel, place.thread_ts or card)


def _at_root_of_dm(place: Place) -> bool:
    """There a thread would be a conversation of its own."""
    return place.thread_ts is None and place.channel.startswith("D")


def _payload(message: Block, event: str) -> Block:
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") if metadata.get("event_type") == event else None
    return payload if isinstance(payload, dict) else {}


def _checked(message: SlackMessage, approval: Approval) -> SlackMessage:
    """The card, or the plain one where Slack would refuse it: never a lost ask."""
    problems = problems_of(message)
    if not problems:
        return message
    log.error("card_would_be_refused", approval=approval.id, problems=[problem.message for problem in problems])
    return cards.fallback_card(approval)


def _checked_sheet(message: SlackMessage, sheet: SheetId, approvals: Sequence[Approval]) -> SlackMessage:
    problems = problems_of(message)
    if not problems:
        return message
    log.error("sheet_would_be_refused", sheet=sheet, problems=[problem.message for problem in problems])
    return sheets.fallback_sheet(sheet, approvals)


def _concerns_channel(approval: Approval) -> bool:
    """Whether a card in a thread is shown in its channel, too: what is decided already needs nobody there."""
    return approval.calling.broadcast and approval.state is State.PENDING


def _card_of(approvals: Sequence[Approval]) -> MessageTs | None:
    return max((each.card for each in approvals if each.card is not None), key=float, default=None)


def _named(approvals: Sequence[Approval]) -> tuple[str, Block]:
    """The metadata by which the card of these, or the sheet, is found again."""
    first = approvals[0]
    metadata = sheets.metadata_of(first.sheet) if first.sheet else cards.metadata_of(first.id)
    return str(metadata["event_type"]), metadata["event_payload"]
