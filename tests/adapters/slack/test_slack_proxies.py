"""The proxies of docs/deploy.md: Slack's signed requests reach the bot through them, and nothing else does."""

import hashlib
import hmac
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector
from fakes.people import PeopledSlack
from fakes.valkey import wait_until
from support.pages import file_of
from support.slack_app import serving

from adapters.slack.workspace.client import PacedClient

BODY = b'{"type": "event_callback", "team_id":  "T1",\t"event": {"type": "other", "text": "\xc3\xa9"}}'
"""White space and letters that a proxy might write another way: the signature would not fit any more."""


def nginx(folder: Path, bot: str, port: int) -> str:
    server = file_of("deploy.md", "/etc/nginx/conf.d/signoff.conf").replace("127.0.0.1:8080", bot)
    server = server.replace("listen 443", f"listen 127.0.0.1:{port}")
    server = server.replace("/etc/ssl/certs/your.host.pem", f"{folder}/cert.pem")
    server = server.replace("/etc/ssl/private/your.host.key", f"{folder}/key.pem")
    paths = " ".join(f"{each}_temp_path {folder}/{each};" for each in NGINX_PATHS)
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr; events {{}}"
        f"http {{ access_log off; {paths} {server} }}"
    )
    return f"nginx -c {folder}/nginx.conf"


def caddy(folder: Path, bot: str, port: int) -> str:
    site = file_of("deploy.md", "/etc/caddy/Caddyfile").replace("127.0.0.1:8080", bot)
    site = site.replace("your.host {", f"https://127.0.0.1:{port} {{\ntls {folder}/cert.pem {folder}/key.pem")
    top = f"{{\nadmin off\nauto_https off\nstorage file_system {folder}\n}}\n"
    (folder / "Caddyfile").write_text(top + site)
    return f"caddy run --adapter caddyfile --config {folder}/Caddyfile"


NGINX_PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
FOLDERS = "/usr/sbin:/usr/bin:/usr/local/bin"


@pytest.mark.promise("P1")
@pytest.mark.parametrize("proxy", [nginx, caddy])
async def test_a_proxy_passes_what_slack_signed_and_nothing_else(
    proxy: Callable[[Path, str, int], str], slack: PeopledSlack, client: PacedClient, tmp_path: Path
) -> None:
    if shutil.which(proxy.__name__, path=FOLDERS) is None:
        pytest.skip(f"{proxy.__name__} is not installed")
    secret, port = slack.environment()["SLACK_SIGNING_SECRET"], free_port()
    async with serving(slack, client, "http") as bot, ClientSession(connector=TCPConnector(ssl=False)) as outside:
        assert bot.slack.request_url is not None
        address = bot.slack.request_url.removeprefix("http://").partition("/")[0]
        with running(proxy(certified(tmp_path), address, port), port):

            async def post(path: str, body: bytes, headers: dict[str, str]) -> int:
                headers = {"Content-Type": "application/json"} | headers
                async with outside.post(f"https://127.0.0.1:{port}{path}", data=body, headers=headers) as response:
                    return response.status

            assert await post("/slack/events", BODY, signed(BODY, secret)) == 200
            assert await post("/slack/events", BODY + b" ", signed(BODY, secret)) == 401
            assert await post("/slack/events", BODY, {}) == 401
            for path in ("/", "/metrics", "/healthz", "/slack/events/x"):
                assert await post(path, BODY, signed(BODY, secret)) == 404, path


def signed(body: bytes, secret: str) -> dict[str, str]:
    now = str(int(time.time()))
    signature = hmac.new(secret.encode(), b"v0:" + now.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": f"v0={signature}"}


def certified(folder: Path) -> Path:
    made = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=your.host -addext subjectAltName=IP:127.0.0.1"
    command = shlex.split(f"{made} -keyout {folder}/key.pem -out {folder}/cert.pem")
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own words
    return folder


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def running(command: str, port: int) -> Iterator[None]:
    name, *rest = shlex.split(command)
    program = shutil.which(name, path=FOLDERS)
    assert program is not None
    with subprocess.Popen([program, *rest], stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 - found above
        try:
            wait_until(lambda: process.poll() is not None or answers(port), f"{name} listens")
            assert process.poll() is None, process.stderr and process.stderr.read()
            yield
        finally:
            process.kill()


def answers(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0
