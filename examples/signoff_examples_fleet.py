"""The fleet that the deploy agent looks after: which release of each service runs where, kept in memory only.

Every load of the agent starts with the same releases, so that a demonstration can be repeated. The newest release of
each place stands last; a rollback drops it and returns to the one before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
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
    """What runs where. Tools of one batch run in threads, so changes happen under a lock."""

    def __init__(self) -> None:
        self._releases = {place: [Release(*each) for each in releases] for place, releases in AT_START.items()}
        self._lock = Lock()

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
            return replaced

    def roll_back(self, service: Service, environment: Environment) -> tuple[Release, Release]:
        """Return to the release before; returns the one dropped and the one that runs now.

        Raises NotPossible when there is no release to return to.
        """
        with self._lock:
            releases = self._releases[service, environment]
            if len(releases) == 1:
                raise NotPossible(f"{service} has no earlier release in {environment} to return to")
            return releases.pop(), releases[-1]

    def status(self, service: Service) -> str:
        """Return one line on a service: what runs in each environment, and what ran before."""
        return f"{service}: " + "; ".join(self._place(service, each) for each in reversed(ENVIRONMENTS))

    def _place(self, service: Service, environment: Environment) -> str:
        before = self.previous(service, environment)
        history = f" (before: {before.version})" if before else ""
        return f"{environment} runs {self.current(service, environment)}{history}"


def counted(replicas: object) -> str:
    """Return `1 replica` or `3 replicas`."""
    return f"{replicas} replica{'' if replicas == 1 else 's'}"


def listed(names: Iterable[str], word: str = "and") -> str:
    """Return `a, b and c`."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last
