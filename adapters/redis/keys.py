"""Builds the names of the keys that Signoff keeps in Redis; `adapters.redis.key_kinds` says what they hold.

All keys of one LangGraph thread have one hash tag, `PREFIX:{THREAD}:...`, so that a script may touch several of them in
a cluster (https://valkey.io/topics/cluster-spec/#hash-tags) and a thread can be found as a whole. The thread's id is
escaped inside the tag: braces, per cent, blanks and control characters become `%XX`, so the first `}` always ends the
tag; an empty id, which would make Redis hash the whole key, is written `%`.

On a cluster (`Keys(spread=True)`) two groups of keys have other names than on one server:
* The index of lanes with work is split into `WORK_PARTS` keys, each for a range of slots and with a hash tag in that
  range. Ranges of slots are what a cluster gives to its nodes, so a thread's part is nearly always on the thread's own
  node: to accept a click needs no other node, and when the node fails its replica has the part as well as the mailboxes
  that it names. To sweep costs `WORK_PARTS` small reads. A click marks on a node that is not the thread's only where a
  range is shared by two nodes, and then waits for both.
* The user groups of a workspace, which one script reads and writes, have the workspace as their hash tag.

All else that belongs to the bot is one key each, by design, on whichever node has its slot: `timers`, `pending:all`,
`dead`, `backlog`, `threads` and so on. No click waits for one of these. While the node of `timers` fails over, no timer
is set or fires, and what was due fires after; `pending` and `recent` are for people to look at, and a look repairs
them. One sorted set of a million timers serves thousands of changes a second, far more than a bot makes, and finds the
next timer in one read; in parts, each look would have to read all of them.
"""

import itertools
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from redis.crc import key_slot

from adapters.redis import key_kinds
from adapters.redis.key_kinds import KINDS, KeyKind
from adapters.redis.transport.scripts import Key
from adapters.redis.transport.slots import SLOTS

PREFIX = "signoff"
WORK_PARTS = 128
"""Parts of the index of work on a cluster. Stored keys are named by it: never change it."""
_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


