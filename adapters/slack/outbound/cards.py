"""Cards and sheets: posts them, and redraws the posted ones until they are closed (P8).

A closed one that somebody deleted is not posted again.
"""

from collections.abc import Collection, Sequence

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.cards import card as cards
from adapters.slack.cards import sheet as sheets
from adapters.slack.cards.message import SlackMessage, problems_of
from adapters.slack.drawing import blocks, full_request
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import notices
from adapters.slack.outbound.posts import Posts, later_if_limited, payload_of, put_or_fall_back
from adapters.slack.workspace.errors import Fate, code_of, fate_of
from engine.approvals.approval import Approval, Place, State
from engine.budget import Urgency
from engine.ids import AgentName, MessageTs, SheetId

_NO_FILES = ("missing_scope", "not_allowed_token_type", "file_uploads_disabled")

log = structlog.get_logger(__name__)


class Cards:
    """Draws cards and sheets. `together` are the agents that get all answers at once: their sheets say so."""

    def __init__(self, client: AsyncWebClient, posts: Posts, together: Collection[AgentName]) -> None:
        self._client, self._posts, self.together = client, posts, frozenset(together)

    # Cards ------------------------------------------------------------------------------------------------------------

    async def draw(self, approval: Approval, attempt: int) -> MessageTs:
        """Post a card, or redraw the posted one. Raises Later, SlackRefused and CannotPostError."""
        message = checked_card(cards.card(approval, await self.origin(approval)), approval)
        redraws = self._posts.redraws
        if attempt == 1 and approval.card is not None and redraws.stands(approval.card, message):
            return approval.card
        copies = await self._posted_cards(approval) if attempt > 1 else []
        known = approval.card or next(iter(copies), None)

        async def put(message: SlackMessage) -> MessageTs:
            return await self._redraw(approval, known, message) if known else await self._post(approval, message)

        with self._posts.port_errors("the card", approval.place):
            card, message = await put_or_fall_back(put, message, lambda: cards.fallback_card(approval))
            redraws.drew_card(card, message)
            if approval.state is State.PENDING and full_request.needs_file(approval):
                await self._attach(approval, card)
        await self._remove_copies(approval.place, copies, card)
        return card

    async def _redraw(self, approval: Approval, card: MessageTs, message: SlackMessage) -> MessageTs:
        try:
            await self._posts.update(approval.place, card, message, urgency([approval]))
        except SlackApiError as error:
            if fate_of(error) is not Fate.NO_MESSAGE:
                raise
            log.warning("card_gone", approval=approval.id, code=code_of(error))
            return await self._post(approval, message) if approval.state is State.PENDING else card
        return card

    async def _post(self, approval: Approval, message: SlackMessage) -> MessageTs:
        await self._posts.pace.turn_to_post(approval.place.channel, approval.id)
        with later_if_limited():
            return await self._posts.post(approval.place, message, broadcast=_concerns_channel(approval))

    async def _posted_cards(self, approval: Approval) -> list[MessageTs]:
        """The cards that earlier attempts may have posted."""
        return [
            MessageTs(message["ts"])
            async for message in self._posts.own_messages(approval.place, self._posts.since(approval.place, [approval]))
            if payload_of(message, cards.APPROVAL_EVENT).get("approval") == approval.id
        ]

    # Sheets -----------------------------------------------------------------------------------------------------------

    async def draw_sheet(self, sheet: SheetId, approvals: Sequence[Approval], attempt: int) -> MessageTs:
        """Post a sheet, or redraw the posted one. Raises Later, SlackRefused and CannotPostError."""
        origin = await self.origin(approvals[0])
        message = checked_sheet(sheets.sheet(sheet, approvals, self.together, origin), sheet, approvals)
        known, redraws = card_of(approvals), self._posts.redraws
        if known is None:
            redraws.wait_for_rows(sheet, approvals)
        elif all(each.card == known for each in approvals) and redraws.stands(known, message):
            return known  # a row that knows no message was deleted
        copies = await self._posted_sheets(sheet, approvals) if attempt > 1 else []
        known = known or next(iter(copies), None)

        async def put(message: SlackMessage) -> MessageTs:
            if known is None:
                return await self._post_sheet(sheet, approvals, message)
            return await self._redraw_sheet(sheet, approvals, known, message, copies)

        with self._posts.port_errors("the list of requests", approvals[0].place):
            card, message = await put_or_fall_back(put, message, lambda: sheets.fallback_sheet(sheet, approvals))
            redraws.drew(card, message)
            for each in approvals:
                if each.state is State.PENDING and full_request.needs_file(each):
                    await self._attach(each, card)
        await self._remove_copies(approvals[0].place, copies, card)
        return card

    async def _redraw_sheet(
        self,
        sheet: SheetId,
        approvals: Sequence[Approval],
        known: MessageTs,
        message: SlackMessage,
        copies: Sequence[MessageTs],
    ) -> MessageTs:
        try:
            await self._posts.update(approvals[0].place, known, message, urgency(approvals))
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
        await self._posts.pace.turn_to_post(place.channel, sheet)
        with later_if_limited():
            return await self._posts.post(place, message, broadcast=any(map(_concerns_channel, approvals)))

    async def _posted_sheets(self, sheet: SheetId, approvals: Sequence[Approval]) -> list[MessageTs]:
        """The sheets that earlier attempts may have posted."""
        place = approvals[0].place
        return [
            MessageTs(message["ts"])
            async for message in self._posts.own_messages(place, self._posts.since(place, approvals))
            if payload_of(message, sheets.SHEET_EVENT).get("sheet") == sheet
        ]

    # Both -------------------------------------------------------------------------------------------------------------

    async def origin(self, approval: Approval, *, copied: bool = False) -> str:
        """The conversation of a request, with a link, if its card is posted elsewhere."""
        if not copied and not approval.is_elsewhere:
            return ""
        home = approval.home
        return notices.origin(approval, await self._posts.link(home.channel, home.thread_ts) if home.thread_ts else "")

    async def _remove_copies(self, place: Place, copies: Sequence[MessageTs], card: MessageTs) -> None:
        for each in copies:
            if each != card:
                await self._posts.remove(place, each)

    async def _attach(self, approval: Approval, card: MessageTs) -> None:
        """Upload the full request into the card's thread, once, if it is too long for a modal."""
        place = thread_under(approval.place, card)
        name = full_request.file_name(approval)
        async for message in self._posts.own_messages(place, "0"):
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
            if code_of(error) not in _NO_FILES:
                raise
            log.error("file_refused", approval=approval.id, code=code_of(error))  # noqa: TRY400 - a code says it all
            told = notices.file_refused(code_of(error))
            # Out of turn: the card is posted, and work that came back later would post it again.
            await self._posts.post(place, SlackMessage(told, [blocks.section(told)], {}))


