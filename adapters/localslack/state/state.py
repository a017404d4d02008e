"""The stored state of the workspace: people, channels, messages, files, home tabs.

Messages are kept as Slack's own JSON, indexed by (channel, ts), and changed only by storing a complete new
one. Every change is one journal record, and `apply` is the only code that changes state: a restart replays the same
records. Ephemeral messages and open modals are not kept, as in Slack.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from adapters.localslack.state import ids, roster
from adapters.localslack.state.journal import Journal, Record
from adapters.localslack.state.roster import Member, PeopleFile, UserGroup

Json = dict[str, Any]
Kind = Literal["channel", "private", "dm"]

BROADCAST = "thread_broadcast"
"""The subtype of a thread's reply that stands in its channel, too."""
_VERSIONS = 8  # earlier versions of a message's blocks, for clicks from a page that has not redrawn yet


@dataclass(slots=True)
class Channel:
    """A channel or direct message with its messages by `ts`."""

    id: str
    name: str
    kind: Kind
    members: set[str]
    messages: dict[str, Json] = field(default_factory=dict)
    roots: list[str] = field(default_factory=list)
    replies: dict[str, list[str]] = field(default_factory=dict)
    ephemeral: dict[str, tuple[str, Json]] = field(default_factory=dict)
    versions: dict[str, deque[list[Json]]] = field(default_factory=dict)
    sessions: dict[str, Json] = field(default_factory=dict)
    """The agent's sessions by their threads, until the workspace restarts."""
    shared: bool = False
    archived: bool = False
    changed: bool = False
    """True if it differs from the roster's entry."""

    def thread(self, ts: str) -> list[Json]:
        """List a thread's root and replies, oldest first."""
        return [self.messages[each] for each in (ts, *self.replies.get(ts, ())) if each in self.messages]

    def count_replies(self, ts: str) -> None:
        """Update the reply counts of a thread's root; they are derived from the replies and not recorded."""
        root, replies = self.messages.get(ts), self.replies[ts]
        if root is None or not replies:
            return
        latest = self.messages[replies[-1]]
        users = root.get("reply_users", [])
        users = users if latest["user"] in users else [*users, latest["user"]]
        self.messages[ts] = root | {
            "thread_ts": ts,
            "reply_count": len(replies),
            "reply_users": users,
            "reply_users_count": len(users),
            "latest_reply": latest["ts"],
            "is_locked": False,
        }

    def between(self, oldest: str, latest: str) -> list[Json]:
        """List root messages with oldest <= ts <= latest, oldest first."""
        found = self.roots[bisect_left(self.roots, oldest) :]
        return [self.messages[ts] for ts in found if ts <= latest]


