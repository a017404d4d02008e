"""Sentences for people: why nothing was sent or run, and how a run failed.

One place for graphs in this process and graphs on a server, so that both say the same.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from langgraph.errors import GraphRecursionError

from adapters.langgraph.errors import AgentExitedError, TimeLimitError, ToolChangedError
from adapters.langgraph.fingerprint import SEPARATOR

# Why an answer or a message was not sent ------------------------------------------------------------------------------

MEMORY_GONE = "The agent's memory of this conversation is gone, so nothing was sent. Please start again."
WITHDRAWN = "The agent no longer asks this, so nothing was sent."
PERHAPS_TAKEN = (
    "The agent no longer asks this. It may have received this answer before its process ended, so the answer may have "
    "had its effect."
)
CHANGED = "The agent's request has changed, so nothing was sent. Please look at the new request."
NEW_CODE = "The agent's code changed while this request waited, so nothing was sent. The agent asks again."
NEW_CODE_BESIDE_FINISHED = (
    "The agent's code changed while this request waited, so nothing was sent. The agent cannot ask again without "
    "repeating steps that are already done: please start again with a new message."
)
STATE_REFUSED = "The agent's code refuses the state of this conversation, so nothing was sent."
NO_NEW_TURN = (
    "Your message was not passed on: the agent's code refuses the state of this conversation. Restart from an earlier "
    "step (/signoff history), or press Retry when the agent is fixed."
)
DRIFTED = "The agent changed its request after that decision, so nothing was run. Please decide on the new request."
NOT_TAKEN = "The agent could not use this answer, so it asks again."

# Why a decision at a pause was not carried out ------------------------------------------------------------------------

PAUSE_CHANGED = "The agent's state has changed, so nothing was done. Please look at the new request."
MOVED_ON = "The agent has already moved on, so nothing was done."
CHECKPOINT_GONE = "That step of the conversation is no longer stored, so nothing was done."
CHECKPOINT_BEFORE_MESSAGE = (
    "At this step the agent had not read the message yet, so a change would replace the message. Choose the next step. "
    "Nothing was run."
)
EDIT_REFUSED = "The agent's state does not accept this change:"
SIDE_BY_SIDE = "Several graphs wait side by side here, and their state cannot be changed in one step."


def fields_wanted(wanted: Mapping[str, str], problems: Mapping[str, str]) -> str:
    """Say what a message has to say, and what is wrong with the one that came: "" where it lacks the value."""
    said = ", ".join(f"{name} {what or 'is missing'}" for name, what in problems.items())
    lines = "\n".join(f"• {name}: {what or 'text'}" for name, what in wanted.items())
    return f"Nothing was started: {said}. Send your request again with these values, one per line:\n{lines}"


def fields_refused(fields: Sequence[str]) -> str:
    """Say that the graph's reducers do not accept a change of these fields."""
    return f"The agent's state does not accept this change of {', '.join(fields)}."


def not_set_up(agent: str) -> str:
    """Say that `app.yaml` no longer has this agent."""
    return f"The agent {agent} is no longer set up here."


def steps(paths: Sequence[str]) -> str:
    """Spell the paths of nodes for people."""
    return ", ".join(path.replace(SEPARATOR, " > ") for path in paths if path != "__end__")


# Tool calls -----------------------------------------------------------------------------------------------------------

TOOL_CALL_REFUSED = "A person refused this tool call."
"""The result of a refused call for the model, without a reason."""
TOOL_CALL_REJECTED = "The call was rejected."
"""The same for a gated call."""
_NOT_RUN = "It was not run."


def tool_not_run(tool: str, reason: str) -> str:
    """Say that a person rejected a gated tool call; the model reads it in place of a result."""
    told = f"Reason: {reason.strip()}" if reason.strip() else TOOL_CALL_REJECTED
    return f"The tool {tool} was not run. {told}"


def tool_changed(tool: str, difference: str) -> str:
    """Say that a tool was stopped because its call differs from the decision on it."""
    return f"The tool {tool} was about to run {difference}. {_NOT_RUN}"


