"""Drops answers to a request that has changed since people saw it, so that nothing runs that no card showed (P4).

LangGraph runs a node again from its top when it is resumed. The code before `interrupt()` runs again, and may have
another result: a model is asked again, a clock read again, a price fetched again. LangGraph hands out stored answers by
order alone, whatever is asked now. So `interrupt` itself compares: where the payload of an answered interrupt is not
the one that people decided on, its answer and the later ones are dropped, for this run and for the next, and the
question is asked again. Raising alone would not be enough: in a node with two interrupts, the answer to the new
question would reach the other one.

Where `interrupt` returns an answer, LangGraph stores the task's answers up to that one. So a task that is run again,
and fails before it comes to its last answer, would lose what people said. The guard stores those answers once more.

Where a task's first question has its answer and the same is sent once more, LangGraph gives it to the next question:
its older versions had one id for all questions of a task. That happens when a process dies right after a task took an
answer, which is then delivered again. The guard takes it for the first question, and the next one waits.

The guard replaces the function's own code, so it holds however a module has bound the name: at its top, as a default,
in a closure, before this module was imported or after. The original is kept beside it and asks.

Private parts of LangGraph on which this relies: the scratchpad of a task with its list of answers and its counter of
interrupts, the names of three keys of the config, and how an interrupt's id is made. `check_contract` runs a small
graph that shows whether they still work; otherwise no agent is opened. Measured on LangGraph 1.2.22 and 1.2.24.
https://docs.langchain.com/oss/python/langgraph/interrupts#rules-of-interrupts says why nodes run again.

Not covered: a graph on a LangGraph Server, and values that a node uses without putting them into its payload.
"""

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from types import FunctionType
from typing import Any, TypedDict

from langgraph import types
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_config
from langgraph.graph import START, StateGraph
from langgraph.types import Command

from adapters.langgraph.config_keys import (
    GATES,
    NAMESPACE,
    RESUME,
    SCRATCHPAD,
    SEND,
    SHOWN,
    STRICT_RESUME,
    interrupt_id,
)
from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.fingerprint import UNGUARDED
from adapters.langgraph.guards.recipients import Recipient, recipient_of
from engine.asks.ask import Json, canonical

_installing = threading.Lock()


class UnguardedError(Exception):
    """The installed LangGraph or LangChain works in another way, and no agent runs unguarded."""


def unchanged(value: Any) -> Any:
    """Return the value: for a run without a saver."""
    return value


@dataclass(frozen=True, slots=True)
class AnsweredPayloads:
    """The payloads of the answered interrupts of a thread, as people saw them: fingerprints by interrupt id.

    `stored` writes a value to a checkpoint and reads it back: people saw the result.
    """

    payloads: Mapping[str, str]
    stored: Callable[[Any], Any] = field(default=unchanged)
    gated: Mapping[str, str] = field(default_factory=dict)
    """The interrupts of gates, whose answers are for the gate alone, each with the mark of its call's id."""
    sent: frozenset[str] = frozenset()
    """The interrupts whose answers this run sends: they are stored when a task takes them."""
    called: frozenset[str] = frozenset()
    """Those of them that a graph or a task asks which a node calls by itself."""
    recipients: dict[str, Recipient] = field(default_factory=dict)
    """The tasks of called graphs that were given one of these answers in this run."""
    begun: set[str] = field(default_factory=set)
    """The namespaces of the tasks that have asked in this run."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def differs(self, interrupt: str, value: Any) -> bool:
        """Tell whether a payload differs from the one that was answered; False for an interrupt without an answer."""
        seen = self.payloads.get(interrupt)
        return seen is not None and seen != payload_mark(value) and seen != payload_mark(self.stored(value))


def payload_mark(value: Any) -> str:
    """The fingerprint of a payload by its meaning: sets are sorted, and memory addresses left out."""
    return json_mark(to_json(value).value)


def short_mark(value: Json) -> str:
    """The fingerprint of one field of a payload, as in `fields_of`."""
    return json_mark(value)[:8]


def json_mark(value: Json) -> str:
    """The fingerprint of a JSON value."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def install() -> None:
    """Guard `interrupt` in this process. May be called many times."""
    ask = types.interrupt
    with _installing:
        if UNGUARDED not in vars(ask):
            original = FunctionType(ask.__code__, ask.__globals__, ask.__name__, ask.__defaults__, ask.__closure__)
            original.__kwdefaults__ = ask.__kwdefaults__
            vars(types).update(
                _signoff_interrupt=original,
                _signoff_before_asking=_before_asking,
                _signoff_after_answer=_after_answer,
            )
            vars(ask)[UNGUARDED] = original
            ask.__code__ = _guarded.__code__.replace(co_filename=ask.__code__.co_filename)


def _guarded(value: Any, *more: Any, **named: Any) -> Any:
    """Stand in for `langgraph.types.interrupt`, whose globals it sees: every name in here is looked up there."""
    _signoff_before_asking(value)  # type: ignore[name-defined]  # noqa: F821 - see `install`
    answer = _signoff_interrupt(value, *more, **named)  # type: ignore[name-defined]  # noqa: F821 - see `install`
    _signoff_after_answer()  # type: ignore[name-defined]  # noqa: F821 - see `install`
    return answer


def _before_asking(value: Any) -> None:
    try:
        config = get_config()["configurable"]
    except RuntimeError:
        return  # outside of a graph: LangGraph raises
    begin_task(config)
    if (gates := config.get(GATES)) is not None:
        gates.skip_answers_of_gates(config)
    shown = config.get(SHOWN)
    if isinstance(shown, AnsweredPayloads):
        _drop_answers_to_another(shown, config, value)


