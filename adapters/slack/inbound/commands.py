"""`/signoff` and the Home tab: requests that wait for a person, and those of their own.

A command is answered in its own response, which only the person sees. Home is drawn when somebody opens it or turns a
page; a click on a card checks the rules again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.blockkit import check_home
from adapters.slack.cards import home, request_list
from adapters.slack.cards.home import HomeContents
from adapters.slack.cards.request_list import Links
from adapters.slack.drawing import blocks
from adapters.slack.drawing.actions import Pages
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import lists
from adapters.slack.drawing.sentences import responses as sentences
from adapters.slack.inbound.payloads.commands import Commanded
from adapters.slack.inbound.responses import ok
from adapters.slack.workspace.errors import code_of
from adapters.slack.workspace.manifest import AGENTS, ASKED, WAITING
from engine.approvals.approval import Approval
from engine.ids import GrantId, ThreadId, UserId
from engine.ports import IncomingMessage, Intake, Overview
from engine.sentences.refusals import NotTheRequester

HOME_LATE = 20.0
"""Seconds after which drawing a Home is given up; opening it again draws a new one."""

log = structlog.get_logger(__name__)

_Answer = Callable[[str, UserId], Awaitable[list[Block]]]


class Commands:
    """Answers commands and draws Home. `help_text` is trusted mrkdwn, `base` the address of the workspace."""

    def __init__(self, client: AsyncWebClient, desk: Intake, overview: Overview, *, help_text: str, base: str) -> None:
        self._client, self._desk, self._overview = client, desk, overview
        self._help, self._links = help_text, Links(base)
        self._drawing: set[asyncio.Task[None]] = set()
        self._answers: dict[str, _Answer] = {
            "help": self._help_for,
            "list": self._list,
            "mine": self._mine,
            "status": self._mine,
            "show": self._show,
            "who": self._who,
            "withdraw": self._withdraw,
            "grants": self._grants,
        }

    async def command(self, commanded: Commanded, patience: float) -> BoltResponse:
        """Handle a command, within so many seconds."""
        try:
            async with asyncio.timeout(patience):
                return ok(await self._answer(commanded))
        except Exception as error:  # noqa: BLE001 - nobody is left without an answer
            log.error("command_not_answered", error=type(error).__name__)  # noqa: TRY400
            return ok(ephemeral(sentences.NOT_ANSWERED))

    async def _answer(self, commanded: Commanded) -> Block:
        word, _, rest = commanded.text.strip().partition(" ")
        answer = self._answers.get(word.lower() or "help")
        if answer is None:
            return _ephemeral([blocks.section(sentences.UNKNOWN), *blocks.sections(sentences.HELP)])
        return _ephemeral(await answer(rest.strip(), commanded.person.user))

    async def thread_of(self, spelled: str, user: UserId) -> ThreadId | None:
        """The conversation of a request; None if the person can see no such request."""
        approval = await self._overview.find(request_list.card_of(spelled), user) if spelled else None
        return None if approval is None else approval.thread

    async def reply(self, said: IncomingMessage) -> bool:
        """Answer a prompt that Slack suggests in direct messages; False for any other message."""
        word = _PROMPTS.get(said.text.strip().casefold()) if said.direct else None
        if word is None:
            return False
        made = await self._answers[word]("", said.user)
        thread: dict[str, Any] = {"thread_ts": said.place.thread_ts} if said.place.thread_ts else {}
        await self._client.chat_postMessage(
            channel=said.place.channel, unfurl_links=False, unfurl_media=False, **thread, **_message(made)
        )
        return True

    # Home -------------------------------------------------------------------------------------------------------------

    def draw_home(self, user: UserId, pages: Pages) -> None:
        """Draw a person's Home in a task: Slack waits 3 s for the answer to its event."""
        task = asyncio.create_task(self._draw(user, pages), name="home")
        self._drawing.add(task)
        task.add_done_callback(self._drawing.discard)

    async def revoke(self, user: UserId, grant: GrantId, pages: Pages) -> None:
        """Revoke a grant, and redraw Home."""
        await self._overview.revoke(grant, user)
        self.draw_home(user, pages)

    async def aclose(self) -> None:
        """Stop drawing."""
        for task in self._drawing:
            task.cancel()
        await asyncio.gather(*self._drawing, return_exceptions=True)

    async def _draw(self, user: UserId, pages: Pages) -> None:
        try:
            async with asyncio.timeout(HOME_LATE):
                view = home.home(await self._seen(user), pages, self._links, self._help)
                if problems := check_home(view):
                    log.error("home_would_be_refused", problems=[each.message for each in problems])
                    view = {"type": "home", "blocks": blocks.sections(self._help)}
                await self._client.views_publish(user_id=user, view=view)
        except SlackApiError as error:
            log.warning("home_not_published", code=code_of(error))
        except Exception as error:  # noqa: BLE001 - Home is an aid; opening it again draws a new one
            log.warning("home_not_published", error=type(error).__name__)

    async def _seen(self, user: UserId) -> HomeContents:
        waiting, own, lately, grants = await asyncio.gather(
            self._overview.waiting_for(user),
            self._overview.asked_by(user),
            self._overview.lately(user),
            self._overview.grants(user),
        )
        return HomeContents(waiting, own, lately, grants)

    async def who(self, approval: Approval) -> list[Block]:
        """The people who could decide a request now, and why."""
        return request_list.who_can_decide(approval, await self._overview.able(approval))

    # Commands ---------------------------------------------------------------------------------------------------------

    async def _help_for(self, _: str, __: UserId) -> list[Block]:
        return [*blocks.sections(self._help), *blocks.sections(sentences.HELP)]

    async def _list(self, _: str, user: UserId) -> list[Block]:
        return request_list.waiting(await self._overview.waiting_for(user), self._links)

    async def _mine(self, _: str, user: UserId) -> list[Block]:
        return request_list.mine(await self._overview.asked_by(user), self._links)

    async def _show(self, spelled: str, user: UserId) -> list[Block]:
        async def shown(approval: Approval) -> list[Block]:
            return request_list.described(approval, self._links)

        return await self._about(spelled, user, shown)

    async def _who(self, spelled: str, user: UserId) -> list[Block]:
        return await self._about(spelled, user, self.who)

    async def _withdraw(self, spelled: str, user: UserId) -> list[Block]:
        async def withdrawn(approval: Approval) -> list[Block]:
            if approval.requester != user:
                return [blocks.section(NotTheRequester(approval.requester).sentence)]
            refusal = await self._desk.withdraw(approval.id, user)
            return [blocks.section(refusal.sentence if refusal else sentences.WITHDRAWN)]

        return await self._about(spelled, user, withdrawn)

    async def _about(
        self, spelled: str, user: UserId, told: Callable[[Approval], Awaitable[list[Block]]]
    ) -> list[Block]:
        if not spelled:
            return [blocks.section(sentences.WHICH)]
        approval = await self._overview.find(request_list.card_of(spelled), user)
        return [blocks.section(sentences.NOT_FOUND)] if approval is None else await told(approval)

    async def _grants(self, _: str, user: UserId) -> list[Block]:
        found = await self._overview.grants(user)
        return home.grants(found, Pages()) or [blocks.section(lists.NO_GRANTS)]


_PROMPTS = {WAITING.casefold(): "list", ASKED.casefold(): "mine", AGENTS.casefold(): "help"}


def ephemeral(text: str) -> Block:
    """A sentence that only the person sees who wrote the command."""
    return {"response_type": "ephemeral", "text": text}


def _ephemeral(made: list[Block]) -> dict[str, Any]:
    return {"response_type": "ephemeral", **_message(made)}


def _message(made: list[Block]) -> dict[str, Any]:
    text = next((each["text"]["text"] for each in made if each["type"] == "section"), "Signoff")
    return {"text": text, "blocks": made}
