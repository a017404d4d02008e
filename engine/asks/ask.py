"""What a graph asks, and what a person decides about it.

Every interrupt, whatever its dialect, becomes one `Ask` of one or more `Action`s; every answer becomes one `Decision`
for each action. So the life of an approval, the cards and the policies know one shape only, and a dialect
(`adapters.langgraph.dialects`) is a pair of functions: payload -> Ask, and Ask + Decisions -> resume value.
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
    """What sort of thing is asked; it chooses the card's words and the default policy, never the resume value."""

    TOOL_CALL = "tool_call"
    """One or several tool calls, each to be decided."""
    APPROVAL = "approval"
    """Yes or no about what is shown."""
    TEXT = "text"
    """A text to review and perhaps to change."""
    QUESTION = "question"
    """Answered in words, in the conversation."""
    FORM = "form"
    """Answered by values that fit a schema."""
    PAYLOAD = "payload"
    """Anything else: shown field by field."""
    BREAKPOINT = "breakpoint"
    """The graph stands before or after a node, and asks nothing itself."""
    NOTICE = "notice"
    """It is told, and there is nothing to decide."""
    FAILURE = "failure"
    """The graph raised: run it again, or leave it."""


_SUBJECTS = {Kind.FAILURE: Subject.FAILURE, Kind.NOTICE: Subject.NOTICE}


class Choice(StrEnum):
    """What a person can do about an action."""

    APPROVE = "approve"
    EDIT = "edit"
    """Approve with a changed value."""
    REJECT = "reject"
    ANSWER = "answer"
    """Words (`Decision.text`), or for a form values (`Decision.value`)."""
    SKIP = "skip"
    """Go past the node that waits, without running it."""
    REDO = "redo"
    """Forget the answers that made the graph fail, and let it ask anew."""
    OPTION = "option"
    """One of the node's own further choices: `Decision.option` names it."""


@dataclass(frozen=True, slots=True)
class Option:
    """A further choice that a node has, such as "revise" or "escalate".

    `word` is the node's own word for it, and is unique within an action; `asks_for` is what the node calls the words
    that go with it ("feedback"), "" where none do. Both are untrusted.
    """

    word: str
    asks_for: str = ""

    @property
    def takes_words(self) -> bool:
        """Whether the node passes a person's words on with it."""
        return self.asks_for != ""


MOST_OPTIONS = 20
"""Further choices of one action: a menu of more would be read by nobody."""


