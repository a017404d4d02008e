"""On-call services as a small real HTTP server that speaks each one's format and fails on command.

```python
async with ServiceServer() as server:
    server.pagerduty(on_call("jane@example.com"), on_call("bob@example.com", tier=2))
    server.fails(429, {"Retry-After": "3600"})
```
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from aiohttp import web

Json = dict[str, Any]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class ServiceServer:
    """A server on a free port. `requests` lists the requests it got; `release` answers the hung ones."""

    requests: list[web.Request] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    _answer: Answer | None = None
    _failure: Answer | None = None
    _released: asyncio.Event = field(default_factory=asyncio.Event)
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._released.set()
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Its address."""
        assert self._runner is not None
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.tokens.append(request.headers.get("Authorization", ""))
        answer = self._failure or self._answer
        return web.Response(status=404) if answer is None else await answer(request)

    # How it fails -----------------------------------------------------------------------------------------------------

    def fails(self, status: int, headers: Mapping[str, str] | None = None, text: str = "sorry") -> None:
        """Answer every request with this failure."""

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, headers=headers, text=text)

        self._failure = answer

    def hangs(self) -> None:
        """Accept requests, and answer them when released."""

        async def answer(request: web.Request) -> web.StreamResponse:
            await self._released.wait()
            assert self._answer is not None
            return await self._answer(request)

        self._released.clear()
        self._failure = answer

    def release(self) -> None:
        """Answer the waiting requests, and all later ones."""
        self._failure = None
        self._released.set()

    def works(self) -> None:
        """Stop failing."""
        self._failure = None

    # What it says -----------------------------------------------------------------------------------------------------

    def says(self, json: Any, path: str | None = None) -> None:
        """Answer with this JSON, at one path only if `path` is given."""

        async def answer(request: web.Request) -> web.StreamResponse:
            return web.json_response(json) if path in (None, request.path) else web.Response(status=404)

        self._answer = answer

    def pagerduty(self, *on_calls: Json, page: int = 100, lost: int | None = None) -> None:
        """Answer `GET /oncalls`, `page` entries a page; the page number `lost` is not answered."""

        async def answer(request: web.Request) -> web.StreamResponse:
            if request.path != "/oncalls" or request.query.get("include[]") != "users":
                return web.Response(status=404)
            offset = int(request.query.get("offset", "0"))
            limit = min(page, int(request.query.get("limit", "25")))
            if lost is not None and offset // limit == lost:
                return web.Response(status=502)
            shown = on_calls[offset : offset + limit]
            more = offset + limit < len(on_calls)
            return web.json_response({"oncalls": shown, "limit": limit, "offset": offset, "more": more, "total": None})

        self._answer = answer

    def incident_io(self, *entries: Json) -> None:
        """Answer `GET /v2/schedule_entries`: the entries that overlap the window; without one, all later ones."""

        async def answer(request: web.Request) -> web.StreamResponse:
            if request.path != "/v2/schedule_entries" or "schedule_id" not in request.query:
                return web.Response(status=404)
            since, until = (request.query.get(f"entry_window_{each}") for each in ("start", "end"))
            final = [each for each in entries if _overlaps(each["start_at"], each["end_at"], since, until)]
            scheduled = [{**each, "user": {**user_of_incident_io("scheduled"), "id": "X"}} for each in final]
            shown = {"final": final, "overrides": [], "scheduled": scheduled}
            return web.json_response({"schedule_entries": shown, "pagination_meta": {"after": "x", "after_url": "y"}})

        self._answer = answer

    def rootly(self, *on_calls: Json, included: Sequence[Json] = ()) -> None:
        """Answer `GET /v1/oncalls` as JSON:API; `included` may name any objects."""
        self.says({"data": [*on_calls], "included": [*included]}, "/v1/oncalls")

    def grafana(self, people: Mapping[str, Json]) -> None:
        """Answer with a schedule that has these people on call now; each is fetched by id."""

        async def answer(request: web.Request) -> web.StreamResponse:
            match request.path.strip("/").split("/"):
                case ["api", "v1", "schedules", schedule] if request.path.endswith("/"):
                    shown = {"id": schedule, "name": "Primary", "type": "web", "on_call_now": [*people]}
                    return web.json_response(shown)
                case ["api", "v1", "users", person] if person in people and request.path.endswith("/"):
                    return web.json_response({"id": person, "grafana_id": 7, "role": "admin", **people[person]})
            return web.Response(status=404)

        self._answer = answer


def _overlaps(starts: str, ends: str, since: str | None, until: str | None) -> bool:
    if since is None or until is None:
        return True
    return _instant(starts) < _instant(until) and _instant(since) < _instant(ends)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


# Entries, as each service has them ------------------------------------------------------------------------------------


def on_call(email: str | None, *, tier: int = 1, starts: str | None = None, ends: str | None = None) -> Json:
    """An on-call of PagerDuty."""
    return {
        "escalation_policy": {"id": "P7PAY", "type": "escalation_policy_reference", "summary": "Payments"},
        "escalation_level": tier,
        "schedule": {"id": "PS1", "type": "schedule_reference", "summary": "Primary"} if starts else None,
        "user": {"id": "PU1", "type": "user", "name": "Jane Doe", "summary": "Jane Doe", "email": email},
        "start": starts,
        "end": ends,
    }


def user_of_incident_io(slack_id: str | None, email: str = "jane@example.com") -> Json:
    """A person of incident.io."""
    return {"id": "01U", "name": "Jane Doe", "email": email, "role": "responder", "slack_user_id": slack_id}


def entry(starts: str, ends: str, slack_id: str | None, email: str = "jane@example.com") -> Json:
    """A schedule entry of incident.io."""
    return {
        "entry_id": "01E",
        "fingerprint": f"{starts}-{slack_id}",
        "layer_id": "01L",
        "rotation_id": "01R",
        "start_at": starts,
        "end_at": ends,
        "user": user_of_incident_io(slack_id, email),
    }


def on_call_of_rootly(user: str, *, tier: int | None = 1, starts: str, ends: str, related: bool = True) -> Json:
    """An on-call of Rootly, which names its user in `relationships`, or only in `attributes`."""
    attributes: Json = {
        "escalation_policy_id": "ep-1",
        "escalation_policy_name": "Payments",
        "user_id": int(user),
        "schedule_id": "s-1",
        "starts_at": starts,
        "ends_at": ends,
    }
    if tier is not None:
        attributes["escalation_level"] = tier
    shown: Json = {"id": "", "type": "oncalls", "attributes": attributes}
    return {**shown, "relationships": {"user": {"data": {"id": user, "type": "users"}}}} if related else shown


def user_of_rootly(user: str, *, slack_id: str | None = None, email: str = "jane@example.com") -> Json:
    """A user in Rootly's `included`."""
    attributes = {"name": "Jane Doe", "full_name": "Jane Doe", "email": email, "slack_id": slack_id}
    return {"id": user, "type": "users", "attributes": attributes}
