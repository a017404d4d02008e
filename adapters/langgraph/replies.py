"""What an agent says in its conversation, picked from its state by `reply:`.

A message that an agent wrote is said once: its own id is the key, the same after a crash, at the next pause and in the
next process. What is no message has no id: then the turn and the words are the key, and while the graph waits, words
that stood in the state before the turn are no news. A person's own message and a tool's result are not replies.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jmespath

from adapters.langgraph.plain import plain
from engine.ask import Json, canonical
from engine.ids import ThreadId
from engine.ports import Reply

DEFAULT = "messages[-1].content"
_CONTENT = ".content"
_AGENT = frozenset({"ai", "AIMessageChunk", "assistant"})


@dataclass(frozen=True, slots=True)
class Said:
    """What the state says: the words, who says them, and the message's id where it is a message that has one."""

    text: str
    speaker: str = ""
    message: str = ""

    @property
    def mark(self) -> str:
        """A short hash of the words."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Replies:
    """`expression` is JMESPath over the state. Raises ValueError where it is not."""

    expression: str = DEFAULT
    _whole: Any = field(init=False, repr=False)
    _parent: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parent = self.expression.removesuffix(_CONTENT) if self.expression.endswith(_CONTENT) else ""
        try:
            object.__setattr__(self, "_whole", jmespath.compile(self.expression))
            object.__setattr__(self, "_parent", jmespath.compile(parent) if parent else None)
        except jmespath.exceptions.JMESPathError as error:
            raise ValueError(f"reply: {self.expression!r} is not JMESPath: {str(error).splitlines()[0]}") from error

    def said(self, values: Any) -> Said | None:
        """What the state says, if it says anything."""
        state = self._as_json(values)
        parent = self._search(self._parent, state) if self._parent is not None else None
        if isinstance(parent, dict) and (role := parent.get("type") or parent.get("role")):
            return _of_message(parent) if role in _AGENT else None
        text = _words(self._search(self._whole, state))
        return Said(text) if text else None

    def reply(self, values: Any, thread: ThreadId, turn: str, before: str, prompts: Sequence[str]) -> Reply | None:
        """What is to be said now; `before` is what was said before the turn, `prompts` what is being asked."""
        said = self.said(values)
        if said is None or said.text.strip() in {prompt.strip() for prompt in prompts}:
            return None
        if said.message:
            return Reply(said.text, f"{thread}/{said.message}", said.speaker)
        if prompts and said.mark == before:
            return None
        return Reply(said.text, f"{thread}/{turn}/{said.mark}", said.speaker)

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


def _of_message(message: Mapping[str, Json]) -> Said | None:
    text = _words(message.get("content"))
    name, known = message.get("name"), message.get("id")
    speaker = name if isinstance(name, str) else ""
    return Said(text, speaker, known if isinstance(known, str) else "") if text.strip() else None


def words_of(content: Any) -> str:
    """The text of a message's content, as much of it as there is: "" for a tool call, or blocks that say nothing."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else ()
    return "".join(each if isinstance(each, str) else _block(each) or "" for each in blocks)


def _words(value: Json) -> str:
    """Text, or the text blocks of a message: https://docs.langchain.com/oss/python/langchain/messages#message-content."""
    if not value:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str | dict) for each in value):
        blocks = [each if isinstance(each, str) else _block(each) for each in value]
        if any(block is not None for block in blocks):
            return "".join(block for block in blocks if block)
    return canonical(value)


def _block(block: Json) -> str | None:
    """A block's text; "" for a block of another type (reasoning, a tool call); None where it is no block."""
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        return None
    text = block.get("text")
    return text if block["type"] == "text" and isinstance(text, str) else ""