def begin_task(config: Mapping[str, Any]) -> None:
    """Before a task's first question in a run: sort out which of its answers this run sent, and note who got them."""
    shown, namespace = config.get(SHOWN), config[NAMESPACE]
    if not isinstance(shown, AnsweredPayloads):
        return
    with shown.lock:
        if namespace in shown.begun:
            return
        shown.begun.add(namespace)
        _keep_to_first_question(shown, namespace, config[SCRATCHPAD].resume)
        _note_recipient(shown, config)


def _keep_to_first_question(shown: AnsweredPayloads, namespace: str, resume: list[Any]) -> None:
    """Take back from a task's later question the answer that was sent to its first one."""
    first, last = (interrupt_id(namespace, number) for number in (0, len(resume) - 1))
    if len(resume) > 1 and first in shown.sent and last not in shown.sent:
        resume[0] = resume.pop()


def _note_recipient(shown: AnsweredPayloads, config: Mapping[str, Any]) -> None:
    """Note the task if it is in a called graph and was given an answer of this run."""
    numbers = range(len(config[SCRATCHPAD].resume)) if shown.called else ()
    for interrupt in shown.called.intersection(interrupt_id(config[NAMESPACE], number) for number in numbers):
        if (found := recipient_of(interrupt, config)) is not None:
            shown.recipients[interrupt] = found


def _drop_answers_to_another(shown: AnsweredPayloads, config: Mapping[str, Any], value: Any) -> None:
    scratchpad = config[SCRATCHPAD]
    number = interrupts_before(scratchpad.interrupt_counter)
    if number >= len(scratchpad.resume):
        return  # it has no answer yet
    if shown.differs(interrupt_id(config[NAMESPACE], number), value):
        del scratchpad.resume[number:]  # for this run: the original finds no answer, and asks
        config[SEND]([(RESUME, list(scratchpad.resume))])  # for the next run


def _after_answer() -> None:
    """Store the answers to later questions again, except one that is only just sent: the task may fail before it."""
    config = get_config()["configurable"]
    shown, scratchpad = config.get(SHOWN), config[SCRATCHPAD]
    last = interrupt_id(config[NAMESPACE], len(scratchpad.resume) - 1)
    if isinstance(shown, AnsweredPayloads):
        stored = len(scratchpad.resume) - (last in shown.sent and last not in shown.gated)
        reached = max(stored, interrupts_before(scratchpad.interrupt_counter))
        config[SEND]([(RESUME, scratchpad.resume[:reached])])


def interrupts_before(counter: Any) -> int:
    """Count the interrupts that the task has come to in this run, without counting one more."""
    count = counter._counter  # noqa: SLF001 - see the module's docstring
    return 0 if count is None else int(repr(count.__self__).removeprefix("count(").removesuffix(")"))


def fields_of(value: Json) -> Mapping[str, str]:
    """Fingerprint each field of a payload, by its path (`args.amount`), to name those that change."""
    found: dict[str, str] = {}
    _add_fields(found, "", value)
    return found


def changed_fields(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The fields that differ, in the order of their paths."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


_MOST_FIELDS = 100


def _add_fields(found: dict[str, str], path: str, value: Json) -> None:
    match value:
        case dict() if value:
            for key, each in value.items():
                _add_fields(found, f"{path}.{key}" if path else key, each)
        case list() if value:
            for number, each in enumerate(value):
                _add_fields(found, f"{path}[{number}]", each)
        case _ if len(found) < _MOST_FIELDS:
            found[path] = short_mark(value)
        case _:
            pass


# Check of the installed LangGraph -------------------------------------------------------------------------------------


class _State(TypedDict, total=False):
    answers: list[str]


@cache
def check_contract() -> None:
    """Check that the guard works with the installed LangGraph. Raises UnguardedError otherwise.

    A node asks twice and changes its first request when it is resumed: nothing may run, the first question has to wait
    again under its id, and the answer to the second has to be gone.
    """
    install()
    asked, ran = iter(("first", "first", "other", "other", "other")), list[Any]()

    def node(_: _State) -> _State:
        found = [types.interrupt(next(asked)), types.interrupt("second")]
        ran.append(found)
        return {"answers": found}

    try:
        seen = _answer_both(node)
    except Exception as error:  # noqa: BLE001 - whatever it is, the guard does not work
        raise unguarded(type(error).__name__) from None
    if seen != ["second", "first"] or ran != [["again", "both"]]:
        raise unguarded("another outcome")


def _answer_both(node: Any) -> list[str]:
    """The question that waits after the first answer, and after the second, when the node has changed its request."""
    builder = StateGraph(_State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    graph: Any = builder.compile(checkpointer=InMemorySaver())
    payloads: dict[str, str] = {}
    config = {"configurable": {"thread_id": "contract", STRICT_RESUME: True, SHOWN: AnsweredPayloads(payloads)}}
    graph.invoke({"answers": []}, config)
    names, waited = {"first": "first", "other": "first", "second": "second"}, list[str]()
    for answer in ("one", "two", "again", "both"):
        (waiting,) = graph.get_state(config).interrupts
        waited.append(names[waiting.value])
        payloads[waiting.id] = payload_mark(waiting.value)
        graph.invoke(Command(resume={waiting.id: answer}), config)
    return waited[1:3]


def unguarded(why: str) -> UnguardedError:
    """Make the error for guards that do not work with the installed releases."""
    return UnguardedError(
        f"Signoff cannot guard the requests of LangGraph {version('langgraph')} with langchain-core "
        f"{version('langchain-core')} ({why}): a tool could run with other values than people approved. "
        "Install releases that this version of Signoff supports."
    )
