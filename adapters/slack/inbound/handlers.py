"""What becomes of each payload of Slack's: one set of handlers for Socket Mode and HTTP.

Three decisions. First, an answer of ours is Slack's "ok", so it is given only when the desk has returned (P1). Bolt
acknowledges events before a listener runs, and polls every 10 ms for the acknowledgement of everything else; so the
handlers stand in a middleware that returns the response itself, and no listener is registered at all. Second, as Bolt's
3 s give-up no longer applies, there is one of our own. Without an answer Slack delivers an event again; a click it does
not, so the person is told that nothing was changed. Third, a trigger lives 3 s: before a form opens there is one look
at the approval, and nothing is asked of Slack.

https://docs.slack.dev/interactivity/handling-user-interaction, https://docs.slack.dev/apis/events-api
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, assert_never

import structlog
from aiohttp import ClientError
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.blockkit import check_modal
from adapters.slack.cards import card
from adapters.slack.cards import sheet as sheets
from adapters.slack.cards.card import Target
from adapters.slack.cards.home import Pages
from adapters.slack.drawing import show_all as whole
from adapters.slack.drawing.blocks import Block
from adapters.slack.forms import modals
from adapters.slack.inbound.acting import GONE, Acting
from adapters.slack.inbound.approve_all import approve_all
from adapters.slack.inbound.changes import (
    CardGone,
    Change,
    ChannelClosed,
    ChannelOpened,
    ChannelRenamed,
    GroupsChanged,
    PersonChanged,
)
from adapters.slack.inbound.commands import NOT_FOUND, Commands
from adapters.slack.inbound.parse import (
    Chosen,
    Commanded,
    Filled,
    HomeOpened,
    HomeTurned,
    Incoming,
    Looked,
    MalformedError,
    Person,
    Pressed,
    PressedAll,
    Revoked,
    Sent,
    Wanted,
    Went,
    incoming,
)
from adapters.slack.inbound.time_travel import LookingBack
from adapters.slack.workspace.client import quiet_logger
from adapters.slack.workspace.errors import SlackRefused, code_of
from adapters.slack.workspace.identity import Identity
from engine.approvals.approval import Approval, State
from engine.asks.ask import Choice, Kind
from engine.authority.eligibility import may_open
from engine.machine import is_on_card
from engine.ports import Chat, IncomingMessage, Intake, TimeTravel, WorkspaceEvents
from engine.sentences.refusals import Changed, Closed, NotTheCard

PATIENCE = 2.5
"""Seconds for all that stands before an answer: Slack waits 3."""

NOT_KEPT = (
    "Signoff could not save this just now, so it does not count. Please try again in a moment; "
    "if it was saved after all, the second time changes nothing."
)
NOT_DONE = "That did not work just now. Please press the button again; pressing it twice does no harm."
NOT_READ = "Signoff could not read this form, so nothing was changed. Please close it and open it again."
NOT_SHOWN = "The history could not be read just now. Nothing was changed; please try again in a moment."
NOT_ANSWERED = "That could not be looked up just now. Please try again in a moment."
TOO_SLOW = "Slack closed the form before it could open. Nothing was changed; please press the button again."
PERHAPS_NOT_OPEN = (
    "Slack did not say whether the form opened. Nothing was changed; "
    "if you do not see it, please press the button again."
)

_LOGGED = 64
"""Characters of a malformed payload's key that a log line shows."""

OVERTAKEN = (
    "Somebody else changed this request before you sent this form, so nothing was sent. "
    "Copy what you wrote, close the form and open it again."
)
"""Told at an input, where Slack shows plain text: a mention would stand there as its id."""

_AT_ONCE = (Choice.APPROVE, Choice.SKIP, Choice.REDO)
"""What a press alone decides, as does an option without words; everything else opens a form first."""
_ACTS = (Choice.APPROVE, Choice.OPTION)
"""What is asked once more where the card shows only part of the request."""

log = structlog.get_logger(__name__)


