"""Asks and decisions: the one form of every interrupt and of its answer.

Every interrupt, whatever its dialect, becomes one `Ask` of one or more `Action`s; every answer becomes one `Decision`
for each action. So approvals, cards and policies know one form only, and a dialect (`adapters.langgraph.dialects`) is a
pair of functions: payload -> Ask, and Ask + Decisions -> resume value.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from engine.authority.policy import Subject

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class Kind(StrEnum):
    """The kind of an ask; it chooses the card's words and the default policy, never the resume value."""

    TOOL_CALL = "tool_call"
    """One or several tool calls, each to be decided."""
    APPROVAL = "approval"
    """Approve or reject what is shown."""
    TEXT = "text"
    """A text to review and perhaps to change."""
    QUESTION = "question"
    """Answered in words, in the conversation."""
    FORM = "form"
    """Answered by values that fit a schema."""
    PAYLOAD = "payload"
    """Anything else: shown field by field."""
    BREAKPOINT = "breakpoint"
    """The graph waits before or after a node, and asks nothing itself."""
    NOTICE = "notice"
    """The agent tells something, and there is nothing to decide."""
    FAILURE = "failure"
    """The graph failed: run it again, or leave it."""


_SUBJECTS = {Kind.FAILURE: Subject.FAILURE, Kind.NOTICE: Subject.NOTICE}


class Choice(StrEnum):
    """The choices that a person has about an action."""

    APPROVE = "approve"
    EDIT = "edit"
    """Approve with a changed value."""
    REJECT = "reject"
    ANSWER = "answer"
    """Words (`Decision.text`), or for a form values (`Decision.value`)."""
    SKIP = "skip"
    """Go past the node that waits, without running it."""
    REDO = "redo"
    """Drop the answers that made the graph fail, and let it ask again."""
    OPTION = "option"
    """One of the node's own choices: `Decision.option` names it."""


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of the node's own, such as "revise" or "escalate".

    `word` is the node's word for it, unique within an action; `asks_for` is the node's name for the text that goes with
    it ("feedback"), "" if there is none. Both are untrusted.
    """

    word: str
    asks_for: str = ""

    @property
    def takes_words(self) -> bool:
        """True if the node takes a person's text with it."""
        return self.asks_for != ""


MOST_OPTIONS = 20
"""The most options of one action: nobody reads a longer menu."""


class KnownBy(StrEnum):
    """The source that says which value each choice sends, in the order of trust."""

    RULE = "rule"
    """An entry of `answers:` in app.yaml."""
    LIBRARY = "library"
    """A library defines the payload and its answers, or LangGraph what continuing past a breakpoint does."""
    SCHEMA = "schema"
    """The interrupt came with a `response_schema`."""
    CODE = "code"
    """The node's code shows what it does with each answer."""
    HINT = "hint"
    """The payload looks as in LangGraph's documentation, and no code that was read contradicts it."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to decide: a tool call, a text, a question.

    `name` is the tool's name, or a few words for the value; `value` is shown and can be edited (a tool call's arguments
    are an object); `schema` is the JSON Schema of an edited value or a form's answer, None if none is known.
    `reject_stops`: the graph has no answer that means no, so a rejection is not sent to it, and ends the run.
    `reason_unsent`: what a rejection sends has no place for its reason, which stays on the card and in the audit.

    `options` are the node's own choices, offered by `Choice.OPTION`. `own_words` has the node's word for a choice, by
    the choice's value, if it is not the one on our button.
    """

    name: str
    value: Json
    choices: tuple[Choice, ...]
    description: str = ""
    schema: Mapping[str, Json] | None = None
    reject_stops: bool = False
    reason_unsent: bool = False
    options: tuple[Option, ...] = ()
    own_words: Mapping[str, str] | None = None

    def option(self, index: int | None) -> Option | None:
        """The option at an index; None if there is none."""
        return self.options[index] if index is not None and 0 <= index < len(self.options) else None


