"""`/signoff` and the Home tab: what a person sees of all requests, and what they can do about their own.

A command is answered in its own response, to the person alone. Home is drawn when somebody opens it or turns a page;
it shows a moment, and a click on a card is held to the rules of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.blockkit import check_home
from adapters.slack.cards import home
from adapters.slack.cards.home import Links, Pages, Seen
from adapters.slack.drawing import blocks
from adapters.slack.drawing.blocks import Block
from adapters.slack.inbound.parse import Commanded
from adapters.slack.workspace.errors import code_of
from adapters.slack.workspace.manifest import AGENTS, ASKED, WAITING
from engine.approvals.approval import Approval
from engine.ids import GrantId, ThreadId, UserId
from engine.ports import IncomingMessage, Intake, Overview
from engine.sentences.refusals import NotTheRequester

HELP = (
    "`/signoff list`: requests that wait for your decision\n"
    "`/signoff mine` or `/signoff status`: your own open requests, for whom they wait, and until when\n"
    "`/signoff show ID`: one request\n"
    "`/signoff who ID`: who can decide it now, and why\n"
    "`/signoff withdraw ID`: take back your request\n"
    "`/signoff history [ID]`: the steps of its conversation, or of one in this channel\n"
    "`/signoff grants`: permissions that you gave for a while\n"
    "ID is the short id of a request, or the link to its card."
)
UNKNOWN = "I don't know that command. Try one of these:"
WHICH = "Which request? Add its short id, or the link to its card. `/signoff list` and `/signoff mine` show them."
NOT_FOUND = "There is no such request, or you can't see it. Only open requests and your latest ones are found."
WITHDRAWN = "Your request is withdrawn, and its run is stopped."
HOME_LATE = 20.0
"""Seconds after which a Home that is being drawn is given up: who opens it again gets a new one."""

log = structlog.get_logger(__name__)

_Answer = Callable[[str, UserId], Awaitable[list[Block]]]


class Commands:
    """What `Handlers` hands over. `help_text` is trusted mrkdwn, `base` the address of the workspace."""

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

    async def answer(self, commanded: Commanded) -> Block:
        """The response to a command."""
        word, _, rest = commanded.text.strip().partition(" ")
        answer = self._answers.get(word.lower() or "help")
        if answer is None:
            return _ephemeral([blocks.section(UNKNOWN), *blocks.sections(HELP)])
        return _ephemeral(await answer(rest.strip(), commanded.person.user))

    async def thread_of(self, spelled: str, user: UserId) -> ThreadId | None:
        """The conversation of the request that a person means; None where there is none that they can see."""
        approval = await self._overview.find(home.card_of(spelled), user) if spelled else None
        return None if approval is None else approval.thread

    async def reply(self, said: IncomingMessage) -> bool:
        """Answer one of the prompts that Slack suggests in a direct message; False: it is none."""
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
        """Draw a person's Home: soon, since Slack waits for the answer to its event no longer than for a click's."""
        task = asyncio.create_task(self._draw(user, pages), name="home")
        self._drawing.add(task)
        task.add_done_callback(self._drawing.discard)

    async def revoke(self, user: UserId, grant: GrantId, pages: Pages) -> None:
        """Take back a grant, and show that it is gone."""
        await self._overview.revoke(grant, user)
        self.draw_home(user, pages)

    async def aclose(self) -> None:
        """Draw no more."""
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
        except Exception as error:  # noqa: BLE001 - Home is an aid: who opens it again gets a new one
            log.warning("home_not_published", error=type(error).__name__)

    async def _seen(self, user: UserId) -> Seen:
        waiting, own, lately, grants = await asyncio.gather(
            self._overview.waiting_for(user),
            self._overview.asked_by(user),
            self._overview.lately(user),
            self._overview.grants(user),
        )
        return Seen(waiting, own, lately, grants)

    async def who(self, approval: Approval) -> list[Block]:
        """Who could decide a request now, and why."""
        return home.able(approval, await self._overview.able(approval))

    # Commands ---------------------------------------------------------------------------------------------------------

    async def _help_for(self, _: str, __: UserId) -> list[Block]:
        return [*blocks.sections(self._help), *blocks.sections(HELP)]

    async def _list(self, _: str, user: UserId) -> list[Block]:
        return home.waiting(await self._overview.waiting_for(user), self._links)

    async def _mine(self, _: str, user: UserId) -> list[Block]:
        return home.mine(await self._overview.asked_by(user), self._links)

    async def _show(self, spelled: str, user: UserId) -> list[Block]:
        async def shown(approval: Approval) -> list[Block]:
            return home.described(approval, self._links)

        return await self._about(spelled, user, shown)

    async def _who(self, spelled: str, user: UserId) -> list[Block]:
        return await self._about(spelled, user, self.who)

    async def _withdraw(self, spelled: str, user: UserId) -> list[Block]:
        async def withdrawn(approval: Approval) -> list[Block]:
            if approval.requester != user:
                return [blocks.section(NotTheRequester(approval.requester).sentence)]
            refusal = await self._desk.withdraw(approval.id, user)
            return [blocks.section(refusal.sentence if refusal else WITHDRAWN)]

        return await self._about(spelled, user, withdrawn)

    async def _about(
        self, spelled: str, user: UserId, told: Callable[[Approval], Awaitable[list[Block]]]
    ) -> list[Block]:
        if not spelled:
            return [blocks.section(WHICH)]
        approval = await self._overview.find(home.card_of(spelled), user)
        return [blocks.section(NOT_FOUND)] if approval is None else await told(approval)

    async def _grants(self, _: str, user: UserId) -> list[Block]:
        found = await self._overview.grants(user)
        return home.grants(found, Pages()) or [blocks.section(home.NO_GRANTS)]


_PROMPTS = {WAITING.casefold(): "list", ASKED.casefold(): "mine", AGENTS.casefold(): "help"}


def _ephemeral(made: list[Block]) -> dict[str, Any]:
    return {"response_type": "ephemeral", **_message(made)}


def _message(made: list[Block]) -> dict[str, Any]:
    text = next((each["text"]["text"] for each in made if each["type"] == "section"), "Signoff")
    return {"text": text, "blocks": made}