class KnownBy(StrEnum):
    """What says which value each choice sends, in the order of trust."""

    RULE = "rule"
    """An entry of `answers:` in app.yaml."""
    LIBRARY = "library"
    """A library defines the payload and its answers, or LangGraph itself what going on past a breakpoint does."""
    SCHEMA = "schema"
    """The interrupt came with a `response_schema`."""
    CODE = "code"
    """The node's own code says what it does with each answer."""
    HINT = "hint"
    """The payload looks as in LangGraph's documentation, and no code that is known here contradicts it."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to decide: a tool call, a text, a question.

    `name` is the tool's name, or a few words of what the value is; `value` is what is shown and what an edit changes
    (a tool call's arguments are an object); `schema` is the JSON Schema that an edited value or a form's answer must
    fit, None where nothing is known of it. `reject_stops` is true where the graph knows no answer that means no: then a
    rejection is not sent to it, and ends the run. `reason_unsent` is true where what a rejection sends has no place for
    its reason: that stays on the card and in the audit.

    `options` are the node's further choices, offered by `Choice.OPTION`. `own_words` has the node's word for a choice,
    by the choice's value, where it is not the one on our button.
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
        """The further choice at a place; None where there is none."""
        return self.options[index] if index is not None and 0 <= index < len(self.options) else None


@dataclass(frozen=True, slots=True)
class Ask:
    """One interrupt in Signoff's words.

    `dialect` names who made it and can encode its answer; `speaker` is the agent or node that asks, "" where it goes
    without saying; `payload` is the interrupt's value as JSON, kept because the digest binds decisions to it and the
    dialect may need it again. `verdict` is true for a form that approves or refuses something: it is no mere question.
    `encoding` is how its answers are sent where `answers:` in `app.yaml` says so: kept here and bound by the digest, so
    that a change of the file cannot turn one answer into another. `unguarded` is true where the graph runs elsewhere,
    and what it does with an approval cannot be compared with what was approved: the card says so. `caught` is true for
    the failure of a tool that was about to run with something else than people decided. `perhaps_done` is true for what
    was approved and begun before, and whose end nobody knows: people look at it. `known_by` says what its choices were
    read from; nothing that is sent depends on it.
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
        """Whether it is answered by the person whose conversation it is, rather than decided by approvers."""
        return self.kind in (Kind.QUESTION, Kind.FORM) and not self.verdict

    @property
    def subject(self) -> Subject:
        """What whoever decides it decides."""
        if self.kind in _SUBJECTS:
            return _SUBJECTS[self.kind]
        return Subject.QUESTION if self.is_question else Subject.REQUEST

    @property
    def is_the_requesters(self) -> bool:
        """Whether no rule but one for questions governs it: a question, or a failure or notice: they decide nothing."""
        return self.is_question or self.kind in _SUBJECTS

    @property
    def is_withdrawable(self) -> bool:
        """Whether its requester can take it back: a failure and a notice ask for nothing."""
        return self.kind not in _SUBJECTS

    @property
    def holds(self) -> bool:
        """Whether new input has to wait until it is decided: it would void a question, but mends a failure."""
        return self.kind is not Kind.FAILURE

    @property
    def may_recur(self) -> bool:
        """Whether the graph may come to the same halt again, at the same checkpoint, after it was told to go on."""
        return self.kind in (Kind.BREAKPOINT, Kind.FAILURE)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about one action.

    `value` is the changed value of an EDIT, what had been changed before an OPTION, or the values of a form's ANSWER;
    `text` is a rejection's reason, an answer's words, or what was written with an option; `option` is the word of an
    OPTION.
    """

    choice: Choice
    value: Json = field(default=None)
    text: str = ""
    option: str = ""


@dataclass(frozen=True, slots=True)
class ValueProblem:
    """Why a value cannot be sent to the graph: `path` names the field, `()` the whole; `sentence` is for a person."""

    path: tuple[str | int, ...]
    sentence: str


LEAST_INTEGER, MOST_INTEGER = -(2**63), 2**64 - 1
DEEPEST = 100
"""Levels of nesting that are shown and passed on."""


def is_storable(value: Json) -> bool:
    """Whether a checkpoint holds a number exactly: integers of 64 bits, and every float."""
    return not isinstance(value, int) or LEAST_INTEGER <= value <= MOST_INTEGER


def unstorable(value: Json, path: tuple[str | int, ...] = ()) -> Iterator[ValueProblem]:
    """What neither a checkpoint (MessagePack) nor a LangGraph Server (JSON) would keep as it is."""
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
    """One spelling for each JSON value: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


MOST_BYTES = 5_000_000
"""The most that a payload may have, as canonical JSON: a state at a breakpoint is one too."""


def size_of(ask: Ask) -> int:
    """The bytes of what is asked, as `MOST_BYTES` counts them."""
    return len(canonical(ask.payload).encode("utf-8", "surrogatepass"))


def digest_of(ask: Ask, fingerprint: str) -> str:
    """The hash that binds a decision to what was shown (P4).

    `fingerprint` stands for the graph's own code, so that a graph that changed while it waited is asked again: see
    `fingerprint` in `adapters.langgraph.in_process.graphs`.
    """
    shown = canonical([ask.dialect, ask.payload, [[action.name, action.value] for action in ask.actions]])
    if ask.encoding is not None:
        shown += canonical(ask.encoding)
    return hashlib.sha256(f"{fingerprint}\n{shown}".encode("utf-8", "surrogatepass")).hexdigest()
