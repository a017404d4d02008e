"""The local workspace as one server on 127.0.0.1.

```python
async with LocalSlack(data=folder) as slack:
    os.environ.update(slack.environment())   # SLACK_API_URL and tokens: the bot now talks to this workspace
```
"""

import asyncio
import socket
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from adapters.localslack.delivery.background import Background
from adapters.localslack.delivery.deliveries import Dispatcher
from adapters.localslack.delivery.http import HttpDelivery
from adapters.localslack.delivery.payloads import Payloads
from adapters.localslack.delivery.socket_mode import BotSockets
from adapters.localslack.delivery.triggers import TRIGGER_SECONDS, ResponseUrls, Triggers
from adapters.localslack.faults import Faults
from adapters.localslack.people.routes import PeopleApi
from adapters.localslack.state import people_file, roster, secrets_file
from adapters.localslack.state.journal import Journal
from adapters.localslack.state.roster import PeopleFile
from adapters.localslack.state.state import WorkspaceState
from adapters.localslack.state.uploads import Uploads
from adapters.localslack.state.views import Views
from adapters.localslack.web_api.rate_limit import SLACKS_RATE, RateLimit
from adapters.localslack.web_api.response_url import ResponseUrlHandler
from adapters.localslack.web_api.server import WebApi, apply_fault
from adapters.localslack.workspace import LocalWorkspace

HOST = "127.0.0.1"
PAGE = Path(__file__).parent / "page"
_SHOWN = ("text/plain", "image/png", "image/jpeg", "image/gif", "image/webp")
MAX_UPLOAD = 64 * 1024 * 1024
ALL_SCOPES = frozenset(
    {
        "app_mentions:read",
        "assistant:write",
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "reactions:write",
        "usergroups:read",
        "users:read",
        "users:read.email",
    }
)


class AddressInUseError(RuntimeError):
    """The port is taken; the message names it and says what to do."""