class Handlers:
    """Takes payloads and gives answers."""

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        identity: Identity,
        desk: Intake,
        chat: Chat,
        time_travel: TimeTravel,
        channels: WorkspaceEvents,
        commands: Commands,
        patience: float = PATIENCE,
    ) -> None:
        self._client, self._identity = client, identity
        self._desk, self._chat, self._channels = desk, chat, channels
        self._patience = patience
        self._commands = commands
        self._looking_back = LookingBack(client, time_travel)
        self._acting = Acting(client, desk, commands, self._tell)

    async def answer(self, payload: Mapping[str, Any]) -> BoltResponse:
        """The response to one payload; not 200 where Slack must not take it for done."""
        try:
            what = incoming(payload, bot=self._identity.user, team=self._identity.team)
        except MalformedError as error:
            return _not_read(payload, error)
        return await self._answer(what)

    async def _answer(self, what: Incoming | None) -> BoltResponse:  # noqa: PLR0911 - one for each kind
        match what:
            case None:
                return _ok()
            case (
                IncomingMessage() | CardGone() | ChannelOpened() | ChannelClosed() | ChannelRenamed() | GroupsChanged()
                | PersonChanged()
            ):  # fmt: skip
                return await self._take(what)
            case Pressed():
                return await self._press(what)
            case PressedAll():
                return await self._press_all(what)
            case Sent():
                return await self._send(what)
            case Commanded():
                return await self._command(what)
            case Looked() | Chosen() | Went():
                return await self._look_back(what)
            case Wanted() | Filled():
                return await self._act(what)
            case HomeOpened() | HomeTurned() | Revoked():
                return await self._at_home(what)
            case _:
                assert_never(what)

    # Messages ---------------------------------------------------------------------------------------------------------

    async def _take(self, what: IncomingMessage | Change) -> BoltResponse:
        try:
            async with asyncio.timeout(self._patience):
                await self._taken(what)
        except Exception as error:  # noqa: BLE001 - whatever it was, Slack shall deliver the event again
            log.error("event_not_kept", **_named(what), error=type(error).__name__)  # noqa: TRY400
            return _not_done()
        return _ok()

    async def _taken(self, what: IncomingMessage | Change) -> None:
        match what:
            case IncomingMessage():
                if not await self._commands.reply(what):
                    await self._desk.hear(what)
            case CardGone(channel, ts, approvals):
                for approval in approvals:
                    await self._desk.card_deleted(approval, channel, ts)
            case ChannelOpened(channel, event):
                await self._channels.opened(channel, event)
            case ChannelClosed(channel, why):
                await self._channels.closed(channel, why)
            case ChannelRenamed(channel, name):
                await self._channels.renamed(channel, name)
            case GroupsChanged(groups):
                await self._channels.groups_changed(groups)
            case PersonChanged(user):
                self._channels.person_changed(user)
            case _:
                assert_never(what)

    async def _at_home(self, what: HomeOpened | HomeTurned | Revoked) -> BoltResponse:
        match what:
            case HomeOpened(user):
                self._commands.draw_home(user, Pages())
            case HomeTurned(user, pages):
                self._commands.draw_home(user, pages)
            case Revoked(user, grant, pages):
                try:
                    async with asyncio.timeout(self._patience):
                        await self._commands.revoke(user, grant, pages)
                except Exception as error:  # noqa: BLE001 - whoever pressed sees that it still stands
                    log.error("grant_not_revoked", error=type(error).__name__)  # noqa: TRY400
                    return _not_done()
        return _ok()

    # Looking back -----------------------------------------------------------------------------------------------------

    async def _command(self, commanded: Commanded) -> BoltResponse:
        word, _, spelled = commanded.text.strip().partition(" ")
        looks_back = word.lower() == "history"
        try:
            async with asyncio.timeout(self._patience):
                if not looks_back:
                    return _ok(await self._commands.answer(commanded))
                thread = await self._commands.thread_of(spelled, commanded.person.user)
                if spelled and thread is None:
                    return _ok({"response_type": "ephemeral", "text": NOT_FOUND})
                await self._looking_back.command(commanded, thread)
        except Exception as error:  # noqa: BLE001 - nobody is left without an answer
            log.error("command_not_answered", error=type(error).__name__)  # noqa: TRY400
            return _ok({"response_type": "ephemeral", "text": NOT_SHOWN if looks_back else NOT_ANSWERED})
        return _ok()

    async def _look_back(self, what: Looked | Chosen | Went) -> BoltResponse:
        try:
            async with asyncio.timeout(self._patience):
                match what:
                    case Looked():
                        await self._looking_back.look(what)
                        return _ok()
                    case Chosen():
                        return _ok(await self._looking_back.chosen(what))
                    case Went():
                        return _ok(await self._looking_back.go(what))
        except Exception as error:  # noqa: BLE001 - nobody is left without an answer
            log.error("history_not_shown", error=type(error).__name__)  # noqa: TRY400
        if isinstance(what, Looked):
            await self._tell(what.person, NOT_SHOWN)
            return _not_done()
        return _ok(_replaced(NOT_SHOWN))

    # Buttons ----------------------------------------------------------------------------------------------------------

    async def _press(self, pressed: Pressed) -> BoltResponse:
        try:
            async with asyncio.timeout(self._patience):
                await self._pressed(pressed)
        except Exception as error:  # noqa: BLE001 - nobody is left without an answer
            log.error("click_not_kept", approval=pressed.target.approval, error=type(error).__name__)  # noqa: TRY400
            await self._tell(pressed.person, NOT_KEPT if pressed.choice in _AT_ONCE else NOT_DONE)
            return _not_done()
        return _ok()

    async def _pressed(self, pressed: Pressed) -> None:
        if pressed.choice in _AT_ONCE or pressed.said is not None:
            await self._choose(pressed)
            return
        approval = await self._desk.look(pressed.target.approval)
        if approval is None:
            await self._tell(pressed.person, GONE)
        elif pressed.choice is None and not is_on_card(approval, pressed.on):
            await self._tell(pressed.person, NotTheCard(approval.place.channel).sentence)
        elif pressed.choice is None:
            await self._open(pressed, whole.show_all(self._desk.shown(approval)))
        elif pressed.choice is Choice.REJECT and approval.ask.may_recur:
            await self._choose(pressed)  # nobody reads a reason there
        elif pressed.choice is Choice.OPTION and not modals.takes_words(approval, pressed.target):
            await self._choose(pressed)
        elif _may_open(approval, pressed, pressed.choice):
            seen = await self._seen_in_part(approval, pressed)
            await self._open(pressed, modals.form(self._desk.shown(approval), pressed.target, pressed.choice, seen))
        else:
            await self._choose(pressed)  # refused, recorded, and told by whoever keeps the record

    async def _choose(self, pressed: Pressed) -> None:
        asked: list[Block] = []

        async def in_part(approval: Approval) -> bool:
            asked[:] = await self._once_more(approval, pressed)
            return bool(asked)

        refusal = await self._desk.choose(pressed.click(), in_part)
        if asked:
            await self._open(pressed, asked[0])
        # A refusal is told from the approval's own lane; there is none where nothing is kept of the approval.
        if isinstance(refusal, Closed) and await self._desk.look(pressed.target.approval) is None:
            await self._tell(pressed.person, GONE)

    async def _once_more(self, approval: Approval, pressed: Pressed) -> list[Block]:
        """The modal that asks again, where somebody who may decide has seen only part of it; nothing where not (P4).

        It is looked at here, and not at what the button says: an old card, or one press repeated, gets no further.
        """
        if pressed.choice not in _ACTS or approval.ask.kind is Kind.FAILURE:
            return []
        if not _may_open(approval, pressed, pressed.choice) or _has_voted(approval, pressed):
            return []
        seen = await self._seen_in_part(approval, pressed)
        shown = self._desk.shown(approval)
        return [] if seen is None else [modals.once_more(shown, pressed.target, pressed.choice, seen)]

    async def _seen_in_part(self, approval: Approval, pressed: Pressed) -> tuple[int, int] | None:
        """The characters that the card shows, and all; None where it shows all, or where nothing shown is acted on."""
        if pressed.choice not in _ACTS:
            return None
        if approval.sheet:
            seen = sheets.seen(await self._desk.sheet(approval.thread, approval.sheet), approval.id)
        else:
            seen = card.seen(self._desk.shown(approval), pressed.target.action)
        return seen if seen[0] < seen[1] else None

    async def _press_all(self, pressed: PressedAll) -> BoltResponse:
        try:
            async with asyncio.timeout(self._patience):
                outcome = await approve_all(self._desk, pressed)
        except Exception as error:  # noqa: BLE001 - nobody is left without an answer
            log.error("clicks_not_kept", sheet=pressed.shown.sheet, error=type(error).__name__)  # noqa: TRY400
            await self._tell(pressed.person, NOT_KEPT)
            return _not_done()
        if outcome.sentence:
            await self._tell(pressed.person, outcome.sentence)
        return _ok() if outcome.kept else _not_done()

    async def _open(self, pressed: Pressed, view: Block) -> None:
        problems = check_modal(view)
        if problems:
            log.error("form_would_be_refused", approval=pressed.target.approval, problems=[p.message for p in problems])
            view = modals.sentence("Not possible", "Slack cannot show this. Nothing was changed.")
        try:
            show = self._client.views_push if pressed.in_view else self._client.views_open
            await show(trigger_id=pressed.trigger, view=view)
        except SlackApiError as error:
            log.warning("form_not_opened", approval=pressed.target.approval, code=code_of(error))
            await self._tell(pressed.person, TOO_SLOW)
        except (ClientError, TimeoutError) as error:
            log.warning("form_perhaps_not_opened", approval=pressed.target.approval, error=type(error).__name__)
            await self._tell(pressed.person, PERHAPS_NOT_OPEN)

    async def _act(self, what: Wanted | Filled) -> BoltResponse:
        try:
            async with asyncio.timeout(self._patience):
                if isinstance(what, Filled):
                    return _ok(await self._acting.filled(what))
                await self._acting.want(what)
        except Exception as error:  # noqa: BLE001 - nobody is left without an answer
            log.error("act_not_kept", approval=what.wish.approval, error=type(error).__name__)  # noqa: TRY400
            if isinstance(what, Filled):
                return _ok(_replaced(NOT_KEPT))
            await self._tell(what.person, NOT_KEPT if what.at_once else NOT_DONE)
            return _not_done()
        return _ok()

    # Forms ------------------------------------------------------------------------------------------------------------

    async def _send(self, sent: Sent) -> BoltResponse:
        try:
            async with asyncio.timeout(self._patience):
                return _ok(await self._sent(sent))
        except Exception as error:  # noqa: BLE001 - nobody is left without an answer, nor loses what they typed
            log.error("form_not_kept", approval=sent.target.approval, error=type(error).__name__)  # noqa: TRY400
        first = next(iter(sent.values), None)
        return _ok(_errors({first: NOT_KEPT}) if first else _replaced(NOT_KEPT))

    async def _sent(self, sent: Sent) -> Block:
        approval = await self._desk.look(sent.target.approval)
        if approval is None:
            return _replaced(GONE)
        if not _is_open(approval, sent.target, sent.choice):
            return await self._counted(sent, "", None)
        shown = self._desk.shown(approval)
        submitted = modals.read(shown, sent.target, sent.choice, sent.values, sent.layout)
        if submitted.errors:
            return _errors(submitted.errors)
        click = sent.click(submitted.text, submitted.value)
        problems = self._desk.problems(approval, click)
        if problems:
            return _errors(modals.errors_of(shown, sent.target, sent.choice, problems))
        return await self._counted(sent, submitted.text, submitted.value)

    async def _counted(self, sent: Sent, text: str, value: Any) -> Block:
        refusal = await self._desk.choose(sent.click(text, value))
        if isinstance(refusal, Changed) and sent.values:
            return _errors({next(iter(sent.values)): OVERTAKEN})
        return _replaced(refusal.sentence, refusal.title) if refusal else {"response_action": "clear"}

    async def _tell(self, person: Person, sentence: str) -> None:
        if person.place is None:
            return
        try:
            async with asyncio.timeout(self._patience):
                await self._chat.tell(person.place, person.user, sentence)
        except Exception as error:  # noqa: BLE001 - what is told is an aid; the answer to Slack goes first
            log.warning("person_not_told", error=type(error).__name__)


