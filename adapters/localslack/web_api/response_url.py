"""The `response_url` of an interaction: five messages in thirty minutes, without a token.

Source: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

import json
from typing import Any

from aiohttp import web

from adapters.blockkit import check_message
from adapters.localslack.delivery.triggers import RESPONSE_USES, ResponseTo
from adapters.localslack.state import blocks as block_tools
from adapters.localslack.state.state import Channel, Json
from adapters.localslack.web_api.call import SlackError, refuse
from adapters.localslack.web_api.server import apply_fault
from adapters.localslack.workspace import NO_PREVIEW, LocalWorkspace


class ResponseUrlHandler:
    """Handles the bot's posts to response URLs."""

    def __init__(self, slack: LocalWorkspace) -> None:
        self._slack = slack

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one post."""
        fault = self._slack.faults.of_call("response_url")
        if fault is not None and (failed := await apply_fault(fault)) is not None:
            return failed
        known = self._slack.response_urls.read(request.path)
        if known is None:
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        key, to = known
        if self._slack.state.response_uses.get(key, 0) >= RESPONSE_USES:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        try:
            self._respond(to, json.loads(await request.text()))
        except SlackError as error:
            return web.json_response(error.answer, status=400 if error.answer["error"] != "message_not_found" else 404)
        except ValueError:
            return web.json_response({"ok": False, "error": "invalid_payload"}, status=400)
        self._slack.state.use_response_url(key)
        if fault is not None and fault.lost_response and request.transport is not None:
            request.transport.abort()
        return web.json_response({"ok": True})

    def _respond(self, to: ResponseTo, body: Any) -> None:
        if not isinstance(body, dict):
            raise SlackError("invalid_payload")
        channel = self._slack.state.channels[to.channel]
        if body.get("delete_original"):
            self._delete(channel, to)
        else:
            refuse(check_message(body))
            if body.get("replace_original"):
                self._replace(channel, to, body)
            else:
                self._add(channel, to, body)

    def _delete(self, channel: Channel, to: ResponseTo) -> None:
        if to.ts in channel.ephemeral:
            self._slack.state.drop_ephemeral(channel, to.ts)
        elif message := channel.messages.get(to.ts):
            self._slack.delete(channel, message)
        else:
            raise SlackError("message_not_found")

    def _replace(self, channel: Channel, to: ResponseTo, body: Json) -> None:
        changes: Json = {"text": body.get("text") or NO_PREVIEW, "blocks": block_tools.stored(body.get("blocks") or [])}
        if "metadata" in body:
            changes["metadata"] = body["metadata"]
        if to.ts in channel.ephemeral:
            user, message = channel.ephemeral[to.ts]
            self._slack.state.put_ephemeral(channel, user, {**message, **changes})
        elif original := channel.messages.get(to.ts):
            self._slack.edit(channel, original, changes)
        else:
            raise SlackError("message_not_found")

    def _add(self, channel: Channel, to: ResponseTo, body: Json) -> None:
        message = self._slack.bot_message(body.get("text", ""), body.get("blocks"))
        thread_ts = body.get("thread_ts") or to.thread_ts or None
        if body.get("response_type") == "in_channel":
            self._slack.post(channel, message, thread_ts)
        else:
            self._slack.show(channel, to.user, message, thread_ts)
