"""HTTP routes `/people/...` and `/faults`, with which the page and the tests act as people.

| call | does |
|---|---|
| `GET /people/state?as=USER`, `GET /people/live?as=USER` | return all that a person sees: once, or on every change |
| `POST /people/send`, `/people/delete` | say something; delete a message, the bot's too: `{as, channel, ts}` |
| `POST /people/click`, `/people/submit`, `/people/close`, `/people/command`, `/people/home` | use what the bot shows |
| `POST /people/create`, `/people/rename` | `{as, channel}`: a new one, without the bot; `{as, channel, name}` |
| `POST /people/invite`, `/people/remove` | `{as, channel}`: put the bot into a channel, or out of it |
| `POST /people/group` | `{handle, members or null}`: change or create a group, or disable it; `name`, `description` |
| `POST /people/person` | `{user, deactivated?, guest?}`: deactivate somebody, make them a guest; false takes it back |
| `POST /people/archive`, `/people/unarchive`, `/people/destroy` | `{as, channel}`: close, reopen, delete a channel |

Every answer is JSON. An action that reaches the bot answers `{"acked", "ms"}`; a wrong request answers 4xx with
`{"error": sentence}`. Only the page's own origin may call: another site open in the same browser may not.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web

from adapters.localslack import faults
from adapters.localslack.delivery.deliveries import DeliveryOutcome
from adapters.localslack.people import admin, channels, interactions, visible_state
from adapters.localslack.people.interactions import Answered, NoSuchThingError, Press
from adapters.localslack.state.roster import Member
from adapters.localslack.state.state import Channel, Json
from adapters.localslack.workspace import LocalWorkspace

_REDRAW_SECONDS = 0.03
_LOCAL = ("127.0.0.1", "localhost", "::1")


class BadRequestError(ValueError):
    """A request to `/people` is missing something; the message names it."""


class PeopleApi:
    """The handlers of `/people/...` and `/faults`."""

    def __init__(self, slack: LocalWorkspace) -> None:
        self._slack = slack
        self._watchers: dict[asyncio.Event, web.WebSocketResponse] = {}
        slack.state.on_change.append(self._changed)

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        acts = {
            "/people/send": self._send,
            "/people/click": self._click,
            "/people/submit": self._submit,
            "/people/close": self._close,
            "/people/command": self._command,
            "/people/home": self._home,
            "/people/delete": self._delete,
            "/people/create": self._create,
            "/people/rename": self._rename,
            "/people/group": self._group,
            "/people/person": self._change_person,
            "/people/invite": self._with_channel(channels.invite),
            "/people/remove": self._with_channel(channels.kick),
            "/people/archive": self._with_channel(channels.archive),
            "/people/unarchive": self._with_channel(channels.unarchive),
            "/people/destroy": self._with_channel(channels.remove),
            "/faults": self._faults,
        }
        return [
            web.get("/people/state", _guarded(self._state)),
            web.get("/people/live", _guarded(self._live)),
            *(web.post(path, _guarded(_answering(act))) for path, act in acts.items()),
        ]

    async def close(self, _app: web.Application) -> None:
        """Close the pages' sockets, so that shutting down does not wait for them."""
        for socket in [*self._watchers.values()]:
            await socket.close()

    async def _state(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(visible_state.visible_to(self._slack, self._person(dict(request.query))))

    async def _live(self, request: web.Request) -> web.StreamResponse:
        person = self._person(dict(request.query))
        socket = web.WebSocketResponse(heartbeat=20, timeout=1.0)
        await socket.prepare(request)
        changed = asyncio.Event()
        changed.set()
        self._watchers[changed] = socket
        sending = asyncio.create_task(self._send_changes(socket, changed, person))
        try:
            async for frame in socket:
                if frame.type is WSMsgType.ERROR:
                    break
        finally:
            self._watchers.pop(changed, None)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        return socket

    async def _send_changes(self, socket: web.WebSocketResponse, changed: asyncio.Event, person: Member) -> None:
        while not socket.closed:
            await changed.wait()
            changed.clear()
            await socket.send_str(json.dumps(visible_state.visible_to(self._slack, person)))
            await asyncio.sleep(_REDRAW_SECONDS)  # several changes at once make one redraw

    async def _send(self, body: Json) -> Json:
        person = self._person(body)
        channel = self._channel(body, person)
        thread_ts = body.get("thread_ts") or None
        ts, outcome = await interactions.send(self._slack, person, channel, _text(body, "text"), thread_ts)
        return _report(outcome) | {"ts": ts}

    async def _click(self, body: Json) -> Json:
        person = self._person(body)
        value = body.get("value", body.get("selected_option"))
        values = _values(body)
        press = Press(_text(body, "action_id"), body.get("block_id"), value, bool(body.get("stale", True)))
        if body.get("view") == "home":
            if (view := self._slack.state.homes.get(person.id)) is None:
                raise NoSuchThingError(f"{person.name} has no home tab")
            outcome = await interactions.click_view(self._slack, person, view, press, values)
        elif "view_id" in body:
            view = self._view(body, person)
            outcome = await interactions.click_view(self._slack, person, view, press, values)
        else:
            channel = self._channel(body, person)
            outcome = await interactions.click_message(self._slack, person, channel, _text(body, "ts"), press)
        return _report(outcome)

    async def _submit(self, body: Json) -> Json:
        person = self._person(body)
        view = self._view(body, person)
        return _report_all(await interactions.submit(self._slack, person, view, _values(body)))

    async def _close(self, body: Json) -> Json:
        person = self._person(body)
        view = self._view(body, person)
        return _report(await interactions.close(self._slack, person, view, clear=bool(body.get("clear"))))

    async def _command(self, body: Json) -> Json:
        person = self._person(body)
        channel = self._channel(body, person)
        name = "/" + _text(body, "command").removeprefix("/")
        text = str(body.get("text") or "")
        return _report_all(await interactions.command(self._slack, person, channel, name, text))

    async def _home(self, body: Json) -> Json:
        return _report(await interactions.open_home(self._slack, self._person(body), body.get("tab") or "home"))

    async def _delete(self, body: Json) -> Json:
        channel = self._channel(body, self._person(body))
        return _report(await interactions.delete(self._slack, channel, _text(body, "ts")))

    async def _create(self, body: Json) -> Json:
        channel = channels.create(self._slack, self._person(body), _text(body, "channel"))
        return {"acked": True, "ms": 0.0, "id": channel.id}

    async def _rename(self, body: Json) -> Json:
        channel = self._channel(body, self._person(body))
        return _report(await channels.rename(self._slack, channel, _text(body, "name")))

    async def _group(self, body: Json) -> Json:
        members = body.get("members", ...)
        if members is ... or not (members is None or _is_texts(members)):
            raise BadRequestError("members: must be a list of people, or null to disable the group")
        texts = {name: _text(body, name) for name in ("name", "description") if name in body}
        group, outcome = await admin.put_group(self._slack, _text(body, "handle"), members, **texts)
        return _report(outcome) | {"id": group.id}

    async def _change_person(self, body: Json) -> Json:
        person = self._person({"as": _text(body, "user")})
        changes = {"deactivated": person.deactivated, "guest": person.guest}
        changes |= {name: body[name] for name in changes if name in body}
        if not all(isinstance(each, bool) for each in changes.values()):
            raise BadRequestError("deactivated, guest: must be true or false")
        return _report(await admin.put_person(self._slack, person, **changes))

    def _with_channel(
        self, act: Callable[[LocalWorkspace, Member, Channel], Awaitable[DeliveryOutcome]]
    ) -> Callable[[Json], Awaitable[Json]]:
        async def acting(body: Json) -> Json:
            person = self._person(body)
            return _report(await act(self._slack, person, self._channel(body, person)))

        return acting

    async def _faults(self, body: Any) -> Json:
        for wanted in faults.parse(body):
            self._slack.faults.add(wanted)
            if wanted.disconnect == "refresh":
                await self._slack.sockets.disconnect(warn=True)
            elif wanted.disconnect:
                how_many = None if wanted.disconnect is True else wanted.disconnect
                await self._slack.sockets.disconnect(how_many)
        return {"ok": True}

    def _person(self, given: Json) -> Member:
        who = _text(given, "as")
        person = self._slack.state.find_person(who)
        if person is None or person.bot:
            raise NoSuchThingError(f"nobody here is called {who!r}")
        return person

    def _channel(self, given: Json, person: Member) -> Channel:
        where = _text(given, "channel")
        channel = self._slack.state.find_channel(where, person)
        if channel is None or person.id not in channel.members:
            raise NoSuchThingError(f"{person.name} is in no channel {where!r}")
        return channel

    def _view(self, given: Json, person: Member) -> Json:
        top = self._slack.views.top(person.id)
        wanted = given.get("view_id") or (top["id"] if top else None)
        if top is None or wanted != top["id"]:
            raise NoSuchThingError(f"{person.name} does not see the view {wanted}")
        return top

    def _changed(self) -> None:
        for watcher in self._watchers:
            watcher.set()


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _guarded(handler: Handler) -> Handler:
    """Refuse other origins and foreign host names, and turn our own errors into answers."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if request.url.host not in _LOCAL or (origin and urlsplit(origin).netloc != request.host):
            return web.json_response({"error": "only this workspace's own page may act as its people"}, status=403)
        try:
            return await handler(request)
        except (BadRequestError, faults.FaultError) as error:
            return web.json_response({"error": str(error)}, status=400)
        except NoSuchThingError as error:
            return web.json_response({"error": str(error)}, status=404)

    return guarded


def _answering(act: Callable[[Any], Awaitable[Json]]) -> Handler:
    """Make a handler that reads a JSON body, acts and answers JSON."""

    async def answering(request: web.Request) -> web.StreamResponse:
        try:
            body = json.loads(await request.text())
        except ValueError as error:
            raise BadRequestError(f"the body is not JSON: {error}") from error
        if not isinstance(body, dict) and request.path != "/faults":
            raise BadRequestError("the body must be a JSON object")
        return web.json_response(await act(body))

    return answering


def _text(given: Json, name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise BadRequestError(f"{name}: is missing")
    return value


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _values(given: Json) -> Json:
    values = given.get("values") or {}
    if not isinstance(values, dict):
        raise BadRequestError("values: must be an object of block_id or label to value")
    return values


def _report_all(answered: Answered) -> Json:
    report = _report(answered.outcome)
    report |= {"errors": answered.errors} if answered.errors else {}
    return report | ({"error": answered.error} if answered.error else {})


def _report(outcome: DeliveryOutcome) -> Json:
    return {"acked": outcome.acked, "ms": round(outcome.ms, 3)}