def _named(what: IncomingMessage | Change) -> dict[str, object]:
    """An event, for the log."""
    kind = {"kind": type(what).__name__}
    match what:
        case IncomingMessage():
            return {**kind, "channel": what.place.channel}
        case GroupsChanged():
            return {**kind, "groups": sorted(what.groups)}
        case PersonChanged():
            return {**kind, "user": what.user}
        case _:
            return {**kind, "channel": what.channel}


def _may_open(approval: Approval, pressed: Pressed, choice: Choice) -> bool:
    """Whether a form is worth opening; what is refused here would be refused by `engine.machine` too."""
    if not is_on_card(approval, pressed.on) or not _is_open(approval, pressed.target, choice):
        return False
    policy = approval.reviews[pressed.target.action].governing
    return may_open(policy, approval.requester, pressed.person.user, approval.ask.subject) is None


def _has_voted(approval: Approval, pressed: Pressed) -> bool:
    return any(vote.by == pressed.person.user for vote in approval.reviews[pressed.target.action].votes)


def _is_open(approval: Approval, target: Target, choice: Choice) -> bool:
    if approval.state is not State.PENDING or not 0 <= target.action < len(approval.reviews):
        return False
    review, action = approval.reviews[target.action], approval.ask.actions[target.action]
    offered = choice in action.choices and (choice is not Choice.OPTION or action.option(target.option) is not None)
    return review.decision is None and review.revision == target.revision and offered


