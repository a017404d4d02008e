"""Values in `app.yaml`: durations, names, templates, each with the sentence for a wrong one."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeAlias, TypeVar
from zoneinfo import available_timezones

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from bot.config.problems import suggestion
from engine.asks import templates
from engine.asks.ask import Choice
from engine.asks.templates import TemplateError
from engine.authority.policy import OnExpiry

T = TypeVar("T")


class Strict(BaseModel):
    """An entry that refuses what it does not know. The docstring below a key describes it in the JSON Schema.

    An entry is built when one is first read, and its docstrings are read by `bot.config.schema` alone: with pydantic's
    `use_attribute_docstrings` each start would look through all of the source for them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


EMPTY = ("is empty", 'Give it a value, or remove the key. Quote what starts with #: "#name".')
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=3650)
DEFAULT_INPUT: JsonValue = {"messages": [{"role": "user", "content": "$text"}]}
"""The input of an agent. `$text`, `$user` and `$channel` are filled in."""

_PLACEHOLDERS = ("$text", "$user", "$channel")
_STATED = re.compile(r"\$fields\.[A-Za-z_]\w*")
_RUN_PLACEHOLDERS = ("$user", "$channel", "$thread")
_RESERVED = frozenset({"thread_id", "user_id", "run_id", "task_id", "assistant_id", "graph_id", "cron_id"})
_RESERVED_BEGINNINGS = ("__", "checkpoint_", "langgraph_", "signoff_")
"""Keys of a run's `configurable` that Signoff or LangGraph sets."""
CHANNEL = re.compile(r"#?[^\s#@,A-Z]{1,80}|[CGD][A-Z0-9]{6,}")
_PERSON = re.compile(r"@?[^\s@,<>]{1,80}|[^\s@,<>]{1,80}@[^\s@,<>]{1,160}")
AGENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")
_SPAN = re.compile(rf"({'|'.join(_DAYS)})-({'|'.join(_DAYS)})")
MINUTES_A_DAY = 24 * 60
_GRAPH = re.compile(r"[^:\s][^:]*:[A-Za-z_]\w*")


def wrong(what: str, fix: str, *at: str | int) -> PydanticCustomError:
    """An error with our own words. `{shown}` in `what` becomes the value as it is written; `at` is a key below."""
    return PydanticCustomError("signoff", "wrong", {"what": what, "fix": fix, "at": at})


def duration(value: object) -> timedelta:
    """Read `90s`, `10m`, `4h` or `30d`. Raises an error with our own words."""
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"(\d{1,9})([smhd])", value.strip(), re.ASCII) if isinstance(value, str) else None
    if match is None:
        raise wrong("{shown} is not a duration", "Write a number and a unit: 90s, 10m, 4h or 30d.")
    length = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if not timedelta() < length <= _LONGEST:
        raise wrong("{shown} is too short or too long", "Write at least 1s and at most 3650d.")
    return length


def _given(value: object) -> object:
    if value is None:
        raise wrong(*EMPTY)
    return value


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise wrong("{shown} is not a whole number", "Write a number, such as 2.")
    return value


def _on_expiry(value: object) -> object:
    match value:
        case "approve":
            fix = 'Write "reject", "escalate" or "fail".'
            raise wrong("silence never approves, so an expiry cannot approve", fix)
        case _:
            return value


def _person(value: str) -> str:
    if not _PERSON.fullmatch(value):
        raise wrong(
            "{shown} is not the name of a person", "Write a member's name, e-mail address or Slack id, such as alice."
        )
    return value.removeprefix("@")


def _channel(value: str) -> str:
    if not CHANNEL.fullmatch(value):
        raise wrong("{shown} is not a channel", 'Write its name as Slack shows it, in lower case: "#deploys".')
    return value if re.fullmatch(r"[CGD][A-Z0-9]{6,}", value) else f"#{value.removeprefix('#')}"


def _tool_pattern(value: str) -> str:
    if not re.fullmatch(r"\S{1,128}", value):
        raise wrong("{shown} is not the name of a tool", 'Write a name, where * stands for anything: "refund_*".')
    return value


def _graph(value: str) -> str:
    if not _GRAPH.fullmatch(value):
        fix = "Write file.py:name or package.module:name."
        raise wrong("{shown} does not say which object of which file is the graph", fix)
    return value


