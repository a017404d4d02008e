"""Puts the parts of a bot together: the only room that names concrete adapters.

`assembly` has the parts list of a running bot; each module beside it makes one kind of part. The names below are
imported when they are first used: a command that only reads Redis takes `bot.wiring.storage`, and does not wait for
LangGraph and Bolt.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapters.extras import install_command
    from bot.wiring.assembly import bot
    from bot.wiring.graphs import together
    from bot.wiring.oncall import asked_people, shift_sources
    from bot.wiring.ports import Ports
    from bot.wiring.requester import asked_requester
    from bot.wiring.running import Bot
    from bot.wiring.slack import manifest
    from bot.wiring.workspace import PortTakenError, local_workspace

_HOMES = {
    "install_command": "adapters.extras",
    "Bot": "bot.wiring.running",
    "PortTakenError": "bot.wiring.workspace",
    "Ports": "bot.wiring.ports",
    "asked_people": "bot.wiring.oncall",
    "asked_requester": "bot.wiring.requester",
    "bot": "bot.wiring.assembly",
    "local_workspace": "bot.wiring.workspace",
    "manifest": "bot.wiring.slack",
    "shift_sources": "bot.wiring.oncall",
    "together": "bot.wiring.graphs",
}

__all__ = [
    "Bot", "PortTakenError", "Ports", "asked_people", "asked_requester", "bot", "install_command",
    "local_workspace", "manifest", "shift_sources", "together",
]  # fmt: skip


if not TYPE_CHECKING:  # type checkers know the names from above, and report any other

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)
