"""Entries of `app.yaml`, but for those of `approvals:` and `oncall:`.

Each agent and each rule is validated by itself, so that a mistake in one hides none in another: see
`bot.config.validation`.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainValidator, field_validator, model_validator

from bot.config.approvals import ApprovalEntry, times_fit
from bot.config.oncall import OnCallEntry
from bot.config.values import (
    AGENT_NAME,
    DEFAULT_INPUT,
    Channel,
    Configurable,
    Duration,
    Expression,
    Given,
    GraphSpec,
    Number,
    Person,
    RunValues,
    SentValue,
    Strict,
    Template,
    Times,
    ToolPattern,
    is_reserved,
    spelled_as,
    states_fields,
    wrong,
)
from engine.asks import templates
from engine.asks.ask import MOST_OPTIONS, Choice

M = TypeVar("M", bound=BaseModel)

_LONGEST_NAME = 75
"""Characters of a button in Slack."""


# Entries --------------------------------------------------------------------------------------------------------------


class Sends(Strict):
    """The effect of one choice on the graph: a resume value, an update of its state, or both."""

    resume: SentValue = None
    """The value with which the interrupt is resumed."""
    update: Annotated[dict[str, SentValue] | None, Field(min_length=1)] = Field(
        default=None, examples=[{"approved": True}]
    )
    """An update of the graph's state."""
    as_node: Given[str] = Field(default=None, examples=["review"])
    """The node in whose name the state is updated."""

    def words(self) -> Iterator[tuple[str, templates.PickPath, templates.Word]]:
        """Its placeholders, each with the part and the path where it is used."""
        for part in ("resume", "update"):
            for path, text in templates.texts(getattr(self, part)):
                yield from ((part, path, each) for each in templates.parsed(text) if not isinstance(each, str))


class WhenAsked(Strict):
    """The requests that an entry of `answers:` is for: the node (may hold `*`), and fields of the payload."""

    node: Given[str] = Field(default=None, examples=["review", "ask_*"])
    """The node that asks; `*` stands for anything."""
    payload: dict[str, JsonValue] = Field(default_factory=dict, examples=[{"type": "review"}])
    """Fields of what it asks, with their values."""


class AnswerEntry(Strict):
    """One entry of `answers:`: the choices that it has are offered, and no others."""

    when: WhenAsked = Field(default=WhenAsked(), examples=[{"node": "review"}])
    """The requests that this entry is for; left out, all."""
    ask: str = Field(default="", examples=["Publish this draft?"])
    """The sentence on the card; left out, the graph's own."""
    approve: Given[Sends] = Field(default=None, examples=[{"resume": "yes"}])
    """What Approve sends."""
    edit: Given[Sends] = Field(default=None, examples=[{"resume": "$value"}])
    """What Edit sends; `$value` is what was edited."""
    reject: Given[Sends] = Field(default=None, examples=[{"resume": "no"}])
    """What Reject sends; `$text` is the reason."""
    answer: Given[Sends] = Field(default=None, examples=[{"resume": "$text"}])
    """What a written answer sends; `$text` is the answer."""
    options: dict[str, Sends] = Field(default_factory=dict, examples=[{"Later": {"resume": "later"}}])
    """Further choices, by the labels of their buttons."""

    @property
    def choices(self) -> Mapping[Choice, Sends]:
        """The effect of each choice that is offered."""
        each = {Choice(name): getattr(self, name) for name in ("approve", "edit", "reject", "answer")}
        return {choice: sends for choice, sends in each.items() if sends is not None}

    @field_validator("options")
    @classmethod
    def _fit_buttons(cls, options: dict[str, Sends]) -> dict[str, Sends]:
        if any(not name.strip() or len(name) > _LONGEST_NAME for name in options):
            raise wrong("an option's name is the label of a button", f"Give it 1 to {_LONGEST_NAME} characters.")
        if len(options) > MOST_OPTIONS:
            raise wrong("these are too many options for a card", f"Keep {MOST_OPTIONS} or fewer.")
        return options

    @model_validator(mode="after")
    def _offers_something(self) -> Self:
        if not self.choices and not self.options:
            raise wrong(
                "this entry offers nothing", "Add approve, edit, reject, answer or options, with resume: or update:."
            )
        return self

    @model_validator(mode="after")
    def _words_stand_for_something(self) -> Self:
        worded: list[tuple[Choice, tuple[str, ...], Sends]]
        worded = [*((choice, (choice.value,), sends) for choice, sends in self.choices.items())]
        worded += [(Choice.OPTION, ("options", name), sends) for name, sends in self.options.items()]
        for choice, place, sends in worded:
            for part, path, word in sends.words():
                only = templates.choice_of(word)
                if only not in (None, choice):
                    raise wrong(f"{word} is known in {only} only", "Write $text, or a value.", *place, part, *path)
        return self

    @model_validator(mode="after")
    def _sends_what_was_edited(self) -> Self:
        if self.edit is not None and not any(word.name == "value" for _, _, word in self.edit.words()):
            raise wrong("nothing of what was edited is sent", "Write $value, or a field of it: $value.draft.", "edit")
        return self


