"""Draws the README's diagram from `engine.machine.TRANSITIONS`: `python -m engine.machine.diagram` prints it.

A test compares the README with what this prints, so that the diagram always matches the table.
https://mermaid.js.org/syntax/stateDiagram.html
"""

import sys

from engine.approvals.approval import OPEN, State
from engine.approvals.events import (
    Called,
    Cancelled,
    CardDeleted,
    CopyGone,
    Deferred,
    Event,
    Extended,
    HandedOver,
    Looked,
    Nudged,
    Opened,
    Posted,
    TakenBack,
)
from engine.machine import TRANSITIONS

_QUIET = (Opened, Posted, CardDeleted, Called, CopyGone, Deferred)
"""Events that never lead to another state, or only if a rule decides at once, are not drawn."""
_IN_TIME: dict[type[Event], State] = {
    **dict.fromkeys((Looked, HandedOver, Extended, Nudged), State.PENDING),
    **dict.fromkeys((Cancelled, TakenBack), State.STOPPED),
}
"""The state after these acts. After the deadline they do what `ExpiryDue` does, which is drawn there."""


def mermaid() -> str:
    """The diagram's source, without the fence around it."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.PENDING}"]
    for before, after, events in _arrows():
        lines.append(f"    {before} --> {after}: {', '.join(events)}")
    lines.extend(f"    {state} --> [*]" for state in State if state not in OPEN)
    return "\n".join(lines)


def _arrows() -> list[tuple[State, State, list[str]]]:
    drawn: dict[tuple[State, State], list[str]] = {}
    for (state, event), rule in TRANSITIONS.items():
        if event not in _QUIET:
            for after in (_IN_TIME[event],) if event in _IN_TIME else rule.to:
                drawn.setdefault((state, after), []).append(event.__name__)
    order = list(State)
    return [(a, b, sorted(drawn[a, b])) for a, b in sorted(drawn, key=lambda pair: [order.index(s) for s in pair])]


if __name__ == "__main__":
    sys.stdout.write(mermaid() + "\n")
