"""Handler of the Web API: it reads a call, checks token and scope, applies injected failures and runs the method.

Sources: https://docs.slack.dev/apis/web-api (POST of a form or of JSON, GET with a query, token in the header or an
argument), https://docs.slack.dev/authentication/tokens
"""

import asyncio
import json
import math
from typing import Any

from aiohttp import web

from adapters.blockkit.rates import NOT_COUNTED
from adapters.localslack.faults import CallFault
from adapters.localslack.state.state import Json
from adapters.localslack.web_api import (
    agents,
    auth,
    chat,
    conversations,
    files,
    reactions,
    streams,
    usergroups,
    users,
    views,
)
from adapters.localslack.web_api.call import METHODS, ApiCall, ApiMethod, RateLimitedError, SlackError
from adapters.localslack.web_api.rate_limit import Limits, RateLimit
from adapters.localslack.workspace import LocalWorkspace

# Importing them registers their methods.
FAMILIES = (agents, auth, chat, conversations, files, reactions, streams, usergroups, users, views)


class WebApi:
    """The handler of `/api/METHOD`."""

    def __init__(self, slack: LocalWorkspace, rate_limit: RateLimit | None) -> None:
        self._slack = slack
        self._limits = Limits(rate_limit)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one call."""
        name = request.match_info["method"]
        fault = self._slack.faults.of_call(name)
        try:
            call = await _read(name, request)  # before a delay: Slack, too, serves a client that has stopped waiting
            if fault is not None and (failed := await apply_fault(fault)) is not None:
                return failed
            answer = self._run(name, call, _token(request))
        except RateLimitedError as error:
            headers = {"Retry-After": str(math.ceil(error.retry_after))}
            return web.json_response(error.answer, status=429, headers=headers)
        except SlackError as error:
            answer = error.answer
        if fault is not None:
            await asyncio.sleep(fault.answer_after)
            if fault.lost_response and request.transport is not None:
                request.transport.abort()
        headers = {"X-OAuth-Scopes": ",".join(sorted(self._slack.granted))}
        if self._slack.faults.limits != "real":
            headers[NOT_COUNTED] = "off"
        return web.json_response(answer, headers=headers)

    def _run(self, name: str, call: ApiCall, token: str) -> Json:
        found = METHODS.get(name)
        if found is None:
            raise SlackError("unknown_method", req_method=name)
        if name != "api.test":
            self._check_token(found, token or call.text("token"))
        if wait := self._limits.wait(call, self._slack.faults.limits):
            raise RateLimitedError(wait)
        return found.run(self._slack, call)

    def _check_token(self, found: ApiMethod, token: str) -> None:
        secrets = self._slack.secrets
        if not token:
            raise SlackError("not_authed")
        if token not in (secrets.bot_token, secrets.app_token):
            raise SlackError("invalid_auth")
        if (token == secrets.app_token) != found.app_token:
            raise SlackError("not_allowed_token_type")
        if found.scope and found.scope not in self._slack.granted:
            raise SlackError("missing_scope", needed=found.scope, provided=",".join(sorted(self._slack.granted)))


async def apply_fault(fault: CallFault) -> web.StreamResponse | None:
    """Apply an injected failure: return the failed answer, or None if the call goes on."""
    await asyncio.sleep(fault.delay)
    if fault.hold is not None:
        await fault.hold.wait()
    if fault.status is None and fault.error is None:
        return None
    error = fault.error or ("ratelimited" if fault.status == web.HTTPTooManyRequests.status_code else "internal_error")
    headers = {"Retry-After": str(math.ceil(fault.retry_after))} if fault.retry_after is not None else {}
    if fault.status is not None and fault.status == web.HTTPTooManyRequests.status_code:
        headers.setdefault("Retry-After", "1")
    return web.json_response({"ok": False, "error": error}, status=fault.status or 200, headers=headers)


async def _read(name: str, request: web.Request) -> ApiCall:
    args: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError as error:
            raise SlackError("invalid_json") from error
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        args |= body
    elif request.method == "POST":
        args |= dict(await request.post())
    return ApiCall(name, args)


def _token(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