def checked_card(message: SlackMessage, approval: Approval) -> SlackMessage:
    """The card, or the fallback if Slack would refuse it: a request is never lost."""
    problems = problems_of(message)
    if not problems:
        return message
    log.error("card_would_be_refused", approval=approval.id, problems=[problem.message for problem in problems])
    return cards.fallback_card(approval)


def checked_sheet(message: SlackMessage, sheet: SheetId, approvals: Sequence[Approval]) -> SlackMessage:
    """The sheet, or the fallback if Slack would refuse it."""
    problems = problems_of(message)
    if not problems:
        return message
    log.error("sheet_would_be_refused", sheet=sheet, problems=[problem.message for problem in problems])
    return sheets.fallback_sheet(sheet, approvals)


def card_of(approvals: Sequence[Approval]) -> MessageTs | None:
    """The newest message that shows these approvals."""
    return max((each.card for each in approvals if each.card is not None), key=float, default=None)


def metadata_of(approvals: Sequence[Approval]) -> tuple[str, Block]:
    """The event and payload by which the card or the sheet of these is found again."""
    first = approvals[0]
    metadata = sheets.metadata_of(first.sheet) if first.sheet else cards.metadata_of(first.id)
    return str(metadata["event_type"]), metadata["event_payload"]


def thread_under(place: Place, card: MessageTs) -> Place:
    """The thread of a card."""
    return Place(place.team, place.channel, place.thread_ts or card)


def urgency(approvals: Sequence[Approval]) -> Urgency:
    """The urgency of a redraw: buttons of what is decided go first."""
    undecided = all(
        each.state is State.PENDING and all(review.decision is None for review in each.reviews) for each in approvals
    )
    return Urgency.NEXT if undecided else Urgency.FIRST


def _concerns_channel(approval: Approval) -> bool:
    """True if a card in a thread is shown in its channel as well; a closed one needs nobody there."""
    return approval.calling.broadcast and approval.state is State.PENDING
