"""The ports of a running bot."""

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
    """The ports that the core is made from. A test may replace some before they are used."""

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
