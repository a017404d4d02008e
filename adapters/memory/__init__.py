"""Every port of storage, lanes and people in memory: the model that contract tests compare the real adapters with.

Nothing here is durable, and there is one process. The promises of the real adapters about order, one at a time,
de-duplication, attempts, fences, dead letters and timers hold here too, on any clock: with `ManualClock` and
`run_until_idle` a test decides what time it is and when work is done. Imports the engine alone, and each port's module
no other but `lanes` and `audit`.
"""

from adapters.memory.approvals import MemoryApprovals
from adapters.memory.audit import MemoryAudit
from adapters.memory.backlog import MemoryBacklog
from adapters.memory.budget import MemoryBudget
from adapters.memory.chat import MemoryChat, MemoryMessage
from adapters.memory.clock import ManualClock
from adapters.memory.conversations import MemoryConversations
from adapters.memory.grants import MemoryGrants
from adapters.memory.lanes import ATTEMPTS, REMEMBERED, MemoryLanes
from adapters.memory.roster import MemoryRoster

__all__ = [
    "ATTEMPTS",
    "REMEMBERED",
    "ManualClock",
    "MemoryApprovals",
    "MemoryAudit",
    "MemoryBacklog",
    "MemoryBudget",
    "MemoryChat",
    "MemoryConversations",
    "MemoryGrants",
    "MemoryLanes",
    "MemoryMessage",
    "MemoryRoster",
]
