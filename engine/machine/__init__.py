"""The life of an approval: one table of transitions (`transitions.py`), and its handlers by what they handle.

`step` is a function of its arguments. It is told the time and does no I/O; it returns the approval as it becomes, the
effects that must be durable together with it, and the audit rows. The caller compares `version` and writes all of it
at once; the loser of a race steps again on what is stored now.

Imports any room of the engine but the ports.
"""

from engine.machine.acts import may_act
from engine.machine.cards import is_on_card
from engine.machine.closing import outcome_of, refusal_when_closed
from engine.machine.common_effects import drawing_of, drawings_of, timers_of
from engine.machine.offered_words import sent_words
from engine.machine.step import Step
from engine.machine.transitions import TRANSITIONS, Transition, step

__all__ = [
    "TRANSITIONS",
    "Step",
    "Transition",
    "drawing_of",
    "drawings_of",
    "is_on_card",
    "may_act",
    "outcome_of",
    "refusal_when_closed",
    "sent_words",
    "step",
    "timers_of",
]
