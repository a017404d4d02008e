"""Keeps to which task of a called graph LangGraph gave an answer.

A graph that a node or a `@task` calls by itself is in no snapshot of the thread, and its checkpoints cannot be found by
ids alone: a namespace has the names of the tasks around it, and LangGraph does not store the name of a `@task`. Once
the graph has ended and its node asks on, nothing beside the thread's last checkpoint shows that it took an answer.

So `drift` notes the place of the task where it asks for the answer, and the run stores the note beside the thread's
last checkpoint before it stores anything else (`run_saver`). A note claims nothing: the answers that are stored at its
place say whether this one was taken. Without a note, no task was given the answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.langgraph.config_keys import CHECKPOINTS, NAMESPACE, RECIPIENT
from adapters.langgraph.guards.step_writes import StepWrite


@dataclass(frozen=True, slots=True)
class Recipient:
    """The task that was given the answer to an interrupt: its namespace, its graph's, and the graph's checkpoint."""

    interrupt: str
    namespace: str
    graph: str
    checkpoint: str

    @property
    def task(self) -> str:
        """The task's id."""
        return self.namespace.rpartition(":")[2]


def recipient_of(interrupt: str, config: Mapping[str, Any]) -> Recipient | None:
    """The task with this config; None for one whose answers are beside the root's checkpoint."""
    namespace, checkpoints = config[NAMESPACE], config.get(CHECKPOINTS, {})
    around = [each for each in checkpoints if namespace.startswith(f"{each}|")]
    if not around:
        return None
    checkpoint = checkpoints[max(around, key=len)]
    # The map also names the task that called this one, by the checkpoint of the graph that both are in.
    graph = min((each for each in checkpoints if checkpoints[each] == checkpoint), key=len)
    return Recipient(interrupt, namespace, graph, checkpoint) if graph else None


def as_writes(noted: Mapping[str, Recipient]) -> Sequence[StepWrite]:
    """The writes that keep notes."""
    return [
        (f"{RECIPIENT}:{each.interrupt}", RECIPIENT, [each.interrupt, each.namespace, each.graph, each.checkpoint])
        for each in noted.values()
    ]


def of_step(writes: Sequence[tuple[str, str, Any]]) -> Sequence[Recipient]:
    """The notes in the writes of a checkpoint."""
    return [Recipient(*written) for _, channel, written in writes if channel == RECIPIENT]
