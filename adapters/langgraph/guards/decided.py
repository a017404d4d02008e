"""Keeps, beside the answers of a step, the payload on which each answered interrupt was decided.

LangGraph keeps the answers of a task that waits for more, but not their questions. So before an answer is stored, a
mark of its payload is written to the thread's last checkpoint, where the step's answers are (`step_writes`).

The marks also reveal drift after a crash: where an interrupt waits with another payload than it was last decided on,
the graph changed its request after that decision. See `drift`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.langgraph.config_keys import DECIDED
from adapters.langgraph.dialects.gated import TYPE
from adapters.langgraph.guards.drift import changed_fields, fields_of, json_mark
from adapters.langgraph.guards.step_writes import StepWrite
from engine.asks.ask import Json

_GATED = fields_of({"type": TYPE})["type"]
MOST = 4
"""The most decisions on one interrupt: the first, and three after the graph changed its request. Then the run failed.

A Retry counts as one: people are asked again, with the difference, and the graph may change its request three times.
"""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision on an interrupt.

    `payload` is the fingerprint of its payload, `fields` has those of the payload's fields, `digest` is the approval's,
    and `number` counts the decisions on this interrupt from 1. `askers` are the tasks through which it was asked, each
    with the answers that it had then: one took this decision's once it has more. LangGraph numbers a question by its
    task's name, too, which is not stored for a task that a node calls.
    """

    interrupt: str
    payload: str
    digest: str
    fields: Mapping[str, str]
    number: int = 1
    askers: Mapping[str, int] = field(default_factory=dict)

    def was_taken(self, answers: Mapping[str, int]) -> bool:
        """Tell from the answers that tasks have now whether one took this decision's."""
        return any(answers.get(task, 0) > before for task, before in self.askers.items())

    @property
    def is_gated(self) -> bool:
        """True if a gate asked: see `gates`."""
        return self.fields.get("type") == _GATED

    def changed(self, value: Json) -> bool:
        """Tell whether a payload differs from the one that was decided on."""
        return self.payload != json_mark(value)

    def changed_fields(self, value: Json) -> Sequence[str]:
        """The paths of the fields that differ."""
        return changed_fields(self.fields, fields_of(value))


def decided_on(
    interrupt: str, digest: str, payload: Json, before: Decided | None, askers: Mapping[str, int]
) -> Decided:
    """Make the mark of a decision; the same one when this decision is delivered again."""
    if before is not None and (before.digest, before.payload) == (digest, json_mark(payload)):
        return before
    number = before.number + 1 if before else 1
    return Decided(interrupt, json_mark(payload), digest, fields_of(payload), number, askers)


def as_writes(marks: Sequence[Decided]) -> Sequence[StepWrite]:
    """The writes that keep marks."""
    return [
        (
            f"{DECIDED}:{each.interrupt}:{each.number}",
            DECIDED,
            [
                *(each.interrupt, each.number, each.payload, each.digest, dict(each.fields)),
                *([dict(each.askers)] if each.askers else []),
            ],
        )
        for each in marks
    ]


def latest(writes: Sequence[tuple[str, str, Any]]) -> Mapping[str, Decided]:
    """The last decision on each interrupt, from the writes of a checkpoint."""
    found: dict[str, Decided] = {}
    for _, channel, written in writes:
        if channel == DECIDED:
            interrupt, number, payload, digest, fields, *askers = written
            if interrupt not in found or found[interrupt].number < number:
                found[interrupt] = Decided(interrupt, payload, digest, fields, number, *askers)
    return found
