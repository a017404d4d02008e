"""Asks what to do after a run failed or a limit stopped it: run it again, ask again, or dismiss it.

Running it again gives the failed nodes the answers that they have. That decides nothing new, so the requester may do
it. A node that raises because of its answer would raise each time, since LangGraph keeps the answer: asking again
forgets it. Neither happens by itself: a failed run may have done half of its work.
"""

from collections.abc import Sequence

from adapters.langgraph.dialects.base import Dialect, Question, unexpected
from engine.asks.ask import Action, Ask, Choice, Decision, Json, Kind, KnownBy


def failed(sentence: str, nodes: Sequence[str], run: str, *, poisoned: bool) -> Ask:
    """Ask about a run that failed; `run` is its idempotency key, "" if it is no longer known.

    `poisoned`: the failed step has taken an answer, and can be asked again.
    """
    choices = (Choice.APPROVE, Choice.REDO, Choice.REJECT) if poisoned else (Choice.APPROVE, Choice.REJECT)
    named: list[Json] = list(nodes)
    payload: Json = {"error": sentence, "nodes": named, "run": run}
    action = Action("failure", None, choices)
    return Ask(FAILURE.name, Kind.FAILURE, sentence, (action,), payload, known_by=KnownBy.LIBRARY)


def _recognise_nothing(_: Question) -> Ask | None:
    return None


def _encode_nothing(ask: Ask, decisions: Sequence[Decision]) -> object:
    raise unexpected(ask, decisions[0])


FAILURE = Dialect("failure", _recognise_nothing, _encode_nothing)
