"""The agent's session in a thread: suspended while people are to decide, else active.

Slack shows it beside the conversation. It is an aid: what cannot be shown is left out, and an app that was installed
before there were sessions, or is none of an agent to Slack, is not asked again for a while. A session belongs to a
thread, so that a direct message at the root has none. `processing` is not used: it offers a stop button, and a run is
stopped by withdrawing its request.

https://docs.slack.dev/ai/agent-sessions, https://docs.slack.dev/reference/methods/agents.sessions.setStatus
"""

import asyncio
import time
from collections.abc import Callable

import structlog
from aiohttp import ClientError
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.errors import NOT_THERE, code_of
from adapters.slack.pacing import Pace
from engine.approval import Approval
from engine.budget import Urgency
from engine.ids import ApprovalId, ThreadId

PATIENCE = 2.0
QUIET = 300.0
"""Seconds for which Slack is not asked after it failed."""
_MOST_KEPT = 5_000
_METHOD = "agents.sessions.setStatus"
_OF_THE_THREAD = NOT_THERE | {"thread_not_found", "message_not_found"}
"""What says nothing of other threads."""

log = structlog.get_logger(__name__)


class Sessions:
    """Sets the status; what this process set for the same request before is not set again."""

    def __init__(self, client: AsyncWebClient, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._pace, self._clock = client, pace, clock
        self._set: dict[ThreadId, tuple[ApprovalId, bool]] = {}
        self._quiet_until = 0.0

    async def show(self, approval: Approval, *, waits: bool) -> None:
        """Never raises but for cancellation."""
        place, status = approval.home, (approval.id, waits)
        if place.thread_ts is None or self._set.get(approval.thread) == status or self._clock() < self._quiet_until:
            return
        if await self._pace.spare(_METHOD, place.channel, Urgency.FIRST):
            return  # others need it more: the next change shows it
        if len(self._set) >= _MOST_KEPT:
            self._set.clear()
        self._set[approval.thread] = status
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
