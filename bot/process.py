"""Runs each command of the command line to its end, on the event loop; gives the exit code.

The imports of a command are made when it runs, so that each starts fast.
"""

import contextlib
import importlib
import json
import sys
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.config.problems import ProblemsError
from bot.runtime.garbage import collected_when_ready
from bot.runtime.late_modules import spare

if TYPE_CHECKING:
    from bot.commands.explain import ExplainedCall
    from bot.commands.init import Options


def init(options: "Options") -> int:
    """`signoff init`."""
    with _lean_start():
        from bot.commands.init import init as written

        return _to_its_end(written(options))


def run(config: Path, processes: int, hung_seconds: int) -> int:
    """`signoff run`."""
    if processes > 1:
        from bot.commands.run import supervise

        return _to_its_end(supervise(config, processes, hung_seconds))
    with _lean_start():
        from bot.commands.run import run as ran

        return _to_its_end(ran(config), fast=True)


def work() -> int:
    """A worker of `signoff run --processes N`: see `bot.supervisor`."""
    with _lean_start():
        from bot.commands.run import work as worked
        from bot.supervisor.assignment import taken

        return _to_its_end(worked(taken()), fast=True)


def demo(
    config: Path | None, data: Path, port: int | None, people: Path | None, *, speed: float = 1, browser: bool
) -> int:
    """`signoff demo`."""
    with _lean_start():
        from bot.commands.demo import demo as shown

        return _to_its_end(shown(config, data.absolute(), port, people, speed=speed, browser=browser), fast=True)


def workspace(port: int, data: Path, people: Path | None, http: str | None) -> int:
    """`signoff workspace`."""
    from bot.commands.workspace import workspace as served

    return _to_its_end(served(port, data, people, http))


def check(config: Path, *, strict: bool, offline: bool, as_json: bool) -> int:
    """`signoff check`."""
    with _lean_start():
        from bot.commands.check import check as checked

        return _to_its_end(checked(config, strict=strict, offline=offline, as_json=as_json))


def manifest(url: str | None) -> int:
    """`signoff manifest`."""
    from bot.wiring.slack import manifest as made

    sys.stdout.write(json.dumps(made(url), indent=2) + "\n")
    return 0


def schema() -> int:
    """`signoff schema`."""
    from bot.config.schema import schema as drawn

    sys.stdout.write(json.dumps(drawn(), indent=2, ensure_ascii=False) + "\n")
    return 0


def dead_letters(config: Path, revive: str | None, demo: Path | None) -> int:
    """`signoff dead-letters`."""
    from bot.commands.stored import dead_letters as listed

    return _to_its_end(listed(config, revive, demo))


def approvals(config: Path, agent: str | None, demo: Path | None, *, pending: bool, as_json: bool) -> int:
    """`signoff approvals`: the requests that wait, and those that ended lately."""
    from bot.commands.stored import approvals as listed

    return _to_its_end(listed(config, agent, demo, pending=pending, as_json=as_json))


def withdraw(config: Path, which: str, reason: str, demo: Path | None) -> int:
    """`signoff approvals withdraw`: take a pending request back."""
    from bot.commands.stored import withdraw as withdrawn

    return _to_its_end(withdrawn(config, which, reason, demo))


def audit(config: Path, which: str, demo: Path | None, *, as_json: bool) -> int:
    """`signoff audit`."""
    from bot.commands.stored import audit as audited

    return _to_its_end(audited(config, which, demo, as_json=as_json))


def oncall(config: Path, name: str, at: str, *, offline: bool) -> int:
    """`signoff oncall`: the people on call at some instants, a line of JSON for each."""
    from bot.commands.oncall import run as looked_up

    return _to_its_end(looked_up(config, name, at, offline=offline))


def explain(config: Path, asked: "ExplainedCall", *, offline: bool, as_json: bool) -> int:
    """`signoff explain`: the rule that governs a tool call, and who decides."""
    from bot.commands.explain import run as explained

    return _to_its_end(explained(config, asked, offline=offline, as_json=as_json))


def policy_test(config: Path, file: Path) -> int:
    """`signoff policy test`: check the rules against a table of cases."""
    from bot.commands import policy_test as policy_cases

    async def tested() -> int:
        return policy_cases.run(config, file)

    return _to_its_end(tested())


@contextlib.contextmanager
def _lean_start() -> Iterator[None]:
    """For what imports graphs: see `bot.runtime.garbage` and `bot.runtime.late_modules`."""
    with collected_when_ready():
        spare()
        # Its import reads the certificates of the system twice, and lets go of the interpreter meanwhile.
        threading.Thread(target=importlib.import_module, args=("aiohttp",), daemon=True).start()
        yield


def _to_its_end(main: Coroutine[Any, Any, int], *, fast: bool = False) -> int:
    from bot.masking import masked
    from bot.runtime import loop

    try:
        return loop.run(main, fast=fast)
    except ProblemsError as error:
        sys.stderr.write(f"{masked(str(error))}\n")
        return 1
