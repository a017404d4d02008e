"""Reads a node's code for the answers it takes: which make it act, which make it refuse.

LangGraph lets each node decide what it does with the value of `interrupt()`, and no payload says so: only the code that
uses the value does. So the code is read, and never run. `code` follows its statements with a candidate in the answer's
place. `answers` tries the candidates, follows the result to the next nodes, and decides what each choice sends. `reach`
looks up where a node may come to an interrupt at all. `read` reads a whole graph into `readings`.

Nothing is sent that is not known, and code that cannot be followed is not known. A question is found by its node and,
if a node asks several, by the form of its payload; if several fit, they have to agree.

Imports `adapters.langgraph.fingerprint`, and nothing else of `adapters.langgraph`.
"""

from adapters.langgraph.reading.answers.conventions import Convention
from adapters.langgraph.reading.code.values import FREE, TEXT
from adapters.langgraph.reading.read import TOO_LONG, read_graph
from adapters.langgraph.reading.readings import Reading, Readings

__all__ = ["FREE", "TEXT", "TOO_LONG", "Convention", "Reading", "Readings", "read_graph"]