class ServerEntry(Strict):
    """A LangGraph Server, and the assistant or graph on it. The key is a secret: write ${LANGGRAPH_API_KEY}."""

    url: Annotated[str, Field(pattern=r"^https?://\S+$", examples=["https://agents.example.com"])]
    """The address of the server."""
    assistant: Annotated[str, Field(min_length=1, examples=["agent"])]
    """An assistant's id, or the name of a graph on the server."""
    api_key: str | None = Field(default=None, repr=False, examples=["${LANGGRAPH_API_KEY}"])
    """The key of the server."""


class ResumeMode(StrEnum):
    """The time at which a graph gets the answers of parallel interrupts: each at once, or all when all are there."""

    EACH = "each"
    TOGETHER = "together"


class Agent(Strict):
    """One entry of `agents:`. Channels stay names here, `#deploys`, or Slack ids."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["graph"]}, {"required": ["server"]}]})

    graph: Given[GraphSpec] = None
    """The graph: file or module, and the name in it of a compiled graph, a builder or a factory."""
    server: Given[ServerEntry] = Field(
        default=None, examples=[{"url": "https://agents.example.com", "assistant": "agent"}]
    )
    """A graph on a LangGraph Server, in place of `graph`."""
    description: str = Field(default="", examples=["Ships and rolls back services"])
    """What the agent does, for people who choose one."""
    channels: tuple[Channel, ...] = ()
    """The channels in which the agent can be mentioned. Quote names that begin with #."""
    direct_messages: bool = False
    """True if direct messages to the bot go to this agent; one agent at most."""
    input: Template = DEFAULT_INPUT
    """The input of the graph: `$text` is what was written, `$user` and `$channel` are ids of Slack. `$fields.NAME` is a
    value that the message says itself: see docs/init.md."""
    context: Given[RunValues] = Field(default=None, repr=False, examples=[{"tenant": "acme", "user_id": "$user"}])
    """The context of each run, for the graph's `context_schema`. It may hold $user, $channel and $thread."""
    configurable: Configurable = Field(default_factory=dict, repr=False, examples=[{"model": "small"}])
    """More keys of `config["configurable"]`, in each run. It may hold $user, $channel and $thread."""
    reply: Expression = "messages[-1].content"
    """JMESPath that picks the reply out of the graph's final state."""
    answers: tuple[AnswerEntry, ...] = Field(
        default=(), examples=[[{"approve": {"resume": "yes"}, "reject": {"resume": "no"}}]]
    )
    """What each choice sends to a graph with conventions of its own."""
    resume: ResumeMode = ResumeMode.EACH
    """When the graph gets the answers of parallel interrupts: each at once, or all together."""
    interrupt_before: tuple[str, ...] = Field(default=(), examples=[["tools"]])
    """Nodes of the graph before which people decide; those that it was compiled with stay."""
    interrupt_after: tuple[str, ...] = Field(default=(), examples=[["plan"]])
    """Nodes of the graph after which people decide; those that it was compiled with stay."""
    gate_tools: tuple[ToolPattern, ...] = ()
    """Tools of the graph that a person decides on before they start; those of `defaults:` come on top."""
    time_limit: Duration = timedelta(hours=1)
    """Limit of one run, without the time that people take: one that hangs would hold up its conversation."""
    recursion_limit: Given[Annotated[Number, Field(ge=1, examples=[50])]] = None
    """LangGraph's limit of steps in one run; LangGraph's own if left out."""
    stream: bool = True
    """True if its words appear while it works. Off for one whose models write text that is not for the reader."""

    @model_validator(mode="after")
    def _runs_somewhere(self) -> Self:
        if self.graph is None and self.server is None:
            raise wrong("is missing", "Add graph: file.py:name.", "graph")
        if self.graph is not None and self.server is not None:
            raise wrong("an agent has a graph here or runs on a server, not both", "Keep graph or server.", "server")
        return self

    @model_validator(mode="after")
    def _gates_what_runs_here(self) -> Self:
        if self.server is not None and self.gate_tools:
            what = "tools on a LangGraph Server start there, where Signoff cannot stop them"
            fix = "Remove it, and name the steps that run tools: interrupt_before: [tools]. See docs/gates.md."
            raise wrong(what, fix, "gate_tools")
        return self

    @model_validator(mode="after")
    def _reads_fields_here(self) -> Self:
        if self.server is not None and states_fields(self.input):
            what = "the types of a graph's input are not known on a LangGraph Server, so no message is read for $fields"
            raise wrong(what, "Write $text, or a value.", "input")
        return self

    @model_validator(mode="after")
    def _fits_a_server(self) -> Self:
        for key, value in (self.context or {}).items() if self.server is not None else ():
            if is_reserved(key):
                raise wrong(f"a LangGraph Server sets {key} itself", "Use another name.", "context", key)
            if self.configurable.get(key, value) != value:
                what = f"a LangGraph Server passes context and configurable as one object, and both have {key}"
                raise wrong(what, "Keep one of the two.", "context", key)
        return self

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if not self.channels and not self.direct_messages:
            raise wrong("nobody can reach this agent", "Give it channels, or direct_messages: true.")
        if twice := next((name for name in self.channels if self.channels.count(name) > 1), None):
            raise wrong(f"{twice} is named twice", "Keep one of the two.", "channels")
        return self


