"""The kinds of keys that Signoff keeps in Redis: name, type, content, and how long each lives or why it stays.

`KINDS` is the documentation: README, tests and operators read it, and a test fails on a key that matches none of them
or lives for ever without a reason given here. `adapters.redis.keys` builds the names.
"""

from dataclasses import dataclass
from datetime import timedelta

from engine.approvals.audit import RETENTION

HOUR = timedelta(hours=1)
"""Longer than any lease or pause: these set their own TTL."""
DAY = timedelta(days=1)
MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class KeyKind:
    """A kind of key. `lives` is the TTL that its writers set; `reason` says why it stays longer, or for ever."""

    name: str
    type: str
    content: str
    lives: timedelta | None
    reason: str = ""
    of_thread: bool = True


_WAITED_FOR = "stays while an approval of the thread is open: people may take as long as they need"

CHECKPOINTS = KeyKind(
    "checkpoints", "zset", "index of the saver: `NAMESPACE 0x00 CHECKPOINT`, all of score 0, so by name",
    None, "an agent may be resumed at any later time; `retention` of the saver sets a TTL",
)  # fmt: skip
STATE = KeyKind(
    "state", "hash", "of the saver: checkpoints, channel values once per version, pending writes",
    None, "as `checkpoints`",
)  # fmt: skip
APPROVAL = KeyKind(
    "approval", "string", "the state of an approval: `VERSION WRITE newline DOCUMENT`", MONTH, _WAITED_FOR
)
ASK = KeyKind("ask", "string", "the request of an approval; the audit refers to it", RETENTION, _WAITED_FOR)
APPROVALS = KeyKind(
    "approvals", "zset", "all approvals of the thread, as the last version listed them: moved into the three below",
    MONTH, _WAITED_FOR,
)  # fmt: skip
OPEN = KeyKind("open", "set", "approvals of the thread that are not closed", None, "emptied as they are decided")
SHEET = KeyKind("sheet", "set", "the closed approvals of a sheet, `HASH` each", MONTH)
CARD = KeyKind(
    "card", "string", "the closed approval, `HASH`, of the card at this message at the root of a channel", MONTH
)
POLICIES = KeyKind(
    "policies", "hash", "for each set of policies, the closed approval, `HASH`, that was written last under it", MONTH
)
AUDIT = KeyKind("audit", "list", "who did what, when, under which rule (P9)", RETENTION, _WAITED_FOR)
POSTED = KeyKind("posted", "string", "the place where a card was posted: prevents posting twice", MONTH)
CONVERSATION = KeyKind("conversation", "string", "the conversation's agent, place and people", MONTH, _WAITED_FOR)
GRANT = KeyKind("grant", "string", "a grant, or `revoked WRITE` once revoked, until the grant ends", MONTH)
GRANTS = KeyKind("grants", "set", "the ids of the thread's grants; those that ended are skipped", MONTH)
MAIL = KeyKind(
    "mail", "list", "a lane's waiting messages, oldest first", None, "unfinished work: gone when the lane is empty"
)
LEASE = KeyKind("lease", "string", "the visit that serves a lane, or a pause before its next try", HOUR)
FENCE = KeyKind("fence", "string", "counts a lane's owners; the saver refuses writes of an older one", MONTH)
TRIES = KeyKind("tries", "string", "counts how often the head of a lane was begun", MONTH)
SEEN = KeyKind("seen", "string", "a message that a lane accepted already", DAY)