@dataclass(frozen=True, slots=True)
class Keys:
    """Builds the names of keys. Each bot has its own prefix, so several bots can share a Redis.

    `spread`: as on a cluster.
    """

    prefix: str = PREFIX
    spread: bool = False

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError(f"key prefix {self.prefix!r}: use 1 to 64 letters, digits or any of _ . : -")

    def checkpoints(self, thread: str) -> Key:
        """Name the index of the checkpoints."""
        return self._of_thread(key_kinds.CHECKPOINTS, thread)

    def state(self, thread: str) -> Key:
        """Name the checkpoints, values and writes of the saver."""
        return self._of_thread(key_kinds.STATE, thread)

    def threads(self) -> Key:
        """Name the index of the threads that have checkpoints; its members are `tag`s."""
        return self._of_bot(key_kinds.THREADS)

    def saved(self, thread: str) -> "Saved":
        """Name the keys that the saver's scripts use in every step."""
        return _saved(self, thread)

    def approval(self, thread: str, approval: str) -> Key:
        """Name an approval; `approval` is the whole id, or its part after the thread."""
        return self._of_thread(key_kinds.APPROVAL, thread, approval.rpartition("#")[2])

    def ask(self, thread: str, approval: str) -> Key:
        """Name the request of an approval."""
        return self._of_thread(key_kinds.ASK, thread, approval.rpartition("#")[2])

    def requested(self, thread: str, approval: str) -> "Requested":
        """Name the two keys of an approval."""
        return _requested(self, thread, approval)

    def approvals(self, thread: str) -> Key:
        """Name the list of the thread's approvals that the last version kept."""
        return self._of_thread(key_kinds.APPROVALS, thread)

    def sheet(self, thread: str, sheet: str) -> Key:
        """Name the closed approvals of a sheet."""
        return self._of_thread(key_kinds.SHEET, thread, sheet)

    def card(self, thread: str, card: str) -> Key:
        """Name the approval of a card's message."""
        return self._of_thread(key_kinds.CARD, thread, card)

    def policies(self, thread: str) -> Key:
        """Name the policies of the thread's closed approvals."""
        return self._of_thread(key_kinds.POLICIES, thread)

    def open(self, thread: str) -> Key:
        """Name the set of the thread's approvals that are not closed."""
        return self._of_thread(key_kinds.OPEN, thread)

    def audit(self, thread: str) -> Key:
        """Name the audit of the thread."""
        return self._of_thread(key_kinds.AUDIT, thread)

    def posted(self, thread: str, post: str) -> Key:
        """Name the marker of something posted: `post` is an approval's id, or the key of something said."""
        return self._of_thread(key_kinds.POSTED, thread, post)

    def conversation(self, thread: str) -> Key:
        """Name the conversation's record."""
        return self._of_thread(key_kinds.CONVERSATION, thread)

    def grant(self, thread: str, grant: str) -> Key:
        """Name a grant."""
        return self._of_thread(key_kinds.GRANT, thread, grant)

    def grants(self, thread: str) -> Key:
        """Name the list of the thread's grants."""
        return self._of_thread(key_kinds.GRANTS, thread)

    def mail(self, thread: str, lane: str) -> Key:
        """Name a lane's mailbox; `lane` is `run`, `chat` or `card/HASH` (see `engine.approvals.effects.Lane`)."""
        return self._of_thread(key_kinds.MAIL, thread, lane)

    def lease(self, thread: str, lane: str) -> Key:
        """Name the lease of a lane that is served or rests."""
        return self._of_thread(key_kinds.LEASE, thread, lane)

    def fence(self, thread: str, lane: str = "run") -> Key:
        """Name a lane's fence; the one of the lane `run` guards the thread's checkpoints."""
        return self._of_thread(key_kinds.FENCE, thread, lane)

    def tries(self, thread: str, lane: str) -> Key:
        """Name the counter of a lane's attempts at its head."""
        return self._of_thread(key_kinds.TRIES, thread, lane)

    def seen(self, thread: str, lane: str, message: str) -> Key:
        """Name the marker of a message that a lane accepted."""
        return self._of_thread(key_kinds.SEEN, thread, lane, message)

    def event(self, event: str) -> Key:
        """Name the marker of a Slack event, by its `event_id`."""
        return self._of_bot(key_kinds.EVENT, event)

    def dead(self) -> Key:
        """Name the dead letters."""
        return self._of_bot(key_kinds.DEAD)

    def dirty(self, thread: str = "") -> Key:
        """Name the index of lanes with work, on a cluster the part of it for this thread."""
        return self._of_bucket(key_kinds.DIRTY, _work_part(thread)) if self.spread else self._of_bot(key_kinds.DIRTY)

    def every_dirty(self) -> tuple[Key, ...]:
        """Name the whole index of lanes with work."""
        return (
            tuple(self._of_bucket(key_kinds.DIRTY, each) for each in _work_parts()) if self.spread else (self.dirty(),)
        )

    def timers(self) -> Key:
        """Name the timers."""
        return self._of_bot(key_kinds.TIMERS)

    def bells(self) -> str:
        """Name the channel, which is no key, in which the processes of the bot wake one another."""
        return f"{self.prefix}:bells"

    def pending(self, place: str) -> Key:
        """Name the index of the pending approvals of a requester, or of `all`."""
        return self._of_bot(key_kinds.PENDING, place)

    def recent(self, user: str) -> Key:
        """Name the index of closed approvals that a person requested or voted on."""
        return self._of_bot(key_kinds.RECENT, user)

    def granted(self, user: str) -> Key:
        """Name the index of the grants that a person gave."""
        return self._of_bot(key_kinds.GRANTED, user)

    def talks(self, channel: str) -> Key:
        """Name the index of a channel's conversations."""
        return self._of_bot(key_kinds.TALKS, channel)

    def holders(self, workspace: str, name: str) -> Key:
        """Name the holders of an agent's name."""
        return self._of_bot(key_kinds.HOLDERS, workspace, name)

    def backlog(self) -> Key:
        """Name the backlog: what waits until it can be posted."""
        return self._of_bot(key_kinds.BACKLOG)

    def deleted(self) -> Key:
        """Name the channels that were deleted for good."""
        return self._of_bot(key_kinds.DELETED)

    def channels(self, workspace: str) -> Key:
        """Name the channels' ids by their names."""
        return self._of_bot(key_kinds.CHANNELS, workspace)

    def people(self, workspace: str) -> Key:
        """Name the people's names by their ids."""
        return self._of_bot(key_kinds.PEOPLE, workspace)

    def calls(self, bucket: str) -> Key:
        """Name the last calls of a bucket of the budget, `WORKSPACE/METHOD`; its keys share a hash tag."""
        return self._of_bucket(key_kinds.CALLS, bucket)

    def queue(self, bucket: str) -> Key:
        """Name the queue of a bucket."""
        return self._of_bucket(key_kinds.QUEUE, bucket)

    def absent(self, bucket: str) -> Key:
        """Name the times at which those in a bucket's queue give up."""
        return self._of_bucket(key_kinds.ABSENT, bucket)

    def shut(self, bucket: str) -> Key:
        """Name the mark that Slack refuses the calls of a bucket."""
        return self._of_bucket(key_kinds.SHUT, bucket)

    def usergroups(self, workspace: str) -> Key:
        """Name the user groups of a workspace."""
        return self._of_workspace(key_kinds.USERGROUPS, workspace)

    def changed(self, workspace: str) -> Key:
        """Name the user groups that changed."""
        return self._of_workspace(key_kinds.CHANGED, workspace)

    def reading(self, workspace: str) -> Key:
        """Name the right to read the user groups."""
        return self._of_workspace(key_kinds.READING, workspace)

    def lookup(self, source: str) -> Key:
        """Name the last lookup of an on-call source."""
        return self._of_bot(key_kinds.LOOKUP, source)

    def asking(self, source: str) -> Key:
        """Name the process that asks an on-call source."""
        return self._of_bot(key_kinds.ASKING, source)

    def items(self, namespace: str) -> Key:
        """Name the items of a namespace of the graphs' store; its keys share a hash tag."""
        return self._of_bucket(key_kinds.ITEMS, namespace)

    def order(self, namespace: str) -> Key:
        """Name the order of a namespace's items."""
        return self._of_bucket(key_kinds.ORDER, namespace)

    def expiry(self, namespace: str) -> Key:
        """Name the ends of a namespace's items."""
        return self._of_bucket(key_kinds.EXPIRY, namespace)

    def vectors(self, namespace: str) -> Key:
        """Name the embeddings of a namespace's items."""
        return self._of_bucket(key_kinds.VECTORS, namespace)

    def namespaces(self) -> Key:
        """Name the index of the store's namespaces; the times of its entries share its hash tag."""
        return self._of_bucket(key_kinds.NAMESPACES, "store")

    def listed(self) -> Key:
        """Name the times at which namespaces were put on the index."""
        return self._of_bucket(key_kinds.LISTED, "store")

    def meta(self) -> Key:
        """Name the bot's own facts."""
        return self._of_bot(key_kinds.META)

    def every_key_of(self, thread: str) -> str:
        """Give a pattern for SCAN: all keys of one thread."""
        return f"{self.prefix}:{{{_glob(tag(thread))}}}:*"

    def every_open(self) -> str:
        """Give a pattern for SCAN: the sets of all threads that have open approvals."""
        return f"{self.prefix}:{{*}}:{key_kinds.OPEN.name}"

    def every_mail(self) -> str:
        """Give a pattern for SCAN: the mailboxes of all threads."""
        return f"{self.prefix}:{{*}}:{key_kinds.MAIL.name}:*"

    def every_audit(self) -> str:
        """Give a pattern for SCAN: the audits of all threads."""
        return f"{self.prefix}:{{*}}:{key_kinds.AUDIT.name}"

    def every_request(self, start: str) -> str:
        """Give a pattern for SCAN: what is kept of the requests whose id, after the thread, begins with this."""
        return f"{self.prefix}:{{*}}:*:{_glob(start)}*"

    def every_recent(self) -> str:
        """Give a pattern for SCAN: the indexes of closed approvals of all people."""
        return f"{self.prefix}:{key_kinds.RECENT.name}:*"

    def kind_of(self, key: str) -> KeyKind | None:
        """Find the kind of a key; None if it is not one of ours."""
        return next((kind for kind in KINDS if re.fullmatch(self._pattern(kind), key, re.DOTALL)), None)

    def _of_thread(self, kind: KeyKind, thread: str, *more: str) -> Key:
        return Key(":".join((f"{self.prefix}:{{{tag(thread)}}}:{kind.name}", *map(part, more))))

    def _of_bot(self, kind: KeyKind, *more: str) -> Key:
        return Key(":".join((f"{self.prefix}:{kind.name}", *map(part, more))))

    def _of_workspace(self, kind: KeyKind, workspace: str) -> Key:
        return self._of_bucket(kind, workspace) if self.spread else self._of_bot(kind, workspace)

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


