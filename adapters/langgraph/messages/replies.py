"""What an agent says in its conversation, picked from its state by `reply:`.

A message that an agent wrote is said once: its own id is the key, the same after a crash, at the next pause and in the
next process. What is no message has no id: then the turn and the words are the key, and while the graph waits, words
that stood in the state before the turn are no news.

While the graph waits, only an agent's words are a reply. A turn that ends is answered whatever it ends with:

| the turn ended with | then |
|---|---|
| words of an agent | those words |
| results of tools, as with `return_direct=True` | what the tools gave |
| a `structured_response` | its fields, a line each |
| a value that `reply:` picks | the value, readably |
| what a workflow of the functional API returned, where that has no messages | the value, readably |
| nothing that was not there before, or nothing in words | None: `bot.outbound.outbox` says that it is done |

Only what came after the person's last message is looked at, so neither that nor an earlier turn is repeated. Teams of
agents pass on each other's words as messages of the role `user` with the agent's name: such a message is the agent's. A
person's message has no name, unless `input:` gives it one.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jmespath

from adapters.langgraph.dialects.to_json import plain
from engine.asks.ask import Json, canonical
from engine.ids import ThreadId
from engine.ports import Reply

DEFAULT = "messages[-1].content"
STRUCTURED = "structured_response"
"""Where `create_agent(response_format=...)` puts its result."""
_CONTENT, _LAST = ".content", "[-1]"
_AGENT = frozenset({"ai", "AIMessageChunk", "assistant"})
_PERSON = frozenset({"human", "HumanMessageChunk", "user"})
_TOOL = frozenset({"tool", "ToolMessageChunk", "function"})


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the state says: the words, who says them, and the message's id where it is a message that has one."""

    text: str
    speaker: str = ""
    message: str = ""

    @property
    def mark(self) -> str:
        """A short hash of what tells it from anything else that is said: the message's id, or the words."""
        return hashlib.sha256((self.message or self.text).encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Replies:
    """`expression` is JMESPath over the state. Raises ValueError where it is not."""

    expression: str = DEFAULT
    returned: bool = False
    """Whether the state is what a workflow of the functional API returned: its whole answer."""
    people_have_names: bool = False
    """Whether `input:` gives a person's message a name."""
    _whole: Any = field(init=False, repr=False)
    _parent: Any = field(init=False, repr=False)
    _talk: Any = field(init=False, repr=False)
    """The messages of which `expression` is the last one's content, where it is one's."""

    def __post_init__(self) -> None:
        parent = self.expression.removesuffix(_CONTENT) if self.expression.endswith(_CONTENT) else ""
        talk = parent.removesuffix(_LAST) if parent.endswith(_LAST) else ""
        try:
            object.__setattr__(self, "_whole", jmespath.compile(self.expression))
            object.__setattr__(self, "_parent", jmespath.compile(parent) if parent else None)
            object.__setattr__(self, "_talk", jmespath.compile(talk) if talk else None)
        except jmespath.exceptions.JMESPathError as error:
            raise ValueError(f"reply: {self.expression!r} is not JMESPath: {str(error).splitlines()[0]}") from error

    def said(self, values: Any) -> Utterance | None:
        """What an agent says in the state while the graph waits, if it says anything."""
        state = self._as_json(values)
        parent = self._search(self._parent, state) if self._parent is not None else None
        if isinstance(parent, dict) and (role := _role(parent)):
            is_agents = role in _AGENT or (role in _PERSON and not self._is_persons(parent))
            return _of_message(parent) if is_agents else None
        value = self._search(self._whole, state)
        return None if isinstance(value, bool | int | float) else _said(value)  # a counter or a flag is no remark

    def ending(self, values: Any) -> Utterance | None:
        """What a turn that is over ended with, if that can be said."""
        if self._talk is None:
            value = self._search(self._whole, self._as_json(values))
            return None if isinstance(value, dict) and _role(value) in _PERSON else _said(value)
        if self.returned and self.expression == DEFAULT and _messages_of(values) is None:
            return _said(plain(values).value)
        latest = self._since_a_person_spoke(values)
        said = _last_word(latest)
        structured = plain(values.get(STRUCTURED)).value if isinstance(values, Mapping) else None
        if structured is None or (said is not None and latest and not _spells(latest[-1], said)):
            return said
        known = latest[-1].get("id") if latest else None
        return Utterance(_readable(structured), message=known if isinstance(known, str) else "")

    def reply(self, values: Any, thread: ThreadId, turn: str, before: str, prompts: Sequence[str]) -> Reply | None:
        """What is to be said while the graph asks `prompts`; `before` is as in `last_reply`."""
        said = self.said(values)
        if said is None or said.mark == before or said.text.strip() in {prompt.strip() for prompt in prompts}:
            return None
        return _reply(said, thread, turn)

    def last_reply(self, values: Any, thread: ThreadId, turn: str, before: str) -> Reply | None:
        """What is to be said at a turn's end; `before` is the mark of what stood there before the turn.

        The same words may well be the answer once more, the same message may not.
        """
        said = self.ending(values)
        return None if said is None or (said.message and said.mark == before) else _reply(said, thread, turn)

    def _since_a_person_spoke(self, values: Any) -> list[Mapping[str, Json]]:
        """The messages after the last one of a person, in their order; only these need to become JSON."""
        direct = self.expression == DEFAULT
        talk = _messages_of(values) if direct else self._search(self._talk, plain(values).value)
        latest: list[Mapping[str, Json]] = []
        for each in reversed(talk) if isinstance(talk, list | tuple) else ():
            message = plain(each).value
            if not isinstance(message, dict) or self._is_persons(message):
                break
            latest.insert(0, message)
        return latest

    def _is_persons(self, message: Mapping[str, Json]) -> bool:
        name = message.get("name")
        named = isinstance(name, str) and name != "" and name not in _PERSON
        return _role(message) in _PERSON and (self.people_have_names or not named)

    def _as_json(self, values: Any) -> Json:
        if self.expression == DEFAULT and isinstance(values, Mapping):
            # The last message is all that is looked at: the others need not become JSON.
            messages = values.get("messages")
            return {"messages": plain(list(messages[-1:])).value} if isinstance(messages, list | tuple) else {}
        return plain(values).value

    @staticmethod
    def _search(expression: Any, state: Json) -> Json:
        try:
            return expression.search(state)  # type: ignore[no-any-return]
        except jmespath.exceptions.JMESPathError:
            return None  # a function on a value of another type


def _reply(said: Utterance, thread: ThreadId, turn: str) -> Reply:
    return Reply(said.text, f"{thread}/{said.message or f'{turn}/{said.mark}'}", said.speaker)


def _messages_of(values: Any) -> Sequence[Any] | None:
    """The messages of a state, or those that a workflow returned: several, or one; None where there are none."""
    if isinstance(values, Mapping) and ("messages" in values or "content" not in values):
        found = values.get("messages")
        return found if isinstance(found, list | tuple) else None
    several = values if isinstance(values, list | tuple) else [values]
    shown = [plain(each).value for each in several[-1:]]
    return several if any(isinstance(each, dict) and _role(each) for each in shown) else None


def _role(message: Mapping[str, Json]) -> str:
    role = message.get("type") or message.get("role")
    return role if isinstance(role, str) else ""


def _of_message(message: Mapping[str, Json]) -> Utterance | None:
    text = _content(message)
    name, known = message.get("name"), message.get("id")
    speaker = name if isinstance(name, str) else ""
    return Utterance(text, speaker, known if isinstance(known, str) else "") if text.strip() else None


def _content(message: Mapping[str, Json]) -> str:
    """A message's words: https://docs.langchain.com/oss/python/langchain/messages#message-content."""
    content = message.get("content")
    found = words_of(content)
    return found if found or not content or isinstance(content, list) else _readable(content)


def _last_word(messages: Sequence[Mapping[str, Json]]) -> Utterance | None:
    """The last message that has words: an agent's, or those of tools that ran side by side together."""
    for end in range(len(messages), 0, -1):
        role, text = _role(messages[end - 1]), _content(messages[end - 1]).strip()
        if text and (role in _AGENT or role in _PERSON):  # the person's own are not among them
            return _of_message(messages[end - 1])
        if text and role in _TOOL:
            return _of_tools(messages[:end])
    return None


def _of_tools(messages: Sequence[Mapping[str, Json]]) -> Utterance:
    """What the tools at the end gave, in the order of their calls."""
    begin = next((at for at in range(len(messages), 0, -1) if _role(messages[at - 1]) not in _TOOL), 0)
    known = messages[-1].get("id")
    text = "\n\n".join(words for each in messages[begin:] if (words := _content(each).strip()))
    return Utterance(text, message=known if isinstance(known, str) else "")


def _spells(message: Mapping[str, Json], said: Utterance) -> bool:
    """Whether the last message only stands for a structured response: a tool's note, no words, or the JSON of it."""
    if _role(message) not in _AGENT or not _content(message).strip():
        return True
    try:
        return isinstance(json.loads(said.text), dict | list)
    except (ValueError, RecursionError):
        return False


def words_of(content: Any) -> str:
    """The text of a message's content, as much of it as there is: "" for a tool call, or blocks that say nothing."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else ()
    return "".join(each if isinstance(each, str) else _block(each) or "" for each in blocks)


def _said(value: Json) -> Utterance | None:
    text = _readable(value)
    return Utterance(text) if text.strip() else None


def _readable(value: Json) -> str:
    """A value as an agent would write it, in Markdown; "" where it is empty."""
    match value:
        case None:
            return ""
        case bool():
            return "Yes" if value else "No"
        case str():
            return value
        case list():
            return _listed(value)
        case dict():
            return "\n".join(f"- **{name}:** {_in_a_line(each)}" for name, each in value.items())
        case _:
            return canonical(value)


def _listed(values: Sequence[Json]) -> str:
    """Blocks of a message's content say their text; anything else is a list."""
    if any(_block(each) is not None for each in values):
        return words_of(values)
    return "\n".join(f"- {_in_a_line(each)}" for each in values)


def _in_a_line(value: Json) -> str:
    """A field's value beside its name; what is nested is spelled as JSON."""
    if isinstance(value, list) and not any(isinstance(each, dict | list) for each in value):
        return ", ".join(map(_readable, value))
    return f"`{canonical(value)}`" if isinstance(value, dict | list) else _readable(value)


def _block(block: Json) -> str | None:
    """A block's text; "" for a block of another type (reasoning, a tool call); None where it is no block."""
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        return None
    text = block.get("text")
    return text if block["type"] == "text" and isinstance(text, str) else ""
