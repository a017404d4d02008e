"""What a worker is told when it is started, in a variable of its environment: its number and its file descriptors."""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

VARIABLE = "SIGNOFF_WORKER"

MOST_CONNECTIONS = 5
"""Connections to Slack by Socket Mode that all workers open together. Slack allows an app 10, and during a rolling
deployment the old and the new supervisor hold theirs at once."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """`number` counts from 1. `listeners` are listening sockets by key of `app.yaml`, `http` and `health`."""

    number: int
    file: str
    path: Sequence[str]
    """Where the supervisor looks for modules."""
    channel: int
    lifeline: int
    listeners: Mapping[str, Sequence[int]]
    connections: int

    @property
    def descriptors(self) -> Sequence[int]:
        """All descriptors that the worker inherits."""
        return (self.channel, self.lifeline, *(each for sockets in self.listeners.values() for each in sockets))

    def environment(self) -> Mapping[str, str]:
        """The variable that `taken` reads."""
        return {VARIABLE: json.dumps(dataclasses.asdict(self))}


def taken() -> Assignment:
    """Take the assignment out of the environment: programs that a graph starts get neither it nor its descriptors."""
    assignment = Assignment(**json.loads(os.environ.pop(VARIABLE)))
    for each in assignment.descriptors:
        os.set_inheritable(each, False)  # noqa: FBT003 - by position only
    return assignment


def connections_of(number: int, workers: int) -> int:
    """How many connections to Slack a worker opens: two as long as that suffices for all, then one, then none.

    Each worker has as many as any other, since Slack spreads its events over connections. A worker without one serves
    the work that the others put into lanes.
    """
    if number > MOST_CONNECTIONS:
        return 0
    return max(1, min(2, MOST_CONNECTIONS // workers))
