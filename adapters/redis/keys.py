"""Every key that Signoff keeps in Redis: name, type, content, and how long it lives or why it stays.

All keys of one LangGraph thread have one hash tag, `PREFIX:{THREAD}:...`, so that a script may touch several of them in
a cluster (https://valkey.io/topics/cluster-spec/#hash-tags) and a thread can be found as a whole. The thread's id is
escaped inside the tag: braces, per cent, blanks and control characters become `%XX`, so the first `}` always ends the
tag; an empty id, which would make Redis hash the whole key, is written `%`.

`KINDS` is the documentation: README, tests and operators read it, and a test fails on a key that matches none of them
or lives for ever without a reason given here.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from adapters.redis.transport.scripts import Key
from engine.approvals.audit import RETENTION

HOUR = timedelta(hours=1)
"""Longer than any lease or pause: these set their own TTL."""
DAY = timedelta(days=1)
MONTH = timedelta(days=30)

PREFIX = "signoff"
_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


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
META = KeyKind("meta", "hash", "facts of this bot: layout version, first start", None, "one small key", of_thread=False)

KINDS = (
    CHECKPOINTS, STATE, APPROVAL, ASK, APPROVALS, OPEN, SHEET, CARD, POLICIES, AUDIT, POSTED, CONVERSATION, GRANT,
    GRANTS, MAIL, LEASE, FENCE, TRIES, SEEN, EVENT, DEAD, DIRTY, TIMERS, PENDING, RECENT, THREADS, GRANTED, TALKS,
    HOLDERS,
    BACKLOG, DELETED, CHANNELS, CALLS, QUEUE, ABSENT, SHUT, USERGROUPS, CHANGED,
    READING, LOOKUP, ASKING, META,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Keys:
    """Builds the names of keys. Each bot has its own prefix, so several bots can share a Redis."""

    prefix: str = PREFIX

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError(f"key prefix {self.prefix!r}: use 1 to 64 letters, digits or any of _ . : -")

    def checkpoints(self, thread: str) -> Key:
        """Name the index of the checkpoints."""
        return self._of_thread(CHECKPOINTS, thread)

    def state(self, thread: str) -> Key:
        """Name the checkpoints, values and writes of the saver."""
        return self._of_thread(STATE, thread)

    def threads(self) -> Key:
        """Name the index of the threads that have checkpoints; its members are `tag`s."""
        return self._of_bot(THREADS)

    def saved(self, thread: str) -> "Saved":
        """Name the keys that the saver's scripts use in every step."""
        return _saved(self, thread)

    def approval(self, thread: str, approval: str) -> Key:
        """Name an approval; `approval` is the whole id, or its part after the thread."""
        return self._of_thread(APPROVAL, thread, approval.rpartition("#")[2])

    def ask(self, thread: str, approval: str) -> Key:
        """Name the request of an approval."""
        return self._of_thread(ASK, thread, approval.rpartition("#")[2])

    def approvals(self, thread: str) -> Key:
        """Name the list of the thread's approvals that the last version kept."""
        return self._of_thread(APPROVALS, thread)

    def sheet(self, thread: str, sheet: str) -> Key:
        """Name the closed approvals of a sheet."""
        return self._of_thread(SHEET, thread, sheet)

    def card(self, thread: str, card: str) -> Key:
        """Name the approval of a card's message."""
        return self._of_thread(CARD, thread, card)

    def policies(self, thread: str) -> Key:
        """Name the policies of the thread's closed approvals."""
        return self._of_thread(POLICIES, thread)

    def open(self, thread: str) -> Key:
        """Name the set of the thread's approvals that are not closed."""
        return self._of_thread(OPEN, thread)

    def audit(self, thread: str) -> Key:
        """Name the audit of the thread."""
        return self._of_thread(AUDIT, thread)

    def posted(self, thread: str, post: str) -> Key:
        """Name the marker of something posted: `post` is an approval's id, or the key of something said."""
        return self._of_thread(POSTED, thread, post)

    def conversation(self, thread: str) -> Key:
        """Name the conversation's record."""
        return self._of_thread(CONVERSATION, thread)

    def grant(self, thread: str, grant: str) -> Key:
        """Name a grant."""
        return self._of_thread(GRANT, thread, grant)

    def grants(self, thread: str) -> Key:
        """Name the list of the thread's grants."""
        return self._of_thread(GRANTS, thread)

    def mail(self, thread: str, lane: str) -> Key:
        """Name a lane's mailbox; `lane` is `run`, `chat` or `card/HASH` (see `engine.approvals.effects.Lane`)."""
        return self._of_thread(MAIL, thread, lane)

    def lease(self, thread: str, lane: str) -> Key:
        """Name the lease of a lane that is served or rests."""
        return self._of_thread(LEASE, thread, lane)

    def fence(self, thread: str, lane: str = "run") -> Key:
        """Name a lane's fence; the one of the lane `run` guards the thread's checkpoints."""
        return self._of_thread(FENCE, thread, lane)

    def tries(self, thread: str, lane: str) -> Key:
        """Name the counter of a lane's attempts at its head."""
        return self._of_thread(TRIES, thread, lane)

    def seen(self, thread: str, lane: str, message: str) -> Key:
        """Name the marker of a message that a lane accepted."""
        return self._of_thread(SEEN, thread, lane, message)

    def event(self, event: str) -> Key:
        """Name the marker of a Slack event, by its `event_id`."""
        return self._of_bot(EVENT, event)

    def dead(self) -> Key:
        """Name the dead letters."""
        return self._of_bot(DEAD)

    def dirty(self) -> Key:
        """Name the index of lanes with work."""
        return self._of_bot(DIRTY)

    def timers(self) -> Key:
        """Name the timers."""
        return self._of_bot(TIMERS)

    def bells(self) -> str:
        """Name the channel, which is no key, in which the processes of the bot wake one another."""
        return f"{self.prefix}:bells"

    def pending(self, place: str) -> Key:
        """Name the index of the pending approvals of a requester, or of `all`."""
        return self._of_bot(PENDING, place)

    def recent(self, user: str) -> Key:
        """Name the index of closed approvals that a person requested or voted on."""
        return self._of_bot(RECENT, user)

    def granted(self, user: str) -> Key:
        """Name the index of the grants that a person gave."""
        return self._of_bot(GRANTED, user)

    def talks(self, channel: str) -> Key:
        """Name the index of a channel's conversations."""
        return self._of_bot(TALKS, channel)

    def holders(self, workspace: str, name: str) -> Key:
        """Name the holders of an agent's name."""
        return self._of_bot(HOLDERS, workspace, name)

    def backlog(self) -> Key:
        """Name the backlog: what waits until it can be posted."""
        return self._of_bot(BACKLOG)

    def deleted(self) -> Key:
        """Name the channels that were deleted for good."""
        return self._of_bot(DELETED)

    def channels(self, workspace: str) -> Key:
        """Name the channels' ids by their names."""
        return self._of_bot(CHANNELS, workspace)

    def calls(self, bucket: str) -> Key:
        """Name the last calls of a bucket of the budget, `WORKSPACE/METHOD`; its keys share a hash tag."""
        return self._of_bucket(CALLS, bucket)

    def queue(self, bucket: str) -> Key:
        """Name the queue of a bucket."""
        return self._of_bucket(QUEUE, bucket)

    def absent(self, bucket: str) -> Key:
        """Name the times at which those in a bucket's queue give up."""
        return self._of_bucket(ABSENT, bucket)

    def shut(self, bucket: str) -> Key:
        """Name the mark that Slack refuses the calls of a bucket."""
        return self._of_bucket(SHUT, bucket)

    def usergroups(self, workspace: str) -> Key:
        """Name the user groups of a workspace."""
        return self._of_bot(USERGROUPS, workspace)

    def changed(self, workspace: str) -> Key:
        """Name the user groups that changed."""
        return self._of_bot(CHANGED, workspace)

    def reading(self, workspace: str) -> Key:
        """Name the right to read the user groups."""
        return self._of_bot(READING, workspace)

    def lookup(self, source: str) -> Key:
        """Name the last lookup of an on-call source."""
        return self._of_bot(LOOKUP, source)

    def asking(self, source: str) -> Key:
        """Name the process that asks an on-call source."""
        return self._of_bot(ASKING, source)

    def meta(self) -> Key:
        """Name the bot's own facts."""
        return self._of_bot(META)

    def whole_thread(self, thread: str) -> str:
        """Give a pattern for SCAN: all keys of one thread."""
        return f"{self.prefix}:{{{_glob(tag(thread))}}}:*"

    def every_open(self) -> str:
        """Give a pattern for SCAN: the sets of all threads that have open approvals."""
        return f"{self.prefix}:{{*}}:{OPEN.name}"

    def every_audit(self) -> str:
        """Give a pattern for SCAN: the audits of all threads."""
        return f"{self.prefix}:{{*}}:{AUDIT.name}"

    def kind_of(self, key: str) -> KeyKind | None:
        """Find the kind of a key; None if it is not one of ours."""
        return next((kind for kind in KINDS if re.fullmatch(self._pattern(kind), key, re.DOTALL)), None)

    def _of_thread(self, kind: KeyKind, thread: str, *more: str) -> Key:
        return Key(":".join((f"{self.prefix}:{{{tag(thread)}}}:{kind.name}", *map(part, more))))

    def _of_bot(self, kind: KeyKind, *more: str) -> Key:
        return Key(":".join((f"{self.prefix}:{kind.name}", *map(part, more))))

    def _of_bucket(self, kind: KeyKind, bucket: str) -> Key:
        return Key(f"{self.prefix}:{kind.name}:{{{tag(bucket)}}}")

    def _pattern(self, kind: KeyKind) -> str:
        middle = r":\{[^{}]+\}" if kind.of_thread else ""
        return rf"{re.escape(self.prefix)}{middle}:{kind.name}(:.*)?"


