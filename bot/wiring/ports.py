"""The ports that a running bot stands on."""

from dataclasses import dataclass

from bot.runtime.clock import SYSTEM_CLOCK
from engine.ports import (
    Approvals,
    Audit,
    Backlog,
    Chat,
    Clock,
    Conversations,
    Grants,
    Graphs,
    Groups,
    Lanes,
    OnCall,
    Roster,
)


@dataclass(slots=True)
class Ports:
    """Everything that the desk and the outbox stand on. A test may put something of its own in between."""

    approvals: Approvals
    conversations: Conversations
    audit: Audit
    backlog: Backlog
    grants: Grants
    lanes: Lanes
    graphs: Graphs
    roster: Roster
    groups: Groups
    on_call: OnCall
    chat: Chat
    clock: Clock = SYSTEM_CLOCK
