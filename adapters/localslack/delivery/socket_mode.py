"""Socket Mode: the bot's web sockets. Each envelope goes to exactly one of them.

Source: https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import json
import secrets
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from adapters.localslack.delivery.deliveries import Delivery, DeliveryAttempt, NotAckedError
from adapters.localslack.faults import Faults
from adapters.localslack.state.state import Json

MAX_CONNECTIONS = 10
_GOODBYE_SECONDS = 1.0


@dataclass(eq=False, slots=True)
class _Link:
    request: web.Request
    socket: web.WebSocketResponse
    pending: dict[str, asyncio.Future[Json]] = field(default_factory=dict)


class BotSockets:
    """The open sockets of the bot, used in turn."""

    def __init__(self, app_id: str, faults: Faults) -> None:
        self._app_id = app_id
        self._faults = faults
        self._tickets: set[str] = set()
        self._links: list[_Link] = []
        self._turn = 0
        self._some = asyncio.Event()

    @property
    def count(self) -> int:
        """The number of open sockets."""
        return len(self._links)

    def ticket(self) -> str:
        """Make a ticket that opens one socket, once."""
        made = secrets.token_urlsafe(16)
        self._tickets.add(made)
        return made

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one socket until it closes."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets or len(self._links) >= MAX_CONNECTIONS:
            return web.json_response({"ok": False, "error": "invalid_ticket"}, status=408)
        self._tickets.discard(ticket)
        link = _Link(request, web.WebSocketResponse(max_msg_size=0, timeout=_GOODBYE_SECONDS))
        await link.socket.prepare(request)
        await link.socket.send_str(json.dumps(self._hello()))
        self._links.append(link)
        self._some.set()
        try:
            async for frame in link.socket:
                if frame.type is WSMsgType.TEXT:
                    self._acked(link, frame.data)
        finally:
            self._forget(link)
        return link.socket

    async def deliver(self, delivery: Delivery, attempt: DeliveryAttempt) -> Json:
        """Send one envelope to the next socket, or to the first that opens, and wait for its ack.

        Raises NotAckedError.
        """
        await self._some.wait()
        link = self._links[self._turn % len(self._links)]
        self._turn += 1
        envelope_id = secrets.token_hex(16)
        acked: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        link.pending[envelope_id] = acked
        try:
            await link.socket.send_str(_envelope(envelope_id, delivery, attempt))
            return await acked
        except ConnectionError as error:
            raise NotAckedError("connection_failed") from error
        finally:
            link.pending.pop(envelope_id, None)

    async def disconnect(self, how_many: int | None = None, *, warn: bool = False) -> None:
        """Drop sockets; with `warn`, ask the bot to reconnect and let it close them."""
        for link in self._links[:how_many]:
            if warn:
                frame = {"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "local"}}
                self._retire(link)
                await link.socket.send_str(json.dumps(frame))
            else:
                self._forget(link)
                if link.request.transport is not None:
                    link.request.transport.abort()  # no closing frame, as when a network breaks

    async def close(self) -> None:
        """Close every socket, as a server that shuts down does."""
        for link in [*self._links]:
            self._forget(link)
            await link.socket.close(drain=False)

    def _hello(self) -> Json:
        info = {"host": "local", "build_number": 1, "approximate_connection_time": 18_060}
        connection = {"app_id": self._app_id}
        return {
            "type": "hello",
            "num_connections": len(self._links) + 1,
            "debug_info": info,
            "connection_info": connection,
        }

    def _acked(self, link: _Link, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            return
        if not isinstance(frame, dict) or "envelope_id" not in frame or self._faults.take_dropped_ack():
            return
        acked = link.pending.get(frame["envelope_id"])
        if acked is not None and not acked.done():
            payload = frame.get("payload")
            acked.set_result(payload if isinstance(payload, dict) else {})

    def _retire(self, link: _Link) -> None:
        """Send nothing more to a socket; envelopes already sent may still be acked."""
        if link in self._links:
            self._links.remove(link)
        if not self._links:
            self._some.clear()

    def _forget(self, link: _Link) -> None:
        """Treat the socket's envelopes without an ack as lost."""
        self._retire(link)
        for acked in link.pending.values():
            if not acked.done():
                acked.set_exception(NotAckedError("connection_failed"))


def _envelope(envelope_id: str, delivery: Delivery, attempt: DeliveryAttempt) -> str:
    envelope: Json = {
        "envelope_id": envelope_id,
        "type": delivery.type,
        "payload": delivery.payload,
        "accepts_response_payload": delivery.accepts_response,
    }
    if delivery.type == "events_api":
        envelope |= {"retry_attempt": attempt.number, "retry_reason": attempt.reason}
    return json.dumps(envelope, separators=(",", ":"))