# Responses ------------------------------------------------------------------------------------------------------------


def _ok(body: Block | None = None) -> BoltResponse:
    return BoltResponse(status=200, body=body or "")


def _not_done() -> BoltResponse:
    """Over HTTP an error; in Socket Mode Bolt sends no acknowledgement."""
    return BoltResponse(status=503, body="")


def _not_read(payload: Mapping[str, Any], error: MalformedError) -> BoltResponse:
    """Slack would deliver it again and again, to no better end: so it is taken, and nobody sees a form close on it."""
    is_form = payload.get("type") == "view_submission"
    log.warning("payload_malformed", of="a form" if is_form else "an event or a click", field=error.field[:_LOGGED])
    return _ok(_replaced(NOT_READ) if is_form else None)


def _errors(found: Mapping[str, str]) -> Block:
    """https://docs.slack.dev/surfaces/modals#displaying_errors."""
    return {"response_action": "errors", "errors": dict(found)}


def _replaced(sentence: str, title: str = "No effect") -> Block:
    return {"response_action": "update", "view": modals.sentence(title, sentence)}


# Bolt -----------------------------------------------------------------------------------------------------------------


class Answering(AsyncMiddleware):
    """The last middleware: it answers every request itself, so Bolt waits for no listener."""

    def __init__(self, answer: Callable[[Mapping[str, Any]], Awaitable[BoltResponse]]) -> None:
        self._answer = answer

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - Bolt's name
    ) -> BoltResponse:
        """Answer, once Bolt has verified who asks."""
        del resp, next
        return await self._answer(req.body)


