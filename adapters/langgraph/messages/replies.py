"""The agent's words for its conversation, picked from its state by `reply:`.

A message that an agent wrote is posted once: its own id is the key, the same after a crash, at the next pause and in
the next process. Any other value has no id: then the turn and the words are the key, and while the graph waits, words
that were in the state before the turn are not posted again.

While the graph waits, only an agent's words are a reply. At the end of a turn:

| the turn ended with | the reply |
|---|---|
| words of an agent | those words |
| results of tools, as with `return_direct=True` | the results |
| a `structured_response` | its fields, a line each |
| a value that `reply:` picks | the value, readably |
| the return value of a workflow of the functional API, without messages | the value, readably |
| nothing new, or nothing in words | none: the bot says that the agent is done |

Where `input:` puts the person's words into the very field that `reply:` picks, they are no reply either, as long as the
graph writes no others there.

Only messages after the person's last one count, so neither that nor an earlier turn is repeated. Teams of agents pass
on each other's words as messages of the role `user` with the agent's name: such a message is the agent's. A person's
message has no name, unless `input:` gives it one.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jmespath

from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.messages.fields_read import fields_read
from engine.asks.ask import Json, canonical
from engine.ids import ThreadId
from engine.ports import Reply

DEFAULT = "messages[-1].content"
STRUCTURED = "structured_response"
"""The field in which `create_agent(response_format=...)` puts its result."""
_GIVEN = "given:"
"""Begins the mark of words that a person gave. Marks are stored data."""
_CONTENT, _LAST = ".content", "[-1]"
_AGENT = frozenset({"ai", "AIMessageChunk", "assistant"})
_PERSON = frozenset({"human", "HumanMessageChunk", "user"})
_TOOL = frozenset({"tool", "ToolMessageChunk", "function"})


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words in the state, their speaker, and the id of their message if it has one."""

    text: str
    speaker: str = ""
    message: str = ""

    @property
    def mark(self) -> str:
        """A short hash of the message's id, or of the words. It is stored data."""
        return hashlib.sha256((self.message or self.text).encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Replies:
    """Picks replies by `expression`, JMESPath over the state. Raises ValueError for another expression."""

    expression: str = DEFAULT
    returned: bool = False
    """True if the state is the return value of a workflow of the functional API."""
    people_have_names: bool = False
    """True if `input:` gives a person's message a name."""
    _value: Any = field(init=False, repr=False)
    _read: frozenset[str] | None = field(init=False, repr=False)
    """The fields of the state that `expression` reads; None if it may read any."""
    _parent: Any = field(init=False, repr=False)
    _messages: Any = field(init=False, repr=False)
    """The list of messages, if `expression` is the content of its last one."""

    def __post_init__(self) -> None:
        parent = self.expression.removesuffix(_CONTENT) if self.expression.endswith(_CONTENT) else ""
        messages = parent.removesuffix(_LAST) if parent.endswith(_LAST) else ""
        try:
            value = jmespath.compile(self.expression)
            object.__setattr__(self, "_value", value)
            object.__setattr__(self, "_read", fields_read(value))
            object.__setattr__(self, "_parent", jmespath.compile(parent) if parent else None)
            object.__setattr__(self, "_messages", jmespath.compile(messages) if messages else None)
        except jmespath.exceptions.JMESPathError as error:
            raise ValueError(f"reply: {self.expression!r} is not JMESPath: {str(error).splitlines()[0]}") from error

    def utterance(self, values: Any) -> Utterance | None:
        """Return the agent's words while the graph waits, if there are any."""
        state = self._as_json(values)
        parent = self._search(self._parent, state) if self._parent is not None else None
        if isinstance(parent, dict) and (role := _role(parent)):
            is_agents = role in _AGENT or (role in _PERSON and not self._is_persons(parent))
            return _utterance_in(parent) if is_agents else None
        value = self._search(self._value, state)
        return None if isinstance(value, bool | int | float) else _utterance_of(value)  # not a counter or a flag

    def last_utterance(self, values: Any) -> Utterance | None:
        """Return the words with which a turn ended, if there are any."""
        if self._messages is None:
            value = self._search(self._value, self._as_json(values))
            return None if isinstance(value, dict) and _role(value) in _PERSON else _utterance_of(value)
        if self.returned and self.expression == DEFAULT and _messages_of(values) is None:
            return _utterance_of(to_json(values).value)
        latest = self._since_a_person_spoke(values)
        said = _last_utterance(latest)
        structured = to_json(values.get(STRUCTURED)).value if isinstance(values, Mapping) else None
        if structured is None or (said is not None and latest and not _repeats_response(latest[-1], said)):
            return said
        known = latest[-1].get("id") if latest else None
        return Utterance(_readable(structured), message=known if isinstance(known, str) else "")

    def mark_before(self, given: Any, values: Any) -> str:
        """Return the mark of the words in the state as a turn begins: of its input, else of the state before it."""
        words = None if self._parent is not None or self.returned else self._search(self._value, given)
        if isinstance(words, str):
            return f"{_GIVEN}{Utterance(words).mark}"
        before = self.last_utterance(values) if values is not None else None
        return before.mark if before is not None else ""

    def reply(self, values: Any, thread: ThreadId, turn: str, before: str, prompts: Sequence[str]) -> Reply | None:
        """Return the reply to post while the graph asks `prompts`; `before` is as in `last_reply`."""
        said = self.utterance(values)
        shown = {prompt.strip() for prompt in prompts}
        if said is None or said.mark == before.removeprefix(_GIVEN) or said.text.strip() in shown:
            return None
        return _reply(said, thread, turn)

    def last_reply(self, values: Any, thread: ThreadId, turn: str, before: str) -> Reply | None:
        """Return the reply to post at the end of a turn; `before` is the mark of the words in the state before it.

        The same words may be the answer again, the same message is not.
        """
        said = self.last_utterance(values)
        if said is None or (said.message and said.mark == before) or f"{_GIVEN}{said.mark}" == before:
            return None
        return _reply(said, thread, turn)

    def _since_a_person_spoke(self, values: Any) -> list[Mapping[str, Json]]:
        """List the messages after a person's last one, in order; only these are converted to JSON."""
        direct = self.expression == DEFAULT
        messages = _messages_of(values) if direct else self._search(self._messages, self._as_json(values))
        latest: list[Mapping[str, Json]] = []
        for each in reversed(messages) if isinstance(messages, list | tuple) else ():
            message = to_json(each).value
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
            # Only the last message matters, so the others are not turned into JSON.
            messages = values.get("messages")
            return {"messages": to_json(list(messages[-1:])).value} if isinstance(messages, list | tuple) else {}
        if self._read is not None and isinstance(values, Mapping) and all(type(name) is str for name in values):
            values = {name: each for name, each in values.items() if name in self._read}
        return to_json(values).value

    @staticmethod
    def _search(expression: Any, state: Json) -> Json:
        try:
            return expression.search(state)  # type: ignore[no-any-return]
        except jmespath.exceptions.JMESPathError:
            return None  # a function on a value of another type


def _reply(said: Utterance, thread: ThreadId, turn: str) -> Reply:
    return Reply(said.text, f"{thread}/{said.message or f'{turn}/{said.mark}'}", said.speaker)


def _messages_of(values: Any) -> Sequence[Any] | None:
    """Return the messages of a state, or those that a workflow returned, several or one; None if there are none."""
    if isinstance(values, Mapping) and ("messages" in values or "content" not in values):
        found = values.get("messages")
        return found if isinstance(found, list | tuple) else None
    several = values if isinstance(values, list | tuple) else [values]
    shown = [to_json(each).value for each in several[-1:]]
    return several if any(isinstance(each, dict) and _role(each) for each in shown) else None


def _role(message: Mapping[str, Json]) -> str:
    role = message.get("type") or message.get("role")
    return role if isinstance(role, str) else ""


def _utterance_in(message: Mapping[str, Json]) -> Utterance | None:
    text = _content(message)
    name, known = message.get("name"), message.get("id")
    speaker = name if isinstance(name, str) else ""
    return Utterance(text, speaker, known if isinstance(known, str) else "") if text.strip() else None


def _content(message: Mapping[str, Json]) -> str:
    """Return a message's words: https://docs.langchain.com/oss/python/langchain/messages#message-content."""
    content = message.get("content")
    found = words_of(content)
    return found if found or not content or isinstance(content, list) else _readable(content)


def _last_utterance(messages: Sequence[Mapping[str, Json]]) -> Utterance | None:
    """Return the last message with words: an agent's, or the results of tools that ran side by side, joined."""
    for end in range(len(messages), 0, -1):
        role, text = _role(messages[end - 1]), _content(messages[end - 1]).strip()
        if text and (role in _AGENT or role in _PERSON):  # the person's own are not among them
            return _utterance_in(messages[end - 1])
        if text and role in _TOOL:
            return _results_of_tools(messages[:end])
    return None


def _results_of_tools(messages: Sequence[Mapping[str, Json]]) -> Utterance:
    """Join the results of the tools at the end, in the order of their calls."""
    begin = next((at for at in range(len(messages), 0, -1) if _role(messages[at - 1]) not in _TOOL), 0)
    known = messages[-1].get("id")
    text = "\n\n".join(_told(words) for each in messages[begin:] if (words := _content(each).strip()))
    return Utterance(text, message=known if isinstance(known, str) else "")


def _told(words: str) -> str:
    """Write a tool's result for people: LangGraph puts an object or a list into a message as JSON."""
    try:
        value = json.loads(words) if words[:1] in ("{", "[") else words
    except (ValueError, RecursionError):
        return words
    return _readable(value)


def _repeats_response(message: Mapping[str, Json], said: Utterance) -> bool:
    """Tell whether the last message only repeats a structured response: a tool's note, no words, or its JSON."""
    if _role(message) not in _AGENT or not _content(message).strip():
        return True
    try:
        return isinstance(json.loads(said.text), dict | list)
    except (ValueError, RecursionError):
        return False


def words_of(content: Any) -> str:
    """Return the text of a message's content; "" for a tool call, or for blocks without text."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else ()
    return "".join(each if isinstance(each, str) else _text_of_block(each) or "" for each in blocks)


def _utterance_of(value: Json) -> Utterance | None:
    text = _readable(value)
    return Utterance(text) if text.strip() else None


def _readable(value: Json) -> str:
    """Write a value in Markdown for people; "" for an empty one."""
    match value:
        case None:
            return ""
        case bool():
            return "Yes" if value else "No"
        case str():
            return value
        case list():
            return _list_of(value)
        case dict():
            return "\n".join(f"- **{name}:** {_on_one_line(each)}" for name, each in value.items())
        case _:
            return canonical(value)


def _list_of(values: Sequence[Json]) -> str:
    """Write the text of a message's blocks, or a list of other values."""
    if any(_text_of_block(each) is not None for each in values):
        return words_of(values)
    return "\n".join(f"- {_on_one_line(each)}" for each in values)


def _on_one_line(value: Json) -> str:
    """Write a field's value on one line; nested values as JSON."""
    if isinstance(value, list) and not any(isinstance(each, dict | list) for each in value):
        return ", ".join(map(_readable, value))
    return f"`{canonical(value)}`" if isinstance(value, dict | list) else _readable(value)


def _text_of_block(block: Json) -> str | None:
    """Return a block's text; "" for a block of another type (reasoning, a tool call); None for another value."""
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        return None
    text = block.get("text")
    return text if block["type"] == "text" and isinstance(text, str) else ""