class Defaults(Strict):
    """Settings of all agents."""

    gate_tools: tuple[ToolPattern, ...] = ()
    """Tools that a person decides on before they start, beside those of each agent."""
    expires_after: Given[Duration] = None
    """The time after which a request expires where no rule says otherwise."""
    remind_after: Times = ()
    """The times after which approvers are reminded where no rule says otherwise."""

    @model_validator(mode="after")
    def _times_fit(self) -> Self:
        times_fit(self.remind_after, self.expires_after)
        return self


class Mode(StrEnum):
    """The way in which Slack reaches the bot."""

    SOCKET = "socket"
    HTTP = "http"


class SlackEntry(Strict):
    """The connection to Slack. Without `mode`, Socket Mode where there is an app-level token, else HTTP."""

    mode: Given[Mode] = None
    """Socket Mode or HTTP; left out, Socket Mode where SLACK_APP_TOKEN is set."""


class Http(Strict):
    """The address that the bot listens on: for health and metrics, unless `health` says otherwise, and for Slack."""

    host: Annotated[str, Field(min_length=1, examples=["127.0.0.1"])] = "127.0.0.1"
    """The address that is listened on."""
    port: Annotated[Number, Field(ge=0, le=65535, examples=[8080])] = 8080
    """The port; 0 takes a free one."""


class Health(Http):
    """The address of health and metrics, apart from Slack's route."""

    port: Annotated[Number, Field(ge=0, le=65535, examples=[9090])]
    """The port; 0 takes a free one."""


def _one_by_one(model: type[BaseModel]) -> Any:
    """An entry that `bot.config.load` validates by itself; the JSON Schema has its keys."""
    return PlainValidator(lambda value: value, json_schema_input_type=model)


_AgentName = Annotated[str, spelled_as(AGENT_NAME.pattern, "deploy")]
_AGENTS = {"deploy": {"graph": "agent.py:graph", "channels": ["#deploys"]}}
_RULES = [{"when": {"agent": "deploy"}, "approvers": {"users": ["alice", "bob"]}}]
_SOURCES = {"ops": {"pagerduty": {"policy": "P123ABC", "token": "${PAGERDUTY_TOKEN}"}}}


class File(Strict):
    """The whole file; agents, rules and on-call sources are validated one by one."""

    agents: dict[_AgentName, Annotated[Any, _one_by_one(Agent)]] = Field(examples=[_AGENTS])
    """The agents by their names. Where several share a channel, the first word of a message names one."""
    project: Given[Path] = Field(default=None, examples=["langgraph.json"])
    """The `langgraph.json` of the graphs' project: its folders are importable, and its `env` is set."""
    approvals: tuple[Annotated[Any, _one_by_one(ApprovalEntry)], ...] = Field(default=(), examples=[_RULES])
    """Who decides. The first rule that matches a request wins."""
    defaults: Defaults = Field(default=Defaults(), examples=[{"expires_after": "4h", "remind_after": "30m"}])
    """Settings of all agents, and deadlines where no rule says otherwise."""
    oncall: dict[_AgentName, Annotated[Any, _one_by_one(OnCallEntry)]] = Field(
        default_factory=dict, examples=[_SOURCES]
    )
    """Sources of who is on call, by the names that rules use."""
    people: dict[str, Person] = Field(default_factory=dict, examples=[{"Alice Example": "alice@example.com"}])
    """The Slack members that other services mean by names and e-mail addresses."""
    slack: SlackEntry = Field(default=SlackEntry(), examples=[{"mode": "socket"}])
    """The connection to Slack."""
    http: Http = Field(default=Http(), examples=[{"host": "127.0.0.1", "port": 8080}])
    """Where the bot listens: for /healthz, /readyz and /metrics, and for Slack in HTTP mode."""
    health: Health | None = Field(default=None, examples=[{"host": "127.0.0.1", "port": 9090}])
    """Where /healthz, /readyz and /metrics listen instead."""
    data: Path = Field(default=Path(".signoff"), examples=[".signoff"])
    """The folder of the private Valkey, which keeps everything where REDIS_URL is not set."""
    retention: Duration = timedelta(days=30)
    """How long conversations, decisions and finished threads are kept."""
    audit_retention: Given[Duration] = None
    """How long `signoff audit` can show who asked and who decided; 400d, or `retention` if that is longer."""
