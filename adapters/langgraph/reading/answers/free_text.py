"""Finds out if an answer in a person's own words can be sent, and if a question wants nothing else."""

from collections.abc import Sequence
from typing import Any, get_args

from adapters.langgraph.reading.answers.candidates import text_places
from adapters.langgraph.reading.answers.edits import answer_places
from adapters.langgraph.reading.answers.encoding import template
from adapters.langgraph.reading.answers.groups import AnswerGroup
from adapters.langgraph.reading.answers.probe import Behaviour, Probed
from adapters.langgraph.reading.code.sources import hints_of
from adapters.langgraph.reading.code.values import Listed, Made, Unknown, Value, leaves
from engine.asks.ask import Json, canonical


def wants_words(probed: Probed) -> bool:
    """Tell whether the answer reaches a model as a tool's result, a person's message, or a field of text."""
    prompts = [each for path, each in leaves(probed.payload) if isinstance(each, Unknown) and len(path) <= 1]
    if probed.entry.is_tool and any(each.origin.startswith("argument ") for each in prompts):
        return True  # the model writes the question
    texts = _fields_of_text(probed.entry.chain[-1][0])
    kept = [pair for each in probed.behaviours for trace in each.traces for pair in trace.kept]
    return any((value.given and key in texts) or _is_said(value) for key, value in kept)


def _fields_of_text(graph: Any) -> set[str]:
    schema = getattr(getattr(graph, "builder", None), "state_schema", None)
    return {name for name, kind in hints_of(schema).items() if kind is str or set(get_args(kind)) == {str, type(None)}}


def _is_said(value: Value) -> bool:
    items = value.items if isinstance(value, Listed) else [value]
    return any(
        isinstance(each, Made) and getattr(each.cls, "__name__", "") == "HumanMessage" and answer_places(each)
        for each in items
    )


def free_text(probed: Probed, groups: Sequence[AnswerGroup], acting: AnswerGroup | None) -> Json:
    """Return the template of an answer in words, if words reach something and no test of their truth decides."""
    for each in probed.behaviours:
        places = [path for path in text_places(each.candidate) if each.takes(path)]
        open_to_it = any(trace.direct for trace in each.traces) or _may_act(each, groups, acting)
        if len(places) != 1 or probed.raises(each) or open_to_it:
            continue
        (path,) = places
        if any(at == path and constant in ("True", "False") for at, constant in probed.demands):
            continue
        if path and any(at[: len(path)] != path for at, _ in probed.demands):
            continue  # a field beside the one that decides: a reason, not an answer
        if _is_tested_out_of_sight(probed, each):
            continue
        made = template(each.candidate, probed, "$text") if path else "$text"
        if "$text" in canonical(made):
            return made
    return None


def _is_tested_out_of_sight(probed: Probed, words: Behaviour) -> bool:
    """Tell whether a call that is not followed may test the truth of the answer: then "no" may count as a yes.

    Code that raises for a truth value works on texts.
    """
    if not any(trace.open and trace.handed for trace in words.traces):
        return False
    return any(each.candidate is True and not probed.raises(each) for each in probed.behaviours)


def _may_act(each: Behaviour, groups: Sequence[AnswerGroup], acting: AnswerGroup | None) -> bool:
    """Tell whether words may do what an approval does elsewhere, as far as that is known."""
    if len(groups) <= 1 and (acting is None or is_mere_question(groups, acting)):
        return False
    if acting is None:
        return not each.is_known or bool(each.sites)
    acts = not AnswerGroup((each,), acting.probed).avoids(acting)
    return acts or (not each.is_known and (not each.is_followed or bool(each.sites & acting.sites)))


def follows_words(probed: Probed) -> bool:
    """Tell whether the effect of any words is known: a test of them that cannot be followed may decide."""
    heard = (each for each in probed.behaviours if any(each.takes(path) for path in text_places(each.candidate)))
    return any(each.is_known and not probed.raises(each) for each in heard)


def is_mere_question(groups: Sequence[AnswerGroup], acting: AnswerGroup) -> bool:
    """Tell whether the node only wants words: every answer takes the same branch, and the words are passed on."""
    return (
        len(groups) == 1
        and not any(not list(text_places(e.candidate)) for e in acting.members if not e.takes(()))
        and any(each.takes(path) for each in acting.members for path in text_places(each.candidate))
    )
