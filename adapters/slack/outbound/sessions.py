"""The status of the agent's session in a thread: suspended while people have to decide, else active.

Slack shows it beside the conversation. It is an aid: a status that cannot be set is dropped, and after a failure (such
as an app that was installed before sessions existed) nothing is set for a while. A session belongs to a thread, so a
direct message at the root has none. `processing` is not used: it offers a stop button, and a run is stopped by
withdrawing its request.

https://docs.slack.dev/ai/agent-sessions, https://docs.slack.dev/reference/methods/agents.sessions.setStatus
"""

import asyncio
import time
from collections.abc import Callable

import structlog
from aiohttp import ClientError
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.workspace.errors import NOT_THERE, code_of
from adapters.slack.workspace.pacing import Pace
from engine.approvals.approval import Approval
from engine.budget import Urgency
from engine.ids import ApprovalId, ThreadId

PATIENCE = 2.0
QUIET = 300.0
"""Seconds without a call after one failed."""
_MOST_KEPT = 5_000
_METHOD = "agents.sessions.setStatus"
_OF_THE_THREAD = NOT_THERE | {"thread_not_found", "message_not_found"}
"""Errors that concern this thread only."""

log = structlog.get_logger(__name__)


class Sessions:
    """Sets the status, unless this process set the same one for the same request before.

    Under Slack's limit the newest status of each thread waits until there is room.
    """

    def __init__(self, client: AsyncWebClient, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._pace, self._clock = client, pace, clock
        self._set: dict[ThreadId, tuple[ApprovalId, bool]] = {}
        self._owed: dict[ThreadId, tuple[Approval, bool]] = {}
        self._catching_up: asyncio.Task[None] | None = None
        self._quiet_until = 0.0

    async def show(self, approval: Approval, *, waits: bool) -> None:
        """Set the status soon; raises nothing but cancellation."""
        self._owed.pop(approval.thread, None)
        if approval.home.thread_ts is None or self._set.get(approval.thread) == (approval.id, waits):
            return
        if not (wait := await self._room_in(approval)):
            await self._say(approval, waits=waits)
            return
        if len(self._owed) < _MOST_KEPT:
            self._owed[approval.thread] = approval, waits
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.create_task(self._catch_up(wait), name="sessions")

    async def aclose(self) -> None:
        """Stop setting statuses."""
        if self._catching_up is not None:
            self._catching_up.cancel()
            await asyncio.gather(self._catching_up, return_exceptions=True)

    async def _catch_up(self, wait: float) -> None:
        while self._owed:
            await self._pace.sleep(wait)
            for thread, (approval, waits) in list(self._owed.items()):
                if wait := await self._room_in(approval):
                    break
                if self._owed.pop(thread, None) is not None:
                    await self._say(approval, waits=waits)

    async def _room_in(self, approval: Approval) -> float:
        """Seconds until there may be room, 0.0 if there is."""
        return await self._pace.spare(_METHOD, approval.home.channel, Urgency.FIRST)

    async def _say(self, approval: Approval, *, waits: bool) -> None:
        if self._clock() < self._quiet_until:
            return
        if len(self._set) >= _MOST_KEPT:
            self._set.clear()
        self._set[approval.thread] = approval.id, waits
        place = approval.home
        try:
            async with asyncio.timeout(PATIENCE):
                await self._client.agents_sessions_setStatus(
                    channel_id=place.channel,
                    thread_ts=place.thread_ts,
                    status="suspended" if waits else "active",
                    initiator_user_id=approval.requester,
                )
        except (SlackClientError, ClientError, TimeoutError, OSError) as error:
            code = code_of(error) if isinstance(error, SlackApiError) else type(error).__name__
            if code not in _OF_THE_THREAD:
                self._quiet_until = self._clock() + QUIET
            log.info("session_not_shown", channel=place.channel, code=code)
