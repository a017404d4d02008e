"""The outcome of a task, as LangGraph's snapshots show it.

https://docs.langchain.com/oss/python/langgraph/persistence#get-state
"""

from typing import Any


def failed(task: Any) -> bool:
    """Tell whether a node raised, rather than being cancelled because a sibling did."""
    return task.result is None and task.error is not None and not was_cancelled(task)


def died(task: Any) -> bool:
    """Tell whether a task neither finished, asked nor failed: its process was killed or drained."""
    return task.result is None and not task.interrupts and (task.error is None or was_cancelled(task))


def was_cancelled(task: Any) -> bool:
    """Tell whether a sibling's failure or the end of the process cancelled a task; its error is stored by `repr`."""
    return "CancelledError" in (type(task.error).__name__, str(task.error).partition("(")[0])
