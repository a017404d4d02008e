"""The interrupts of a graph for `signoff check`: each one that its code shows, and the card that it will lead to.

The functions that make cards while the bot runs make these too, from the payload in the code (`payloads`, `cards`).
Imports `agents`, the dialects, `guards`, `loading` and `reading`; no thread, no run and no server.
"""

from adapters.langgraph.foreseeing.interrupts import foreseen

__all__ = ["foreseen"]