class Saved(NamedTuple):
    """The keys of a thread that the saver's scripts use in every step."""

    checkpoints: Key
    state: Key
    fence: Key


@lru_cache(maxsize=4096)
def _saved(keys: Keys, thread: str) -> Saved:
    return Saved(keys.checkpoints(thread), keys.state(thread), keys.fence(thread))


@lru_cache(maxsize=4096)
def tag(thread: str) -> str:
    """Escape a thread's id for the hash tag. Two ids never share a tag; `thread_of` gives the id back."""
    return quote(thread, safe="!#$&'()*+,/:;<=>?@[]^|", errors="surrogatepass") or "%"


def thread_of(key: str) -> str:
    """Give the thread whose hash tag a key carries. Raises ValueError when there is none."""
    found = re.search(r":\{([^{}]+)\}:", key)
    if found is None:
        raise ValueError(f"no thread in key {key!r}")
    return untag(found[1])


def untag(name: str) -> str:
    """Give the thread's id of a hash tag."""
    return "" if name == "%" else unquote(name, errors="surrogatepass")


def part(text: str) -> str:
    """Escape one part of a name so that `:` between parts stays unambiguous."""
    return quote(text, safe="!#$&'()*+,/;<=>?@[]^|", errors="surrogatepass")


def _glob(text: str) -> str:
    return re.sub(r"([*?\[\]^\\])", r"\\\1", text)
