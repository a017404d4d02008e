"""The asks of pauses that a graph did not request: breakpoints, NodeInterrupts and failures.

An ask is made of the checkpoints alone, so every process that reads the thread makes the same one.
"""

from collections.abc import Sequence
from dataclasses import replace

from adapters.langgraph import config_keys as keys
from adapters.langgraph import dialects, sentences
from adapters.langgraph.agents import LocalAgent
from adapters.langgraph.dialects.breakpoint import (
    BREAKPOINT,
    NODE_INTERRUPT,
    at_breakpoint,
    before_tools,
    node_interrupt,
)
from adapters.langgraph.dialects.failure import failed
from adapters.langgraph.dialects.pauses import next_nodes
from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.fingerprint import SEPARATOR
from adapters.langgraph.guards.decided import MOST
from adapters.langgraph.in_process.runs.run import Ended
from adapters.langgraph.in_process.threads.state_edits import can_be_edited, refusals, state_of
from adapters.langgraph.in_process.threads.thread import BreakpointPause, Pending, Thread
from adapters.langgraph.messages.open_calls import messages_in, open_calls
from engine.asks.ask import Ask, Choice, Decision, ValueProblem, digest_of
from engine.ids import InterruptId
from engine.ports import Asked

_MOST_NAMED = 3


def asked_at_breakpoint(agent: LocalAgent, thread: Thread, pause: BreakpointPause) -> Asked:
    """Ask whether the nodes that come next may run, or which of their tool calls."""
    level, paths = pause.level, pause.nodes
    field = messages_field(agent, pause)
    calls = open_calls(messages_in(level.snapshot.values, field)) if level is not None and field else ()
    if calls:
        ask = before_tools(paths, calls, agent.tools)
    else:
        shown = level if level is not None else thread.levels[0]
        may_edit = level is not None and can_be_edited(level)
        ask = at_breakpoint(sentences.steps(paths), paths, state_of(shown), may_edit=may_edit)
    return _worded(agent, thread, pause.interrupt, ask, paths, pause.node_names)


def messages_field(agent: LocalAgent, pause: BreakpointPause) -> str:
    """The field with the messages, if all that comes next is one node that runs tools."""
    fields = {agent.tool_nodes.get(path, "") for path in pause.nodes}
    return fields.pop() if len(fields) == 1 else ""


def asked_by_node_interrupt(agent: LocalAgent, thread: Thread) -> Asked | None:
    """Ask about nodes that stopped themselves by the deprecated NodeInterrupt."""
    root, tasks = thread.levels[0], thread.stopped_themselves
    if not tasks:
        return None
    names = tuple(dict.fromkeys(task.name for task in tasks))
    said = [
        to_json(each.value).value for task in tasks for each in task.interrupts if not keys.is_interrupt_id(each.id)
    ]
    ask = node_interrupt(sentences.steps(names), said, state_of(root), may_edit=can_be_edited(root))
    return _worded(agent, thread, InterruptId(f"stopped:{root.checkpoint}"), ask, names, names)


def asked_after_failure(run: str, thread: Thread, ended: Ended) -> Asked | None:
    """Ask what to do about a run that failed, or that a limit stopped. `run` is its idempotency key if known."""
    raised = ended.error or thread.unreadable
    said = sentences.failure(raised) if raised is not None else thread.mark(keys.STOPPED_FOR) or _stored_failure(thread)
    drifting = [each for each in thread.pending if thread.drifts_on(each)]
    said = said or _about_drift(thread, drifting)
    if not said:
        return None
    nodes = tuple(dict.fromkeys(task.name for task in thread.snapshot.tasks if task.error is not None))
    poisoned = (thread.took_answers or bool(drifting)) and not thread.step_has_finished_tasks
    # A process that only reads the thread does not know the run: the digest is of what every process knows.
    digest = digest_of(failed(said, nodes, "", poisoned=poisoned), "")
    ask = replace(failed(said, nodes, run, poisoned=poisoned), caught=sentences.is_about_changed_tool(said))
    return Asked(InterruptId(f"failure:{thread.checkpoint}"), ask, digest)


def _about_drift(thread: Thread, drifting: Sequence[Pending]) -> str:
    """Explain that a graph changes its request after each decision, and how to fix it."""
    if not drifting:
        return ""
    decided = thread.decided[drifting[0].interrupt.id]
    fields = decided.changed_fields(drifting[0].payload.value)
    named = ", ".join(field or "its text" for field in fields[:_MOST_NAMED])
    more = f" and {len(fields) - _MOST_NAMED} more" if len(fields) > _MOST_NAMED else ""
    return sentences.changes_each_time(MOST, f"{named}{more}", drifting[0].path)


def _stored_failure(thread: Thread) -> str:
    return sentences.failure(thread.failures[0]) if thread.failures else ""


def _worded(
    agent: LocalAgent, thread: Thread, interrupt: InterruptId, ask: Ask, paths: Sequence[str], names: tuple[str, ...]
) -> Asked:
    question = dialects.Question(ask.payload, nodes=names)
    worded = dialects.configured(ask, question, agent.spec.answers)
    code = "".join(agent.fingerprint_of(path, thread.code) for path in paths)
    return Asked(interrupt, worded, digest_of(worded, code))


def problems(agent: LocalAgent, ask: Ask, decision: Decision) -> list[ValueProblem]:
    """List why the graph's own schema refuses an edit of the state that a pause shows, field by field.

    Fields that the card left out are not known here: the edit is checked again where it is made.
    """
    if ask.dialect not in (BREAKPOINT.name, NODE_INTERRUPT.name) or decision.choice is not Choice.EDIT:
        return []
    nodes, shown = next_nodes(ask), ask.actions[0].value
    if not nodes or not isinstance(shown, dict) or not isinstance(decision.value, dict):
        return []
    above, _, _ = nodes[0].rpartition(SEPARATOR)
    changed = {name: each for name, each in decision.value.items() if name not in shown or shown[name] != each}
    complete = not ask.actions[0].description
    waiting = [each.rpartition(SEPARATOR)[2] for each in nodes]
    return refusals(agent.graph_at(above), waiting, shown, changed, complete=complete)