class WorkspaceState:
    """The workspace's memory. `on_change` is called after each change, with the channel's id or None."""

    def __init__(self, people: PeopleFile, journal: Journal, *, bot_name: str, base: str) -> None:
        self.base = base
        self.journal = journal
        self.times = ids.Timestamps()
        self.team = ids.named("T", roster.HOME_TEAM)
        self.app_id = ids.named("A", bot_name)
        self.bot_id = ids.named("B", bot_name)
        self.bot = Member(ids.named("U", bot_name), bot_name, bot_name.title(), "", self.team, bot=True)
        self.people = {each.id: each for each in map(roster.person, people.people)}
        by_name = {each.name: each.id for each in self.people.values()}
        self.groups = {each.id: each for each in (roster.group(entry, by_name) for entry in people.groups)}
        self.purposes = people.purposes
        self.channels = {each.id: each for each in self._channels(people)}
        self._dropped: set[str] = set()
        self._changed: set[str] = set()  # people and groups that differ from the roster's entries
        self.files: dict[str, Json] = {}
        self.homes: dict[str, Json] = {}
        self.response_uses: dict[str, int] = {}
        self.on_change: list[Callable[[], None]] = []
        self._names = {each.name: each for each in self.everybody()} | {each.id: each for each in self.everybody()}
        journal.load(self.apply, self.snapshot)

    def everybody(self) -> Iterator[Member]:
        """Yield the people, then the bot."""
        yield from self.people.values()
        yield self.bot

    def find_person(self, who: str) -> Member | None:
        """Find a person by id, name or @name."""
        return self._names.get(who.removeprefix("@")) or self._names.get(who.removeprefix("@").lower())

    def find_channel(self, where: str, person: Member | None = None) -> Channel | None:
        """Find a channel by id, name or #name; `dm` is the person's own with the bot."""
        if where.lower() == "dm" and person is not None:
            return self.channels.get(self.dm_id(person.id))
        name = where.removeprefix("#").lower()
        named = (each for each in self.channels.values() if each.kind != "dm" and each.name == name)
        return self.channels.get(where) or next(named, None)

    def find_group(self, which: str) -> UserGroup | None:
        """Find a user group by id, handle or @handle."""
        handle = which.removeprefix("@").lower()
        return self.groups.get(which) or next((each for each in self.groups.values() if each.handle == handle), None)

    def dm_id(self, user: str) -> str:
        """Return the id of a person's direct message channel with the bot."""
        return "D" + user[1:]

    def put_message(self, channel: Channel, message: Json) -> None:
        """Store a new message, or the new state of an old one."""
        self._record({"op": "message", "channel": channel.id, "message": message})

    def drop_message(self, channel: Channel, ts: str) -> None:
        """Delete a message."""
        self._record({"op": "drop", "channel": channel.id, "ts": ts})

    def put_channel(self, channel: Channel, **changes: Any) -> None:
        """Store a new channel, or what has changed of an old one; its messages are kept apart."""
        self._record(_as_record(channel) | changes)

    def drop_channel(self, channel: Channel) -> None:
        """Delete a channel with all its messages."""
        self._record({"op": "drop_channel", "channel": channel.id})

    def put_group(self, group: UserGroup) -> None:
        """Store a user group, new or changed."""
        self._record(_of_group(group))

    def put_person(self, person: Member) -> None:
        """Store a person's `deactivated` and `guest`; the roster's other fields stay."""
        self._record(_of_person(person))

    def put_file(self, file: Json) -> None:
        """Store a file's metadata; its bytes are in the data folder."""
        self._record({"op": "file", "file": file})

    def put_home(self, user: str, view: Json) -> None:
        """Store a person's home tab."""
        self._record({"op": "home", "user": user, "view": view})

    def use_response_url(self, key: str) -> None:
        """Count one use of a response_url."""
        self._record({"op": "used", "key": key, "uses": self.response_uses.get(key, 0) + 1})

    def put_ephemeral(self, channel: Channel, user: str, message: Json) -> None:
        """Show a message to one person, until the workspace restarts."""
        channel.ephemeral[message["ts"]] = (user, message)
        self.changed()

    def drop_ephemeral(self, channel: Channel, ts: str) -> None:
        """Remove an ephemeral message."""
        channel.ephemeral.pop(ts, None)
        self.changed()

    def changed(self) -> None:
        """Tell the watchers that visible state has changed."""
        for each in self.on_change:
            each()

    def apply(self, record: Record) -> None:
        """Apply one record to the state. Records of channels that the roster no longer has are skipped."""
        match record["op"]:
            case "message":
                self._rebase(record["message"].get("files", ()))
                if channel := self.channels.get(record["channel"]):
                    self._apply_message(channel, record["message"])
            case "drop":
                if channel := self.channels.get(record["channel"]):
                    _apply_drop(channel, record["ts"])
            case "channel":
                self._apply_channel(record)
            case "drop_channel":
                self.channels.pop(record["channel"], None)
                self._dropped.add(record["channel"])
            case "group":
                self._apply_group(record)
            case "person":
                self._apply_person(record)
            case "file":
                self._rebase([record["file"]])
                self.files[record["file"]["id"]] = record["file"]
            case "home":
                self.homes[record["user"]] = record["view"]
            case "used":
                self.response_uses[record["key"]] = record["uses"]

    def snapshot(self) -> Iterable[Record]:
        """Yield the records that rebuild this state."""
        yield from ({"op": "drop_channel", "channel": each} for each in self._dropped)
        for channel in self.channels.values():
            if channel.changed:
                yield _as_record(channel)
            for message in channel.messages.values():
                yield {"op": "message", "channel": channel.id, "message": message}
        yield from (_of_group(each) for each in self.groups.values() if each.id in self._changed)
        yield from (_of_person(each) for each in self.people.values() if each.id in self._changed)
        yield from ({"op": "file", "file": file} for file in self.files.values())
        yield from ({"op": "home", "user": user, "view": view} for user, view in self.homes.items())
        yield from ({"op": "used", "key": key, "uses": uses} for key, uses in self.response_uses.items())

    def _record(self, record: Record) -> None:
        self.journal.append(record)
        self.apply(record)
        self.changed()

    def _rebase(self, files: Iterable[Json]) -> None:
        """Rewrite the files' addresses for this run: the port may have changed since they were stored."""
        for file in files:
            for name in ("url_private", "url_private_download", "permalink"):
                file[name] = self.base + urlsplit(file[name]).path

    def _apply_channel(self, record: Record) -> None:
        new = Channel(record["channel"], record["name"], record["kind"], set())
        channel = self.channels.setdefault(new.id, new)
        channel.name, channel.archived, channel.changed = record["name"], record["archived"], True
        channel.members = set(record["members"])

    def _apply_group(self, record: Record) -> None:
        given = {name: value for name, value in record.items() if name not in ("op", "members")}
        members = tuple(each for each in record["members"] if each in self.people)
        self.groups[record["id"]] = UserGroup(**given, members=members)
        self._changed.add(record["id"])

    def _apply_person(self, record: Record) -> None:
        before = self.people.get(record["user"])
        if before is None:
            return
        person = replace(before, deactivated=record["deactivated"], guest=record["guest"])
        self.people[person.id] = self._names[person.id] = self._names[person.name] = person
        self._changed.add(person.id)

    def _apply_message(self, channel: Channel, message: Json) -> None:
        ts: str = message["ts"]
        before = channel.messages.get(ts)
        channel.messages[ts] = message
        if before is not None:
            if before.get("blocks") and before["blocks"] != message.get("blocks"):
                channel.versions.setdefault(ts, deque(maxlen=_VERSIONS)).append(before["blocks"])
            if message.get("subtype") == BROADCAST != before.get("subtype"):
                insort(channel.roots, ts)
            return
        self.times.seen(ts)
        root = message.get("thread_ts") or ts
        if root == ts or message.get("subtype") == BROADCAST:
            insort(channel.roots, ts)
        if root != ts:
            channel.replies.setdefault(root, []).append(ts)
            channel.count_replies(root)

    def _channels(self, people: PeopleFile) -> Iterator[Channel]:
        everybody = {each.name: each.id for each in self.people.values()}
        for entry in people.channels:
            members = {everybody[name] for name in entry.members or everybody} | ({self.bot.id} if entry.bot else set())
            yield Channel(
                id=entry.id or ids.named("C", entry.name),
                name=entry.name,
                kind="private" if entry.private else "channel",
                members=members,
                shared=any(self.people[each].stranger for each in members if each in self.people),
            )
        for user in self.people:
            yield Channel(self.dm_id(user), "dm", "dm", {user, self.bot.id})


def _as_record(channel: Channel) -> Record:
    members = sorted(channel.members)
    return {
        "op": "channel",
        "channel": channel.id,
        "name": channel.name,
        "kind": channel.kind,
        "archived": channel.archived,
        "members": members,
    }


def _of_group(group: UserGroup) -> Record:
    return {"op": "group", **asdict(group), "members": list(group.members)}


def _of_person(person: Member) -> Record:
    return {"op": "person", "user": person.id, "deactivated": person.deactivated, "guest": person.guest}


def _apply_drop(channel: Channel, ts: str) -> None:
    message = channel.messages.pop(ts, None)
    if message is None:
        return
    channel.versions.pop(ts, None)
    at = bisect_left(channel.roots, ts)
    if at < len(channel.roots) and channel.roots[at] == ts:
        del channel.roots[at]
    root = message.get("thread_ts", ts)
    if root != ts and ts in channel.replies.get(root, ()):
        channel.replies[root].remove(ts)
        channel.count_replies(root)
