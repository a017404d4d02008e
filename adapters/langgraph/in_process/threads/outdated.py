"""Questions that older code of the agent asked: an answer never goes to other code than the one that asked (P4)."""

from adapters.langgraph.agents import LocalAgent
from adapters.langgraph.fingerprint import as_far_as
from adapters.langgraph.in_process.threads.thread import AnswerState, Pending, Thread


def is_outdated(agent: LocalAgent, thread: Thread, pending: Pending) -> bool:
    """Tell whether the node's code differs from the code that wrote the checkpoint in which the question waits."""
    node = agent.node_of(pending.path)
    stored, now = thread.code.get(node), agent.code.get(node)
    return stored != (now and as_far_as(stored, now))


def has_outdated(agent: LocalAgent, thread: Thread) -> bool:
    """Tell whether older code asked any of a thread's questions."""
    return any(is_outdated(agent, thread, each) for each in thread.pending)


def is_orphan(agent: LocalAgent, thread: Thread, pending: Pending) -> bool:
    """Tell whether an old question can be neither answered nor asked again: partly answered, beside finished tasks."""
    return is_outdated(agent, thread, pending) and pending.answers > 0 and thread.step_has_finished_tasks


def is_lost(agent: LocalAgent, thread: Thread, pending: Pending) -> bool:
    """Tell whether nobody can be asked this any more: it took its answer, or is an orphan."""
    return pending.state is AnswerState.TAKEN or is_orphan(agent, thread, pending)