class Refusing(AsyncMiddleware):
    """The middleware before Bolt looks into an event, which it takes for an object without asking."""

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - Bolt's name
    ) -> BoltResponse:
        """Answer what holds no event where one belongs."""
        del resp
        if req.body.get("type") == "event_callback" and not isinstance(req.body.get("event"), Mapping):
            return _not_read(req.body, MalformedError("event"))
        return await next()


async def build_app(client: AsyncWebClient, handlers: Handlers, signing_secret: str = "") -> AsyncApp:
    """The Bolt app for both transports, warm: its own auth.test, which each first event would make, is made here.

    `signing_secret` is needed for HTTP only; without it no HTTP request passes. Raises SlackRefused where auth.test
    gives nothing: such an app would acknowledge what never reached the desk.
    """
    app = AsyncApp(
        client=client,
        name="signoff",
        signing_secret=signing_secret or secrets.token_hex(),
        logger=quiet_logger("signoff.slack.bolt", logging.ERROR),
        request_verification_enabled=True,
        ignoring_self_events_enabled=False,  # a deleted card is one of them; what the bot says is told apart by `parse`
        before_authorize=Refusing(),
    )
    app.middleware(Answering(handlers.answer))
    warmed = await app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body={"type": "warm_up"}))
    if warmed.status != HTTPStatus.OK or warmed.body:
        raise SlackRefused("auth.test", f"http_{warmed.status}")
    return app
