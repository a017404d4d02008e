"""Listens on the addresses of the configuration, for this process or for workers that inherit the sockets."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Mapping, Sequence

from bot.config.problems import ConfigProblem, ProblemsError
from bot.config.settings import Config

BACKLOG = 128
"""Connections that wait until somebody accepts them."""
_FIX = "Is something else there? Name another port."


class TakenError(ProblemsError):
    """Something else listens there already."""


@contextlib.asynccontextmanager
async def listening(config: Config) -> AsyncIterator[Mapping[str, Sequence[socket.socket]]]:
    """Listen on all addresses of the configuration; gives the sockets by key of `app.yaml`. Raises ProblemsError."""
    with contextlib.ExitStack() as stack:
        found: dict[str, list[socket.socket]] = {}
        for key, at in config.listeners.items():
            opened = await _listening(at.host, at.port, config.where(key, "port"))
            found[key] = [stack.enter_context(each) for each in opened]
        yield found


async def _listening(host: str, port: int, where: str) -> list[socket.socket]:
    """Listen on every address that a host name means, as asyncio's own servers do."""
    try:
        bound = await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port, start_serving=False)
        found = [each.dup() for each in bound.sockets]
        bound.close()
        for each in found:
            each.listen(BACKLOG)  # only now the kernel says whether another process listens there
    except OSError as error:
        raise problem_of(host, port, where, error) from None
    return found


def first_address(config: Config, listeners: Mapping[str, Sequence[socket.socket]]) -> str:
    """The address of Slack's route, else of health."""
    key, at = next(iter(config.listeners.items()))
    return address(at.host, listeners[key][0].getsockname()[1])


def address(host: str, port: int) -> str:
    """`http://127.0.0.1:8080`."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def problem_of(host: str, port: int, where: str, error: OSError) -> ProblemsError:
    """The problem of an address that cannot be listened on."""
    what = f"cannot listen on {host}:{port} ({error.strerror})"
    taken = error.errno == errno.EADDRINUSE
    return (TakenError if taken else ProblemsError)([ConfigProblem(where, what, _FIX)])
