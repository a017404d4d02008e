"""Questions that older code of the agent asked: an answer never goes to other code than the one that asked (P4)."""

from collections.abc import Iterator, Sequence

from adapters.langgraph.agents import LocalAgent
from adapters.langgraph.fingerprint import as_far_as
from adapters.langgraph.in_process.threads.thread import AnswerState, Pending, Thread
from engine.asks.ask import Json


def is_outdated(agent: LocalAgent, thread: Thread, pending: Pending) -> bool:
    """Tell whether the code differs from the code that wrote the checkpoint in which the question waits.

    It is that of the node that asks, and for a question about a tool that of the nodes that run tools.
    """
    node, *tool_nodes = code_of(agent, pending)
    return _differs(agent, thread, node) or any(
        each in thread.code and _differs(agent, thread, each) for each in tool_nodes
    )


def code_of(agent: LocalAgent, pending: Pending) -> Sequence[str]:
    """List the nodes whose code a question is about: the one that asks, and those that run the tools it names."""
    asking = agent.node_of(pending.path)
    names_tool = bool(agent.tool_nodes) and any(text in agent.tools for text in _texts(pending.payload.value))
    tool_nodes = [agent.node_of(each) for each in agent.tool_nodes] if names_tool else []
    return [asking, *(each for each in tool_nodes if each != asking)]


def code_mark(agent: LocalAgent, thread: Thread, pending: Pending) -> str:
    """Mark the code that a question is about, for its digest. Threads of Signoff 0.1 have no mark of the tools."""
    _, *tool_nodes = code_of(agent, pending)
    whole = [each for each in tool_nodes if as_far_as(thread.code.get(each, ""), agent.code[each]) == agent.code[each]]
    tools = "".join(f"\n{each}:{agent.code[each]}" for each in whole if each in thread.code)
    return agent.fingerprint_of(pending.path, thread.code) + tools


def _differs(agent: LocalAgent, thread: Thread, node: str) -> bool:
    stored, now = thread.code.get(node, ""), agent.code.get(node, "")
    return stored != as_far_as(stored, now)


def _texts(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from _texts(each)
        case list():
            for each in value:
                yield from _texts(each)
        case _:
            pass


def has_outdated(agent: LocalAgent, thread: Thread) -> bool:
    """Tell whether older code asked any of a thread's questions."""
    return any(is_outdated(agent, thread, each) for each in thread.pending)


def is_orphan(agent: LocalAgent, thread: Thread, pending: Pending) -> bool:
    """Tell whether an old question can be neither answered nor asked again: partly answered, beside finished tasks."""
    return is_outdated(agent, thread, pending) and pending.answers > 0 and thread.step_has_finished_tasks


def is_lost(agent: LocalAgent, thread: Thread, pending: Pending) -> bool:
    """Tell whether nobody can be asked this any more: it took its answer, or is an orphan."""
    return pending.state is AnswerState.TAKEN or is_orphan(agent, thread, pending)
