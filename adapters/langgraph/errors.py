"""Errors that Signoff raises about a thread or a run; each message is a sentence for people.

LangGraph stores the `repr` of an error that a node raised, so the names of these classes are stored data.
"""

from datetime import timedelta


class AnswerNotTakenError(Exception):
    """The node raised before it took the answer, so its question still waits: deliver the same answer again."""


class StateRefusedError(Exception):
    """The graph's own code, or the saver, raised when a state was read or written.

    In this process it is raised from that error; for a server its message is the server's.
    """


class EditRefusedError(Exception):
    """A person's change does not fit the graph's state, or the step that it starts from is gone."""


class TimeLimitError(Exception):
    """A run took longer than its `time_limit`."""

    def __init__(self, limit: timedelta) -> None:
        super().__init__(f"a run may take {limit}")
        self.limit = limit


class AgentExitedError(Exception):
    """The agent's code called `sys.exit()`; `bot.runtime.loop` keeps it from ending the process."""

    def __init__(self, left: SystemExit) -> None:
        self.__cause__ = left  # so that the log says where
        super().__init__(f"its code called sys.exit({'' if left.code is None else repr(left.code)})")


class ToolChangedError(RuntimeError):
    """A tool was about to run with other arguments than people approved.

    Not a ValueError or the like: a tool, or the code around it, may take those for a mistake of the model.
    """


class ToolNotAskedError(RuntimeError):
    """A gated tool was called where nobody can be asked."""
