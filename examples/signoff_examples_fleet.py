"""The fleet of the deploy agent: the releases of each service in each environment.

`signoff demo` keeps it in a file, so that a restart finds what was shipped; elsewhere it is in memory, and every load
of the agent starts with the same releases. The newest release of each place stands last; a rollback drops it and
returns to the one before. Each change may be made twice, since a tool runs again when its process died.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from threading import Lock
from typing import Literal, get_args

Service = Literal["billing", "checkout", "gateway", "ledger", "notifications", "search"]
Environment = Literal["staging", "production"]
SERVICES: tuple[Service, ...] = get_args(Service)
MOST_REPLICAS = 20
ENVIRONMENTS: tuple[Environment, ...] = get_args(Environment)


@dataclass(frozen=True, slots=True)
class Release:
    """A version and the number of its replicas in one environment."""

    version: str
    replicas: int

    def __str__(self) -> str:
        """Return, for example, `2.4.0 on 3 replicas`."""
        return f"{self.version} on {counted(self.replicas)}"


class NotPossible(Exception):  # noqa: N818  # it is an answer to the person, who reads the sentence
    """The fleet cannot do what was asked; the message says why."""


Place = tuple[Service, Environment]

# The oldest release first.
AT_START: dict[Place, tuple[tuple[str, int], ...]] = {
    ("billing", "production"): (("2.3.7", 3), ("2.4.0", 3)),
    ("billing", "staging"): (("2.4.0", 1), ("2.4.1", 1)),
    ("checkout", "production"): (("5.11.3", 6), ("5.12.0", 6)),
    ("checkout", "staging"): (("5.12.0", 2), ("5.13.0-rc.1", 2)),
    ("gateway", "production"): (("1.22.4", 8),),
    ("gateway", "staging"): (("1.22.4", 2), ("1.23.0", 2)),
    ("ledger", "production"): (("1.8.2", 2), ("1.8.3", 2)),
    ("ledger", "staging"): (("1.8.3", 1), ("1.9.0", 1)),
    ("notifications", "production"): (("0.31.1", 2), ("0.31.2", 2)),
    ("notifications", "staging"): (("0.31.2", 1),),
    ("search", "production"): (("2.9.3", 4), ("2.9.4", 4)),
    ("search", "staging"): (("2.9.4", 1), ("2.9.5", 1)),
}


class Fleet:
    """The running releases. Tools of one batch run in threads, so changes happen under a lock."""

    def __init__(self, file: Path | None = None) -> None:
        """Read the file, if it is there; it is written at the first change."""
        self._file = file
        self._releases = {place: [Release(*each) for each in releases] for place, releases in AT_START.items()}
        self._lock = Lock()
        if file is not None and file.exists():
            self._read(json.loads(file.read_text()))

    def _read(self, kept: dict[str, list[tuple[str, int]]]) -> None:
        for service, environment in self._releases:
            if releases := kept.get(f"{service}/{environment}"):
                self._releases[service, environment] = [Release(*each) for each in releases]

    def _keep(self) -> None:
        """Write a new file, then replace the old one by it: a crash in between leaves the old one."""
        if self._file is None:
            return
        kept = {"/".join(place): [astuple(each) for each in releases] for place, releases in self._releases.items()}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(json.dumps(kept, indent=2))
        unfinished.replace(self._file)

    def current(self, service: Service, environment: Environment) -> Release:
        """Return the release that runs there."""
        return self._releases[service, environment][-1]

    def previous(self, service: Service, environment: Environment) -> Release | None:
        """Return the release that a rollback would return to, or None when there is none."""
        releases = self._releases[service, environment]
        return releases[-2] if len(releases) > 1 else None

    def deploy(self, service: Service, environment: Environment, release: Release) -> Release:
        """Put a release there and return the one that it replaced. Doing it twice is the same as once."""
        with self._lock:
            releases = self._releases[service, environment]
            replaced = releases[-1]
            if replaced != release:
                releases.append(release)
                self._keep()
            return replaced

    def roll_back(self, service: Service, environment: Environment, version: str) -> tuple[Release, Release]:
        """Return to a version, which has to be the release before; returns the one dropped and the one that runs now.

        Raises NotPossible for any other version. If that version runs already, nothing is dropped.
        """
        with self._lock:
            releases = self._releases[service, environment]
            dropped = releases[-1]
            if dropped.version != version:
                if len(releases) == 1:
                    raise NotPossible(f"{service} has no earlier release in {environment} to return to")
                if releases[-2].version != version:
                    raise NotPossible(f"{service} ran {releases[-2].version} before in {environment}, not {version}")
                releases.pop()
                self._keep()
            return dropped, releases[-1]

    def status(self, service: Service) -> str:
        """Return one line on a service: its release in each environment, and the one before."""
        return f"{service}: " + "; ".join(self._place(service, each) for each in reversed(ENVIRONMENTS))

    def _place(self, service: Service, environment: Environment) -> str:
        before = self.previous(service, environment)
        history = f" (before: {before.version})" if before else ""
        return f"{environment} runs {self.current(service, environment)}{history}"


def kept_fleet() -> Fleet:
    """Return the fleet of a demonstration, kept beside its other data; elsewhere one in memory."""
    folder = os.environ.get("SIGNOFF_DEMO_DATA")
    return Fleet(Path(folder) / "fleet.json" if folder else None)


def counted(replicas: object) -> str:
    """Return `1 replica` or `3 replicas`."""
    return f"{replicas} replica{'' if replicas == 1 else 's'}"


def listed(names: Iterable[str], word: str = "and") -> str:
    """Return `a, b and c`."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last