@dataclass(frozen=True, slots=True)
class Ask:
    """One interrupt in Signoff's form.

    `dialect` names the module that made it and encodes its answer; `speaker` is the agent or node that asks, "" if that
    is obvious; `payload` is the interrupt's value as JSON: the digest binds decisions to it, and the dialect may need
    it again. `verdict`: a form that approves or rejects something, so it is no mere question. `encoding` says how
    answers are sent if `answers:` in `app.yaml` says so; the digest binds it, so that a change of the file cannot turn
    one answer into another. `unguarded`: the graph runs elsewhere, so what it does cannot be compared with what was
    approved; the card says so. `caught`: a tool was about to run with something other than people decided, and failed.
    `perhaps_done`: it was approved and begun before, and nobody knows whether it finished, so people check. `known_by`
    is the source of its choices; nothing that is sent depends on it.
    """

    dialect: str
    kind: Kind
    prompt: str
    actions: tuple[Action, ...]
    payload: Json
    speaker: str = ""
    verdict: bool = False
    encoding: Json = None
    unguarded: bool = False
    caught: bool = False
    perhaps_done: bool = False
    known_by: KnownBy = KnownBy.HINT

    def __post_init__(self) -> None:
        if not self.actions:
            raise ValueError("an ask has at least one action")

    @property
    def is_question(self) -> bool:
        """True if the requester answers it, rather than approvers deciding it."""
        return self.kind in (Kind.QUESTION, Kind.FORM) and not self.verdict

    @property
    def subject(self) -> Subject:
        """The kind of decision that it needs."""
        if self.kind in _SUBJECTS:
            return _SUBJECTS[self.kind]
        return Subject.QUESTION if self.is_question else Subject.REQUEST

    @property
    def is_the_requesters(self) -> bool:
        """True for questions, failures and notices: no rule governs them except rules for questions."""
        return self.is_question or self.kind in _SUBJECTS

    @property
    def is_withdrawable(self) -> bool:
        """True if its requester can withdraw it: failures and notices ask for nothing."""
        return self.kind not in _SUBJECTS

    @property
    def holds(self) -> bool:
        """True if new input has to wait until it is decided: it would void a question, but gets past a failure."""
        return self.kind is not Kind.FAILURE

    @property
    def may_recur(self) -> bool:
        """True if the graph may pause here again, at the same checkpoint, after it was told to continue."""
        return self.kind in (Kind.BREAKPOINT, Kind.FAILURE)


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision about one action.

    `value` is the new value of an EDIT, the edited value under an OPTION, or the values of a form's ANSWER; `text` is a
    rejection's reason, an answer's words, or the text of an option; `option` is the word of an OPTION.
    """

    choice: Choice
    value: Json = field(default=None)
    text: str = ""
    option: str = ""


@dataclass(frozen=True, slots=True)
class ValueProblem:
    """A reason why a value cannot be sent to the graph. `path` names the field, `()` the entire value."""

    path: tuple[str | int, ...]
    sentence: str


LEAST_INTEGER, MOST_INTEGER = -(2**63), 2**64 - 1
DEEPEST = 100
"""The deepest nesting that is shown and passed on."""


def is_storable(value: Json) -> bool:
    """True if a checkpoint stores a number exactly: integers of 64 bits, and every float."""
    return not isinstance(value, int) or LEAST_INTEGER <= value <= MOST_INTEGER


def unstorable(value: Json, path: tuple[str | int, ...] = ()) -> Iterator[ValueProblem]:
    """Yield the parts of a value that a checkpoint (MessagePack) or a LangGraph Server (JSON) would change."""
    if len(path) > DEEPEST:
        yield ValueProblem(path, f"This is nested more than {DEEPEST} levels deep.")
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from unstorable(name, (*path, name))
            yield from unstorable(each, (*path, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from unstorable(each, (*path, index))
    elif isinstance(value, str) and not _is_unicode(value):
        yield ValueProblem(path, "This holds half of a character (a lone surrogate), which cannot be stored.")
    elif not is_storable(value):
        yield ValueProblem(
            path, f"This number is too large: whole numbers go from {LEAST_INTEGER:,} to {MOST_INTEGER:,}."
        )


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= each <= "\udfff" for each in text)


def canonical(value: Json) -> str:
    """Spell a JSON value in the one canonical way: sorted keys, no spaces."""
    return _CANONICAL.encode(value)


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
"""Made once: `json.dumps` makes an encoder for each value."""


MOST_BYTES = 5_000_000
"""The largest payload, as canonical JSON; a state at a breakpoint is a payload, too."""


def size_of(ask: Ask) -> int:
    """Count the bytes of an ask as `MOST_BYTES` does."""
    return len(canonical(ask.payload).encode("utf-8", "surrogatepass"))


def digest_of(ask: Ask, fingerprint: str) -> str:
    """Make the hash that binds a decision to what was shown (P4).

    `fingerprint` stands for the graph's code, so that people are asked again if the graph changed while it waited: see
    `fingerprint` in `adapters.langgraph.in_process.graphs`.
    """
    shown = canonical([ask.dialect, ask.payload, [[action.name, action.value] for action in ask.actions]])
    if ask.encoding is not None:
        shown += canonical(ask.encoding)
    return hashlib.sha256(f"{fingerprint}\n{shown}".encode("utf-8", "surrogatepass")).hexdigest()
