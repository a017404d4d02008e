"""`signoff workspace`: the local Slack workspace alone."""

import sys
from pathlib import Path

from bot.commands.serve import stop_signals


async def workspace(port: int, data: Path, people: Path | None, http: str | None) -> int:
    """Serve until SIGTERM or SIGINT. Prints the environment that points a bot at it.

    `http` is the bot's address for signed HTTP; without one it connects by Socket Mode.
    """
    from bot.wiring.workspace import local_workspace

    async with stop_signals() as stop, local_workspace(port, data, people) as slack:
        slack.request_url = http
        sys.stdout.writelines(f"{name}={value}\n" for name, value in slack.environment().items())
        sys.stdout.write(f"# the page: {slack.url}\n")
        sys.stdout.flush()
        await stop.wait()
    return 0