class LocalSlack:
    """A Slack workspace on 127.0.0.1, with one installed app.

    `data` is the folder that keeps everything (None: a temporary folder); `port` 0 takes a free one;
    `people` is a roster, or the same as plain data. `request_url` switches from Socket Mode to signed HTTP delivery,
    and may be set while it runs. Times are in seconds. `rate_limit` None takes any number of messages.
    Raises JournalError, RosterError, AddressInUseError.
    """

    def __init__(  # noqa: PLR0913 - each is an option of the workspace that a test or command sets
        self,
        *,
        data: Path | None = None,
        port: int = 0,
        people: PeopleFile | dict[str, Any] | None = None,
        bot_name: str = "signoff",
        scopes: frozenset[str] = ALL_SCOPES,
        rate_limit: RateLimit | None = SLACKS_RATE,
        ack_timeout: float = 3.0,
        retry_after: tuple[float, ...] = (0.0, 60.0, 300.0),
        trigger_seconds: float = TRIGGER_SECONDS,
        request_url: str | None = None,
    ) -> None:
        self._data = data
        self._port = port
        self._roster = people_file.check(people) if isinstance(people, dict) else people or roster.BUILT_IN
        self._bot_name = bot_name
        self._scopes = scopes
        self._rate_limit = rate_limit
        self._ack_timeout = ack_timeout
        self._retry_after = retry_after
        self._trigger_seconds = trigger_seconds
        self._request_url = request_url
        self._stack = AsyncExitStack()
        self._running: LocalWorkspace | None = None
        self._http: aiohttp.ClientSession | None = None

    @property
    def workspace(self) -> LocalWorkspace:
        """The running workspace. Raises RuntimeError outside of `async with`."""
        if self._running is None:
            raise RuntimeError("the workspace is not serving; use it in `async with`")
        return self._running

    @property
    def url(self) -> str:
        """The address of the page, without a final slash."""
        return self.workspace.base

    @property
    def request_url(self) -> str | None:
        """The URL for deliveries; None for Socket Mode."""
        return self._request_url

    @request_url.setter
    def request_url(self, url: str | None) -> None:
        self._request_url = url
        if self._running is not None:
            self._route()

    def environment(self) -> dict[str, str]:
        """Return the variables that point a bot at this workspace."""
        secrets = self.workspace.secrets
        return {
            "SLACK_API_URL": f"{self.url}/api/",
            "SLACK_BOT_TOKEN": secrets.bot_token,
            "SLACK_APP_TOKEN": secrets.app_token,
            "SLACK_SIGNING_SECRET": secrets.signing_secret,
        }

    async def verify_request_url(self) -> None:
        """Send Slack's challenge to `request_url`. Raises RequestUrlError."""
        if isinstance(transport := self.workspace.dispatcher.transport, HttpDelivery):
            await transport.verify(self.workspace.secrets.verification_token)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            folder = self._data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="localslack-")))
            journal = Journal(folder)
            stack.callback(journal.close)
            listener = _listen(self._port)
            stack.callback(listener.close)
            background = Background()
            slack = self._build(folder, journal, background, f"http://{HOST}:{listener.getsockname()[1]}")
            self._http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
            runner = web.AppRunner(self._app(slack), access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            stack.push_async_callback(slack.sockets.close)
            stack.push_async_callback(background.close)
            await web.SockSite(runner, listener).start()
            self._running = slack
            self._route()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running = None
        await self._stack.aclose()

    def _build(self, folder: Path, journal: Journal, background: Background, base: str) -> LocalWorkspace:
        secrets = secrets_file.load(folder)
        state = WorkspaceState(self._roster, journal, bot_name=self._bot_name, base=base)
        faults = Faults()
        return LocalWorkspace(
            base=base,
            state=state,
            secrets=secrets,
            scopes=self._scopes,
            views=Views(state),
            uploads=Uploads(folder, state),
            triggers=Triggers(seconds=self._trigger_seconds),
            response_urls=ResponseUrls(secrets.signing_secret),
            sockets=BotSockets(state.app_id, faults),
            dispatcher=Dispatcher(background, faults, ack_timeout=self._ack_timeout, retry_after=self._retry_after),
            payloads=Payloads(state, secrets.verification_token),
            faults=faults,
        )

    def _route(self) -> None:
        slack = self.workspace
        if self._request_url is None:
            slack.dispatcher.transport = slack.sockets
        elif self._http is not None:
            secret = slack.secrets.signing_secret
            slack.dispatcher.transport = HttpDelivery(self._request_url, secret, self._http, slack.faults)

    def _app(self, slack: LocalWorkspace) -> web.Application:
        app = web.Application(client_max_size=MAX_UPLOAD, middlewares=[_uncached])
        api = WebApi(slack, self._rate_limit).serve
        files = Files(slack)
        people = PeopleApi(slack)
        app.on_shutdown.append(people.close)
        app.add_routes(
            [
                web.post("/api/{method}", api),
                web.get("/api/{method}", api),
                web.get("/link/", slack.sockets.serve),
                web.post("/response/{rest:.+}", ResponseUrlHandler(slack).serve),
                web.post("/upload/{ticket}", files.receive),
                web.get("/files/{file_id}/{name}", files.send),
                web.get("/", _page),
                web.get("/archives/{rest:.+}", _page),
                *people.routes(),
            ]
        )
        if PAGE.is_dir():
            app.router.add_static("/page", PAGE)
        return app


class Files:
    """The handlers of uploads and downloads."""

    def __init__(self, slack: LocalWorkspace) -> None:
        self._slack = slack

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Take the bytes of an upload URL, raw or as a multipart `file`."""
        fault = self._slack.faults.of_call("upload")
        if fault is not None and (failed := await apply_fault(fault)) is not None:
            return failed
        content = await _content(request)
        if not self._slack.uploads.receive(request.match_info["ticket"], content):
            return web.Response(status=404, text="no such upload")
        return web.Response(text=f"OK - {len(content)}")

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Send a file to the app (bearer token) or to a person of the page (`?as=USER`)."""
        allowed = request.headers.get("Authorization") == f"Bearer {self._slack.secrets.bot_token}"
        allowed = allowed or self._slack.state.find_person(request.query.get("as", "")) is not None
        file = self._slack.state.files.get(request.match_info["file_id"])
        if file is None or not allowed:
            return web.Response(status=404 if allowed else 403)
        headers = {"Content-Type": file["mimetype"], "X-Content-Type-Options": "nosniff"}
        headers["Content-Disposition"] = "inline" if file["mimetype"] in _SHOWN else "attachment"
        return web.FileResponse(self._slack.uploads.path(file["id"]), headers=headers)


async def _content(request: web.Request) -> bytes:
    if not request.content_type.startswith("multipart/"):
        return await request.read()
    form = await request.post()
    for part in form.values():
        if isinstance(part, web.FileField):
            return part.file.read()
    return b""


async def _page(_request: web.Request) -> web.StreamResponse:
    index = PAGE / "index.html"
    if not index.exists():
        return web.Response(status=404, text="This installation has no page; /people/state serves what it would show.")
    return web.FileResponse(index)


@web.middleware
async def _uncached(request: web.Request, handler: Any) -> web.StreamResponse:
    response: web.StreamResponse = await handler(request)
    if not response.prepared:
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise AddressInUseError(f"port {port} on {HOST} cannot be used ({error.strerror}); choose another") from error
    return listener


async def run_workspace(
    port: int, data: Path, people: Path | None, *, ready: asyncio.Future[LocalSlack] | None = None
) -> None:
    """Serve a workspace with the people of a file until cancelled; `ready` gets it once it serves."""
    async with LocalSlack(port=port, data=data, people=people_file.load(people)) as slack:
        if ready is not None:
            ready.set_result(slack)
        await asyncio.get_running_loop().create_future()


def environment_lines(slack: LocalSlack) -> list[str]:
    """Return the `NAME=value` lines that point a bot at the workspace, to paste into `.env`."""
    return [f"{name}={value}" for name, value in slack.environment().items()]
