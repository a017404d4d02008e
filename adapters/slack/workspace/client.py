"""The Web API client: one session, timeouts, and retries of calls that are safe to repeat.

A call that Slack refused with 429 was not done, so it is repeated after `Retry-After`: work of the lanes comes back for
that (`adapters.slack.workspace.pacing`), everything else waits here. After a broken connection or a server error the
outcome is unknown, so only calls that may be done twice are repeated. A post is not one of them: its error is raised,
and the next attempt of its lane looks for the message before it posts again. An update may be done twice, but not
silently: Slack may apply the first one late, so the message has to be updated once more later on
(see `bot.outbound.drawing`).

https://docs.slack.dev/apis/web-api/rate-limits, https://docs.slack.dev/tools/python-slack-sdk/web/#retryhandler
"""

import asyncio
import itertools
import logging
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from typing_extensions import override

from adapters.slack.workspace.errors import retry_after
from adapters.slack.workspace.pacing import LONGEST, Pace

SLACK = "https://slack.com/api/"
"""The Web API, where `SLACK_API_URL` names no other."""
_NOT_TWICE = (
    "/chat.postMessage",
    "/chat.postEphemeral",
    "/chat.update",
    "/files.completeUploadExternal",
    "/views.open",
)
_COMES_BACK = frozenset(
    {
        "agents.sessions.setStatus",
        "chat.appendStream",
        "chat.delete",
        "chat.postEphemeral",
        "chat.postMessage",
        "chat.startStream",
        "chat.update",
    }
)
_RETRIES = 2
_TIMEOUT = 10


def quiet_logger(name: str, level: int = logging.WARNING) -> logging.Logger:
    """A logger for Slack's libraries, at a level at which no text of a message is ever formatted."""
    logger = logging.getLogger(name)
    logger.setLevel(level)
    return logger


def _repeatable(request: HttpRequest) -> bool:
    return not request.url.endswith(_NOT_TWICE)


class _ConnectionErrors(AsyncConnectionErrorRetryHandler):
    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        wanted = await super()._can_retry_async(state=state, request=request, response=response, error=error)
        return wanted and _repeatable(request)


class _ServerErrors(AsyncServerErrorRetryHandler):
    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        wanted = await super()._can_retry_async(state=state, request=request, response=response, error=error)
        return wanted and _repeatable(request)


def retry_handlers() -> list[AsyncRetryHandler]:
    """The retries within one call."""
    return [_ConnectionErrors(), _ServerErrors()]


class PacedClient(AsyncWebClient):
    """A client that reads at Slack's pace, and reports rate limits to `pace`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.pace = Pace()

    @override
    async def api_call(self, api_method: str, **call: Any) -> AsyncSlackResponse:
        """Call a method. Raises SlackApiError; for a 429 only if the caller comes back, or if it persists."""
        await self.pace.read(api_method)
        for tries in itertools.count(1):
            try:
                answer = await super().api_call(api_method, **call)
            except SlackApiError as error:
                seconds = retry_after(error)
                if seconds is None:
                    raise
                await self.pace.refused(api_method, _channel_of(call), seconds)
                if api_method in _COMES_BACK or tries > _RETRIES:
                    raise
                await asyncio.sleep(min(seconds, LONGEST))
            else:
                self.pace.heard(answer.headers)
                return answer
        raise AssertionError


def _channel_of(call: Mapping[str, Any]) -> str:
    arguments = call.get("json") or call.get("params") or call.get("data") or {}
    return str(arguments.get("channel", ""))


@asynccontextmanager
async def web_client(
    token: str,
    base_url: str = "https://slack.com/api/",
    *,
    timeout: float = _TIMEOUT,  # noqa: ASYNC109 - of each call of the client, not of this function
) -> AsyncIterator[PacedClient]:
    """A client with its own session, closed at the end.

    `base_url` is the address of the Web API, `timeout` the seconds that one call may take.
    """
    # Any number of connections: with a limit, a click would wait for cards that Slack is slow to draw. The lanes have
    # limits of their own (`adapters.redis.lanes.service`).
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=timeout)) as session:
        yield PacedClient(
            token=token,
            base_url=base_url,
            session=session,
            timeout=math.ceil(timeout),
            retry_handlers=retry_handlers(),
            logger=quiet_logger("signoff.slack.client"),
        )
