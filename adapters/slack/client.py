"""The Web API client: one session, deadlines, and retries of exactly what may be repeated.

A call that Slack refused with 429 was not done, so it is repeated after `Retry-After`. After a broken connection or a
server's error nobody knows; then only calls that may be done twice are repeated here. A message is not one of them:
its error is raised, and the next attempt of its lane looks for the message before it posts it again. A change of a
message may be done twice, but not in silence: Slack may do the first one late, so it has to be done once more later on
(see `bot.drawing`).

https://docs.slack.dev/apis/web-api/rate-limits, https://docs.slack.dev/tools/python-slack-sdk/web/#retryhandler
"""

import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web.async_client import AsyncWebClient

_NOT_TWICE = (
    "/chat.postMessage",
    "/chat.postEphemeral",
    "/chat.update",
    "/files.completeUploadExternal",
    "/views.open",
)
_TIMEOUT = 10


def quiet_logger(name: str, level: int = logging.WARNING) -> logging.Logger:
    """A logger for the libraries of Slack: with a level of its own, so that no text of a message is ever formatted."""
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
    """What is repeated within one call."""
    return [AsyncRateLimitErrorRetryHandler(max_retry_count=2), _ConnectionErrors(), _ServerErrors()]


@asynccontextmanager
async def web_client(
    token: str,
    base_url: str = "https://slack.com/api/",
    *,
    timeout: float = _TIMEOUT,  # noqa: ASYNC109 - of each call of the client, not of this function
) -> AsyncIterator[AsyncWebClient]:
    """A client with a session of its own, closed in the end.

    `base_url` is the address of the Web API, `timeout` the seconds that one call may take.
    """
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout)) as session:
        yield AsyncWebClient(
            token=token,
            base_url=base_url,
            session=session,
            timeout=math.ceil(timeout),
            retry_handlers=retry_handlers(),
            logger=quiet_logger("signoff.slack.client"),
        )