class Requested(NamedTuple):
    """The two keys of an approval."""

    approval: Key
    ask: Key


@lru_cache(maxsize=4096)
def _requested(keys: Keys, thread: str, approval: str) -> Requested:
    return Requested(keys.approval(thread, approval), keys.ask(thread, approval))


@lru_cache(maxsize=4096)
def tag(thread: str) -> str:
    """Escape a thread's id for the hash tag. Two ids never share a tag; `thread_of` gives the id back."""
    return quote(thread, safe="!#$&'()*+,/:;<=>?@[]^|", errors="surrogatepass") or "%"


@lru_cache(maxsize=1)
def _work_parts() -> tuple[str, ...]:
    """Give the hash tag of each part of the index of work: of each range of slots, the first number in it."""
    size = SLOTS // WORK_PARTS
    tags: dict[int, str] = {}
    for number in map(str, itertools.count()):
        tags.setdefault(key_slot(number.encode()) // size, number)
        if len(tags) == WORK_PARTS:
            return tuple(tags[part] for part in range(WORK_PARTS))
    raise AssertionError("each range has a number")


@lru_cache(maxsize=4096)
def _work_part(thread: str) -> str:
    slot = key_slot(tag(thread).encode())
    return _work_parts()[slot // (SLOTS // WORK_PARTS)]


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
