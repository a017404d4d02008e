"""Resolves the names of channels in `app.yaml`.

A name means the channel that had it when the bot first saw it. The channel's id is stored, so a rename is followed, at
once and at the next start. If another channel has the name now, the stored id still counts, and the bot warns:
approvals must not go to other people because somebody renamed a channel. To use the other channel, write its id.

If a channel is archived, or the bot is not in it, its agents and messages wait (`bot.outbound.posting`), and everything
else goes on. Nothing is posted elsewhere instead. Only a name that no channel has, or had when the bot looked, prevents
a start: it is a typing error.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from engine.ids import ChannelId
from engine.ports import ListedChannel


@dataclass(frozen=True, slots=True)
class ChannelNames:
    """The resolved names. A name that is in none of these is unknown.

    `closed` says why nothing can be posted in a channel, and `notes` what an operator should know of a name; both are
    phrases that follow the name.
    """

    ids: Mapping[str, ChannelId]
    closed: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    listed: tuple[str, ...] = ()
    """The names of all channels that the bot can see, `#` before each."""

    @property
    def memory(self) -> Mapping[str, ChannelId]:
        """Names to remember, as `bare` has them: those of the channels that the bot can use."""
        return {bare(name): channel for name, channel in self.ids.items() if name not in self.closed}


def bare(name: str) -> str:
    """A name without `#`: both spellings mean the same."""
    return name.removeprefix("#")


def resolved(
    names: Collection[str], listed: Collection[ListedChannel], remembered: Mapping[str, ChannelId]
) -> ChannelNames:
    """Resolve names, among the channels that Slack lists and those that are remembered, by `bare` name."""
    by_id = {each.id: each for each in listed}
    by_name = {each.name: each for each in sorted(listed, key=lambda each: (each.member, not each.archived))}
    ids: dict[str, ChannelId] = {}
    closed: dict[str, str] = {}
    notes: dict[str, str] = {}
    for name in names:
        named = by_id.get(ChannelId(name)) or by_name.get(bare(name))
        before = remembered.get(bare(name))
        channel = before or (named.id if named else None)
        if channel is None:
            continue
        ids[name] = channel
        if why := _closed(by_id.get(channel)):
            closed[name] = why
        if note := _note(name, by_id.get(channel), named, channel):
            notes[name] = note
    return ChannelNames(ids, closed, notes, tuple(f"#{each.name}" for each in listed))


def _closed(channel: ListedChannel | None) -> str:
    if channel is None:
        return "was deleted, or it is private and the bot was removed from it"
    if channel.archived:
        return "is archived"
    return "" if channel.member else "does not have the bot as a member"


def _note(name: str, now: ListedChannel | None, named: ListedChannel | None, channel: ChannelId) -> str:
    if named is not None and named.id != channel:
        is_called = f", which is #{now.name} now" if now else ""
        return (
            f"is the name of another channel now ({named.id}); the bot stays with {channel}{is_called}. "
            "Write the id of the one that you mean"
        )
    if now is not None and name != now.id and bare(name) != now.name:
        return f"is called #{now.name} now, and the bot follows it. Write the new name, or the id {channel}"
    return ""
