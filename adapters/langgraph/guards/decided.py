"""Which payload each answered interrupt of a step was decided on, kept beside the answers themselves.

LangGraph keeps the answers of a task that waits for more, and not what they were answers to. So before an answer is
sent, what it was decided on is written to the thread's last checkpoint, where the step's answers are: under a task of
our own, which LangGraph passes over. It goes with them: a step that is asked anew has neither.

The marks also tell of drift after a crash: an interrupt that waits with another payload than it was last decided on was
changed by the graph after that decision. See `drift_guard`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.langgraph.config_keys import DECIDED
from adapters.langgraph.dialects.gated import TYPE
from adapters.langgraph.guards.drift import changed_fields, fields_of, json_mark
from engine.asks.ask import Json

_GATED = fields_of({"type": TYPE})["type"]
MOST = 4
"""Decisions on one interrupt: the first, and three after the graph changed its request. Then the run has failed.

A Retry counts as one: people are asked again, with the difference, and the graph may change its request three times.
"""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision on an interrupt.

    `payload` is the fingerprint of what was decided on, `fields` those of its fields, `digest` the approval's, and
    `number` counts the decisions on this interrupt from 1.
    """

    interrupt: str
    payload: str
    digest: str
    fields: Mapping[str, str]
    number: int = 1

    @property
    def is_gated(self) -> bool:
        """Whether a gate asked: see `tool_gate`."""
        return self.fields.get("type") == _GATED

    def changed(self, value: Json) -> bool:
        """Whether this is another payload than the one that was decided on."""
        return self.payload != json_mark(value)

    def changed_fields(self, value: Json) -> Sequence[str]:
        """The paths of the fields that differ."""
        return changed_fields(self.fields, fields_of(value))


def decided_on(interrupt: str, digest: str, payload: Json, before: Decided | None) -> Decided:
    """The mark of a decision; the very same one where this decision is delivered again."""
    if before is not None and (before.digest, before.payload) == (digest, json_mark(payload)):
        return before
    number = before.number + 1 if before else 1
    return Decided(interrupt, json_mark(payload), digest, fields_of(payload), number)


async def keep(saver: Any, config: Mapping[str, Any], checkpoint: str, marks: Sequence[Decided]) -> None:
    """Write marks to a checkpoint at the root. Writing one again changes nothing."""
    configurable = {**config["configurable"], "checkpoint_ns": "", "checkpoint_id": checkpoint}
    for mark in marks:
        written = [mark.interrupt, mark.number, mark.payload, mark.digest, dict(mark.fields)]
        await saver.aput_writes(
            {**config, "configurable": configurable}, [(DECIDED, written)], f"{DECIDED}:{mark.interrupt}:{mark.number}"
        )


def latest(writes: Sequence[tuple[str, str, Any]]) -> Mapping[str, Decided]:
    """The last decision on each interrupt, of the writes of a checkpoint."""
    found: dict[str, Decided] = {}
    for _, channel, written in writes:
        if channel == DECIDED:
            interrupt, number, payload, digest, fields = written
            if interrupt not in found or found[interrupt].number < number:
                found[interrupt] = Decided(interrupt, payload, digest, fields, number)
    return found
