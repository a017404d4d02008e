"""The names of things. An approval's id holds the id of its thread, so that whoever has the one can find both."""

import hashlib
from collections.abc import Iterable
from typing import NewType

ThreadId = NewType("ThreadId", str)
"""A LangGraph thread, which is one conversation in Slack. See `engine.conversation.thread_id`."""

ApprovalId = NewType("ApprovalId", str)
"""`THREAD#HASH`: made of the thread, the interrupt and the digest of what is asked. See `approval_id`."""

InterruptId = NewType("InterruptId", str)
"""LangGraph's id of an interrupt. It changes when the graph asks anew.

A halt that has none (a breakpoint, a failure) is named by its checkpoint.
"""

AgentName = NewType("AgentName", str)
"""An agent's key under `agents:` in `app.yaml`."""

UserId = NewType("UserId", str)
TeamId = NewType("TeamId", str)
ChannelId = NewType("ChannelId", str)
MessageTs = NewType("MessageTs", str)
"""Slack's own ids. A message is known by its channel and its `ts`, which also orders messages: it is Slack's clock."""


GrantId = NewType("GrantId", str)
"""A grant, unique within its thread. See `engine.rules.grants`."""

SheetId = NewType("SheetId", str)
"""One message that shows several approvals of a thread; "" for an approval with a card of its own."""


def approval_id(thread: ThreadId, interrupt: InterruptId, digest: str, again: int = 0) -> ApprovalId:
    """The same question always gets the same id, so that asking twice creates once.

    `again` counts how often a halt came back after it was decided: then it is to be decided anew.
    """
    marked = f"{interrupt}\n{digest}\n{again}" if again else f"{interrupt}\n{digest}"
    mark = hashlib.sha256(marked.encode()).hexdigest()[:16]
    return ApprovalId(f"{thread}#{mark}")


def sheet_id(approvals: Iterable[ApprovalId]) -> SheetId:
    """The same approvals always stand on the same sheet."""
    return SheetId("sheet-" + hashlib.sha256("\n".join(approvals).encode()).hexdigest()[:16])


def thread_of(approval: ApprovalId) -> ThreadId:
    """The thread that an approval belongs to.

    Raises ValueError when `approval` is not an approval's id.
    """
    thread, hash_sign, _ = approval.rpartition("#")
    if not hash_sign or not thread:
        raise ValueError(f"not an approval's id: {approval!r}")
    return ThreadId(thread)
