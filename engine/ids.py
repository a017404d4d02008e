"""The ids of things. An approval's id contains the id of its thread, so the one leads to both."""

import hashlib
from collections.abc import Iterable
from typing import NewType

ThreadId = NewType("ThreadId", str)
"""A LangGraph thread, which is one conversation in Slack. See `engine.conversation.thread_id`."""

ApprovalId = NewType("ApprovalId", str)
"""`THREAD#HASH`, made from the thread, the interrupt and the digest of the request: see `approval_id`."""

InterruptId = NewType("InterruptId", str)
"""LangGraph's id of an interrupt; a new one when the graph asks again.

A pause without one (a breakpoint, a failure) is named by its checkpoint.
"""

AgentName = NewType("AgentName", str)
"""An agent's key under `agents:` in `app.yaml`."""

UserId = NewType("UserId", str)
TeamId = NewType("TeamId", str)
ChannelId = NewType("ChannelId", str)
MessageTs = NewType("MessageTs", str)
"""Slack's ids. A message is identified by its channel and `ts`, which is Slack's clock and orders messages."""


GrantId = NewType("GrantId", str)
"""A grant, unique within its thread. See `engine.rules.grants`."""

SheetId = NewType("SheetId", str)
"""A message that shows several approvals of a thread; "" for an approval with a card of its own."""


def approval_id(thread: ThreadId, interrupt: InterruptId, digest: str, again: int = 0) -> ApprovalId:
    """Make the id of an approval. The same question always gets the same id, so that it is created once.

    `again` counts how often a pause came back after its decision: then it is decided again.
    """
    marked = f"{interrupt}\n{digest}\n{again}" if again else f"{interrupt}\n{digest}"
    mark = hashlib.sha256(marked.encode()).hexdigest()[:16]
    return ApprovalId(f"{thread}#{mark}")


def sheet_id(approvals: Iterable[ApprovalId]) -> SheetId:
    """Make the id of the sheet of these approvals: always the same one."""
    return SheetId("sheet-" + hashlib.sha256("\n".join(approvals).encode()).hexdigest()[:16])


def thread_of(approval: ApprovalId) -> ThreadId:
    """Find the thread of an approval. Raises ValueError for anything but an approval's id."""
    thread, hash_sign, _ = approval.rpartition("#")
    if not hash_sign or not thread:
        raise ValueError(f"not an approval's id: {approval!r}")
    return ThreadId(thread)
