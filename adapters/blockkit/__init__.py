"""Slack's Block Kit rules as one pure validator of outgoing JSON.

Slack refuses a message that is one character too long, and its SDK checks only some of the limits. So the outgoing
JSON is checked once, before it leaves, by the code with which the local workspace refuses it: what passes in a test
passes in Slack. `limits` names every figure; `check_message`, `check_modal`, `check_home` and `check_view` return
`BlockProblem`s in Slack's own wording. Pure: no I/O, standard library only.
"""

from adapters.blockkit import limits
from adapters.blockkit.checks import BlockProblem
from adapters.blockkit.objects import options_of
from adapters.blockkit.surfaces import check_home, check_message, check_modal, check_view, texts_of

__all__ = [
    "BlockProblem",
    "check_home",
    "check_message",
    "check_modal",
    "check_view",
    "limits",
    "options_of",
    "texts_of",
]