def expression(value: str, fix: str = "See https://jmespath.org; the default is messages[-1].content.") -> str:
    """Check that a text is JMESPath. Raises an error with our own words."""
    try:
        jmespath.compile(value)
    except JMESPathError as error:
        reason = str(error).partition("\n")[0].partition(":")[0]
        raise wrong(f"{{shown}} is not JMESPath ({reason})", fix) from None
    return value


def _template(value: JsonValue) -> JsonValue:
    for path, text in templates.texts(value):
        if _STATED.fullmatch(text) and not any(isinstance(each, int) for each in path):
            if not text.removeprefix("$fields.").strip("_"):
                what = "a name of underscores alone cannot be given in a message"
                raise wrong(what, "Write amount: $fields.amount.", *path)
            continue
        if re.search(r"(?<!\$)\$fields\b", text):
            raise wrong(
                "$fields.NAME has to stand alone, as the value of a key", "Write amount: $fields.amount.", *path
            )
        _check_words(text, _PLACEHOLDERS, *path)
    return value


def states_fields(value: JsonValue) -> bool:
    """Tell whether an `input:` has values that a message says itself."""
    return any(_STATED.fullmatch(text) for _, text in templates.texts(value))


def _of_run(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    _check_words(value, _RUN_PLACEHOLDERS)
    for path, key in templates.keys(value):
        if f"${key.removeprefix('$')}" in _RUN_PLACEHOLDERS and key.startswith("$"):
            raise wrong(f"{key} is a key, and keys are passed as they are", "Put the word into a value.", *path)
    return value


def _configurable(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    for key in value:
        if is_reserved(key):
            fix = "Use another name. The person who asked is in user_id and langgraph_auth_user already."
            raise wrong(f"{key} is set by Signoff or LangGraph", fix, key)
    return value


def is_reserved(key: str) -> bool:
    """Tell whether Signoff or LangGraph sets this key of a run's `configurable`."""
    return key in _RESERVED or key.startswith(_RESERVED_BEGINNINGS)


def _check_words(value: JsonValue, known: Sequence[str], *at: str | int) -> None:
    for path, text in templates.texts(value):
        for word in re.findall(r"\$(\$|[A-Za-z_]\w*)", text):
            if word != "$" and f"${word}" not in known:
                fix = suggestion(f"${word}", known, f"For a dollar sign write $$: $${word}. Known: {', '.join(known)}.")
                raise wrong(f"${word} is not known here", fix, *at, *path)


def _sent(value: JsonValue) -> JsonValue:
    for path, text in templates.texts(value):
        try:
            templates.parsed(text)
        except TemplateError as error:
            near = suggestion(error.word, [f"${each}" for each in templates.WORDS], error.fix) if error.word else ""
            raise wrong(error.what, near or error.fix, *path) from None
    for path, key in templates.keys(value):
        if _holds_word(key):
            raise wrong(f"{key} is a key, and keys are sent as they are", "Put the word into a value.", *path)
    return value


def _holds_word(key: str) -> bool:
    """True if a key is meant to be filled in: `$ref` and the like are other people's words."""
    return any(found in templates.WORDS for found in re.findall(r"(?<!\$)\$([A-Za-z_]\w*)", key))


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise wrong("{shown} is not a time zone", suggestion(value, available_timezones(), "Write Europe/Berlin."))
    return value


def _days(value: object) -> object:
    """Read `mon-fri`, or a list of days; returns the numbers of `date.weekday`."""
    if isinstance(value, str) and (span := _SPAN.fullmatch(value.strip().lower())):
        first, last = _DAYS.index(span[1]), _DAYS.index(span[2])
        return frozenset((first + step) % len(_DAYS) for step in range((last - first) % len(_DAYS) + 1))
    names = [value] if isinstance(value, str) else value
    if isinstance(names, list) and names and all(isinstance(each, str) and each.lower() in _DAYS for each in names):
        return frozenset(_DAYS.index(each.lower()) for each in names)
    raise wrong("{shown} does not name days of the week", "Write mon-fri, or a list: [mon, tue, sat].")


def _minutes(value: object) -> object:
    """Read a wall clock, `09:00` to `24:00`, as minutes after midnight."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MINUTES_A_DAY:
        return value  # YAML 1.1 reads 9:00 as minutes: sixty to the hour
    match = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or (minutes := int(match[1]) * 60 + int(match[2])) > MINUTES_A_DAY:
        raise wrong("{shown} is not a time of day", 'Write it in quotes: "09:00".')
    return minutes


def _group(value: str) -> str:
    if not re.fullmatch(r"@?[^\s@,<>]{1,80}", value):
        raise wrong("{shown} is not the handle of a user group", "Write it as Slack shows it, such as payments.")
    return value.removeprefix("@")


def _source_name(value: str) -> str:
    if not AGENT_NAME.fullmatch(value):
        raise wrong("{shown} is not the name of an entry of oncall:", "Use letters, digits, - and _.")
    return value


def _times(value: object) -> object:
    return value if isinstance(value, list | tuple) else (duration(value),)


def _verdict(value: object) -> object:
    if value not in (Choice.APPROVE.value, Choice.REJECT.value):
        raise wrong("{shown} cannot be decided by a rule", "Write approve or reject.")
    return value


class _NeverEmpty:
    """In the JSON Schema, takes away the null that `_given` refuses."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        found = handler(core)
        filled = [each for each in found.pop("anyOf", []) if each != {"type": "null"}]
        return {**found, **filled[0]} if len(filled) == 1 else {**found, "anyOf": filled} if filled else found


def spelled_as(pattern: str, *examples: JsonValue) -> Any:
    """How text is spelled, for the JSON Schema: the validator beside it checks more, and words what is wrong."""
    return WithJsonSchema({"type": "string", "pattern": f"^({pattern})$", "examples": [*examples]})


Given = Annotated[T | None, BeforeValidator(_given), _NeverEmpty()]
"""A key that may be left out, but not left empty: `post_to: #ops` is empty to YAML, and must not be passed over."""

_DurationText: TypeAlias = Annotated[str, spelled_as(r"\d{1,9}[smhd]", "90s", "10m", "4h", "30d")]
_Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DaysText: TypeAlias = Annotated[str, spelled_as(f"{_SPAN.pattern}|{'|'.join(_DAYS)}", "mon-fri")]
_ClockText: TypeAlias = Annotated[str, spelled_as(_CLOCK.pattern, "09:00", "17:30", "24:00")]
_Minutes: TypeAlias = Annotated[int, Field(ge=0, le=MINUTES_A_DAY)]

Duration = Annotated[timedelta, BeforeValidator(duration, json_schema_input_type=_DurationText)]
Person = Annotated[str, AfterValidator(_person), spelled_as(_PERSON.pattern, "alice", "alice@example.com", "U024BE7LH")]
Channel = Annotated[str, AfterValidator(_channel), spelled_as(CHANNEL.pattern, "#deploys", "C024BE91L")]
ToolPattern = Annotated[str, AfterValidator(_tool_pattern), spelled_as(r"\S{1,128}", "refund_*", "deploy")]
GraphSpec = Annotated[str, AfterValidator(_graph), spelled_as(_GRAPH.pattern, "agent.py:graph", "my_agent.graph:make")]
Expression = Annotated[str, AfterValidator(expression), Field(examples=["messages[-1].content", "report"])]
Template = Annotated[
    JsonValue,
    AfterValidator(_template),
    Field(examples=[{"question": "$text"}, {"messages": [{"role": "user", "content": "$text"}]}]),
]
RunValues = Annotated[dict[str, JsonValue], AfterValidator(_of_run)]
Configurable = Annotated[RunValues, AfterValidator(_configurable)]
SentValue = Annotated[JsonValue, AfterValidator(_sent), Field(examples=["$text", {"type": "accept"}, True])]
Number = Annotated[int, BeforeValidator(_number)]
Outcome = Annotated[OnExpiry, BeforeValidator(_on_expiry)]
Times = Annotated[
    tuple[Duration, ...],
    BeforeValidator(_times, json_schema_input_type=_DurationText | tuple[_DurationText, ...]),
]
Zone = Annotated[str, AfterValidator(_zone), Field(examples=["Europe/Berlin", "UTC"])]
GroupHandle = Annotated[str, AfterValidator(_group), spelled_as(r"@?[^\s@,<>]{1,80}", "payments", "sre")]
SourceName = Annotated[str, AfterValidator(_source_name), spelled_as(AGENT_NAME.pattern, "ops")]
Quorum = Annotated[Number, Field(ge=1, examples=[2])]
Days = Annotated[frozenset[int], BeforeValidator(_days, json_schema_input_type=_DaysText | list[_Day])]
TimeOfDay = Annotated[int, BeforeValidator(_minutes, json_schema_input_type=_ClockText | _Minutes)]
Verdict = Annotated[Choice, BeforeValidator(_verdict, json_schema_input_type=Literal["approve", "reject"])]
