"""Names and times in sentences, as Slack's mrkdwn. Text that is not ours is escaped.

https://docs.slack.dev/messaging/formatting-message-text#escaping
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from engine.ids import UserId
from engine.sources import Origin, Source

SPOKEN: Mapping[Origin, str] = MappingProxyType(
    {Origin.GROUP: "members of @{}", Origin.ON_CALL: "the person on call ({})"}
)
"""The words for a group and for a schedule, around its name."""


def spoken(sources: Iterable[Source], words: Mapping[Origin, str] = SPOKEN) -> str:
    """Name the people of these sources in a stable order: `<@U1>, members of @payments and the person on call (pay)`.

    A group is named in plain words: a mention of it would notify all of its members.
    https://docs.slack.dev/messaging/formatting-message-text#mentioning-groups
    """
    sources = tuple(sources)
    named = sorted(f"<@{each.name}>" for each in sources if each.origin is Origin.USER)
    handles = sorted(each.label or each.name for each in sources if each.origin is Origin.GROUP)
    groups = [words[Origin.GROUP].format(escaped(each)) for each in handles]
    on_call = [words[Origin.ON_CALL].format(each.name) for each in sources if each.origin is Origin.ON_CALL]
    channel = ["any channel member"] * any(each.origin is Origin.CHANNEL for each in sources)
    requester = ["the requester"] * any(each.origin is Origin.REQUESTER for each in sources)
    return _joined([*named, *groups, *on_call, *channel, *requester])


def capitalized(sentence: str) -> str:
    """Capitalize the first letter."""
    return f"{sentence[:1].upper()}{sentence[1:]}"


def people(users: Iterable[UserId]) -> str:
    """List people in a stable order: `<@U1>, <@U2> and <@U3>`."""
    return _joined([f"<@{user}>" for user in sorted(users)])


def _joined(names: list[str]) -> str:
    if len(names) < 2:  # noqa: PLR2004 - one name needs no "and"
        return "".join(names) or "Nobody"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def when(at: datetime) -> str:
    """Write a time that Slack shows in each reader's zone, behind "on".

    https://docs.slack.dev/messaging/formatting-message-text#date-formatting
    """
    return _date(at, "on ")


def moment(at: datetime) -> str:
    """Write a time that follows a preposition: `by ...`."""
    return _date(at, "")


def _date(at: datetime, preposition: str) -> str:
    spoken = at.strftime("%Y-%m-%d at %H:%M UTC")
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} at {{time}}|{preposition}{spoken}>"


def escaped(text: str) -> str:
    """Escape text that is not ours, so that nothing in it is markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
