"""Typed text as Slack stores it: mentions resolved to ids, and the rich_text block that the client adds.

Source: https://docs.slack.dev/messaging/formatting-message-text
"""

import re

from adapters.localslack.state import ids
from adapters.localslack.state.state import Json, WorkspaceState

_MARKUP = re.compile(
    r"<@(?P<user>\w+)(?:\|[^>]*)?>|<#(?P<channel>\w+)(?:\|[^>]*)?>|<!(?P<range>here|channel|everyone)>"
    r"|<!subteam\^(?P<group>\w+)(?:\|[^>]*)?>"
)
_NAME = r"([a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)"
_AT = re.compile(rf"(?<![\w<])@{_NAME}", re.IGNORECASE)
_HASH = re.compile(rf"(?<![\w<&])#{_NAME}", re.IGNORECASE)


def resolve(text: str, state: WorkspaceState) -> str:
    """Escape typed text and turn `@name`, `@group` and `#channel` into markup; existing markup stays."""

    def person(found: re.Match[str]) -> str:
        if who := state.find_person(found[1]):
            return f"<@{who.id}>"
        group = state.find_group(found[1])
        return f"<!subteam^{group.id}>" if group and not group.deleted else found[0]

    def channel(found: re.Match[str]) -> str:
        where = state.find_channel(found[1])
        return f"<#{where.id}|{where.name}>" if where and where.kind != "dm" else found[0]

    def plain(part: str) -> str:
        escaped = part.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return _HASH.sub(channel, _AT.sub(person, escaped))

    pieces, end = [], 0
    for found in _MARKUP.finditer(text):
        pieces += [plain(text[end : found.start()]), found[0]]
        end = found.end()
    return "".join([*pieces, plain(text[end:])])


def block(text: str) -> Json:
    """Make the rich_text block of a resolved text."""
    elements: list[Json] = []
    end = 0
    for found in _MARKUP.finditer(text):
        elements += _words(text[end : found.start()])
        if found["user"]:
            elements.append({"type": "user", "user_id": found["user"]})
        elif found["channel"]:
            elements.append({"type": "channel", "channel_id": found["channel"]})
        elif found["group"]:
            elements.append({"type": "usergroup", "usergroup_id": found["group"]})
        else:
            elements.append({"type": "broadcast", "range": found["range"]})
        end = found.end()
    elements += _words(text[end:])
    section = {"type": "rich_text_section", "elements": elements}
    return {"type": "rich_text", "block_id": ids.short(), "elements": [section]}


def _words(text: str) -> list[Json]:
    plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return [{"type": "text", "text": plain}] if plain else []