EVENT = KeyKind(
    "event", "string", "a Slack event that was accepted already; Slack repeats for some minutes", DAY, of_thread=False
)
DEAD = KeyKind(
    "dead", "hash", "messages given up after too many tries, by their ids", None, "an operator must see them",
    of_thread=False,
)  # fmt: skip
DIRTY = KeyKind(
    "dirty", "zset", "lanes that may have waiting messages, by the stamp of their newest", None,
    "an index of unfinished work", of_thread=False,
)  # fmt: skip
TIMERS = KeyKind(
    "timers", "zset", "timers, `TIMER/APPROVAL` by the microsecond at which they are due", None,
    "timers of open approvals; what fired is gone", of_thread=False,
)  # fmt: skip
PENDING = KeyKind(
    "pending", "zset", "pending approvals, all of them or those of a requester, by the time they were asked", None,
    "an index of unfinished work", of_thread=False,
)  # fmt: skip
RECENT = KeyKind(
    "recent", "zset", "closed approvals that a person asked or voted on, by that time", MONTH, of_thread=False
)
THREADS = KeyKind(
    "threads", "zset", "the threads that have checkpoints, by the time at which a process last began to write one",
    None, "an index of what stays", of_thread=False,
)  # fmt: skip
GRANTED = KeyKind(
    "granted", "zset", "the grants that a person gave, `TAG 0x00 GRANT` by when they end", MONTH, of_thread=False
)
TALKS = KeyKind(
    "talks", "zset", "the conversations of a channel that were written last, by that time", MONTH, of_thread=False
)
HOLDERS = KeyKind(
    "holders", "zset", "the processes that hold an agent's name, `PROCESS 0x00 DEFINITION` by when they lapse", HOUR,
    of_thread=False,
)  # fmt: skip
BACKLOG = KeyKind(
    "backlog", "hash", "messages that cannot be posted in their channel yet", None,
    "unfinished work: gone when it is posted", of_thread=False,
)  # fmt: skip
DELETED = KeyKind(
    "deleted", "set", "channels that were deleted for good", None, "a few ids, by which a late card knows its end",
    of_thread=False,
)  # fmt: skip
CHANNELS = KeyKind(
    "channels", "hash", "the channel id of each name in app.yaml, from when the bot first saw it, for a workspace",
    None, "a rename is followed at any later start", of_thread=False,
)  # fmt: skip
PEOPLE = KeyKind(
    "people", "hash", "the names of a workspace's people by their ids, and its address by its own, for commands",
    RETENTION, of_thread=False,
)  # fmt: skip
CALLS = KeyKind(
    "calls", "zset", "the last calls of a Slack method, by when they were begun",
    HOUR, of_thread=False,
)  # fmt: skip
QUEUE = KeyKind("queue", "zset", "those waiting to call that method, by urgency and age", HOUR, of_thread=False)
ABSENT = KeyKind("absent", "zset", "for each of those waiting, when it gives up", HOUR, of_thread=False)
SHUT = KeyKind("shut", "string", "exists while Slack refuses that method", HOUR, of_thread=False)
USERGROUPS = KeyKind(
    "usergroups", "hash", "Slack's user groups of a workspace, by id; as old as `adapters.redis.stores.groups` allows",
    HOUR, of_thread=False,
)  # fmt: skip
CHANGED = KeyKind(
    "changed", "hash", "user groups of a workspace that changed, as Slack reported, with a stamp each", DAY,
    of_thread=False,
)  # fmt: skip
READING = KeyKind("reading", "string", "the process that reads the user groups of a workspace", HOUR, of_thread=False)
LOOKUP = KeyKind("lookup", "string", "the last lookup of an on-call source", DAY, of_thread=False)
ASKING = KeyKind("asking", "string", "the process that asks an on-call source", HOUR, of_thread=False)
_AS_PUT = "agents keep their memories; an item with a TTL goes with it, and a namespace with its last item"
ITEMS = KeyKind(
    "items", "hash", "of the graphs' store: the items of a namespace, a record by key", None, _AS_PUT, of_thread=False
)
ORDER = KeyKind(
    "order", "zset", "the keys of a namespace's items in the order in which they were first put", None, "as `items`",
    of_thread=False,
)  # fmt: skip
EXPIRY = KeyKind(
    "expiry", "zset", "the keys of a namespace's items that have a TTL, by the millisecond at which each ends",
    None, "as `items`", of_thread=False,
)  # fmt: skip
VECTORS = KeyKind(
    "vectors", "hash", "the embeddings of a namespace's items as float32, by key", None, "as `items`", of_thread=False
)
NAMESPACES = KeyKind(
    "namespaces", "zset", "index of the graphs' store: its namespaces, all of score 0, so by name", None,
    "gone namespaces are taken off as they are noticed", of_thread=False,
)  # fmt: skip
LISTED = KeyKind(
    "listed", "zset", "when each namespace was last put on the index, in ms", None, "as `namespaces`", of_thread=False
)
META = KeyKind("meta", "hash", "facts of this bot: layout version, first start", None, "one small key", of_thread=False)

KINDS = (
    CHECKPOINTS, STATE, APPROVAL, ASK, APPROVALS, OPEN, SHEET, CARD, POLICIES, AUDIT, POSTED, CONVERSATION, GRANT,
    GRANTS, MAIL, LEASE, FENCE, TRIES, SEEN, EVENT, DEAD, DIRTY, TIMERS, PENDING, RECENT, THREADS, GRANTED, TALKS,
    HOLDERS,
    BACKLOG, DELETED, CHANNELS, PEOPLE, CALLS, QUEUE, ABSENT, SHUT, USERGROUPS, CHANGED,
    READING, LOOKUP, ASKING, ITEMS, ORDER, EXPIRY, VECTORS, NAMESPACES, LISTED, META,
)  # fmt: skip