def is_about_changed_tool(sentence: str) -> bool:
    """Tell whether a sentence about a failure is `tool_changed`: no other begins and ends so."""
    return sentence.startswith("The tool ") and sentence.endswith(f" {_NOT_RUN}")


def answer_unknown(tool: str) -> str:
    """Say that a gate got an answer that it does not know."""
    return f"The tool {tool} was not run: Signoff could not read the answer."


def question_swallowed(tool: str) -> str:
    """Say that code around a tool call caught the question."""
    return (
        f"The tool {tool} was not run, and nobody was asked: the code around the call caught the exception by which "
        "LangGraph pauses. Let it through: catch the exceptions that you expect by name."
    )


def called_outside_run(tool: str) -> str:
    """Say that a gated tool was called where nobody can be asked."""
    return (
        f"The tool {tool} was not run: gate_tools in app.yaml wants a person to be asked first, and it was "
        "called outside of the agent's run, where nobody can be asked (in a thread of its own, say). Call it in a "
        "node, and hand the node's config on to threads and graphs that the node starts."
    )


# How a run failed -----------------------------------------------------------------------------------------------------

_LONGEST = 300
"""The most characters of an agent's error that people read."""
_VALIDATION = re.compile(r"\d+ validation errors? for ")


def changes_each_time(most: int, fields: str, node: str) -> str:
    """Say that an agent changed its request after each of `most` decisions."""
    return (
        f"The agent was stopped: it changed its request after each of {most} decisions ({fields}), so "
        f"nothing was run. Compute this in a step before the one that asks ({node})."
    )


def failure(error: BaseException | str) -> str:
    """Describe an error: its type and the first line of its message, without control characters.

    A string is the `repr` of an exception, as LangGraph stores it; it gives the same sentence as the exception.
    """
    if isinstance(error, TimeLimitError):
        return f"The agent was stopped: it took longer than {_length(error.limit)} (time_limit in app.yaml)."
    if isinstance(error, GraphRecursionError):
        return "The agent was stopped: it took more steps than one run may (recursion_limit in app.yaml)."
    if isinstance(error, AgentExitedError):
        return f"The agent was stopped: {error}."
    kind, message = (type(error).__name__, _message(error)) if isinstance(error, BaseException) else _parts(error)
    first = next(iter(message.strip().splitlines()), "")
    if kind == ToolChangedError.__name__:
        return _clean(first, _LONGEST * 3)
    if refused := refused_fields(message):
        kind, first = "ValidationError", refused
    said = f"{kind}: {first}" if first else kind
    return f"The agent failed: {_clean(said)}"


def refused_fields(message: str) -> str:
    """List the fields in a message of pydantic with their reasons, without the values: its first line names none.

    https://docs.pydantic.dev/latest/errors/errors/
    """
    heading, *lines = message.strip().splitlines() or [""]
    if not _VALIDATION.match(heading):
        return ""
    found, field = [], ""
    for line in lines:
        if not line.startswith(" "):
            field = line
        elif not line.startswith("    "):
            why = line.strip().partition(" [type=")[0].removeprefix("Value error, ")
            found.append(f"{field}: {why}" if field else why)
            field = ""
    return "; ".join(found)


def _clean(said: str, longest: int = _LONGEST) -> str:
    clean = "".join(letter if letter.isprintable() else " " for letter in said).strip().rstrip(".")
    return f"{clean if len(clean) <= longest else clean[: longest - 1] + '…'}."


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an exception whose own code fails; its type is known
        return ""


def _length(limit: timedelta) -> str:
    seconds = int(limit.total_seconds())
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds // length} {unit}{'s' * (seconds > length)}"
    return f"{seconds} second{'s' * (seconds != 1)}"


def _parts(stored: str) -> tuple[str, str]:
    """Split the `repr` of an exception into the name of its type and its message."""
    kind, opened, rest = stored.strip().partition("(")
    if not opened or not kind.isidentifier():
        return "error", stored
    try:
        arguments: tuple[Any, ...] = ast.literal_eval(f"({rest.removesuffix(')')},)") if rest != ")" else ()
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return kind, rest.removesuffix(")")
    return kind, ", ".join(map(str, arguments))
