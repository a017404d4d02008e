"""The configuration: `app.yaml`, `.env` and the environment, made into one object that is right or not there (P10).

All problems are collected and raised together. Names of people and channels stay names: only Slack knows who they are,
so `bot.rules.rulebook` makes the engine's rules once they are looked up, and refuses those that Slack does not know.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bot.config.approvals import Approval
from bot.config.file import Document, KeyPath, environment, read
from bot.config.oncall import OnCallEntry, people_problems, spelled
from bot.config.oncall import name_problem as oncall_name_problem
from bot.config.order import governs, is_for, unreached
from bot.config.problems import ConfigError, ConfigProblem, suggestion
from bot.config.schema import Agent, Defaults, File, Health, Http, Mode, ServerEntry, agent_name_problem, checked
from engine.approvals import audit
from engine.approvals.approval import Notify
from engine.ids import AgentName, ChannelId
from engine.ports import ListedPerson

__all__ = [
    "OF_SLACK",
    "Agent",
    "Approval",
    "Config",
    "Http",
    "Mode",
    "Secrets",
    "ServerEntry",
    "agents_relying_on_defaults",
    "approver_names",
    "card_channels",
    "channel_names",
    "environment",
    "examined",
    "load",
    "oncall_names",
]


@dataclass(frozen=True, slots=True)
class Secrets:
    """What only the environment says. `repr` hides the values.

    `redis_url` None: the embedded server. `slack_api_url` None: Slack itself; else the address of a stand-in.
    """

    slack_bot_token: str = field(repr=False)
    slack_app_token: str | None = field(default=None, repr=False)
    slack_signing_secret: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    slack_api_url: str | None = field(default=None, repr=False)

    def values(self) -> tuple[str | None, ...]:
        """All that must never be shown. Of an address only its password is secret: `bot.masking` knows it."""
        return (self.slack_bot_token, self.slack_app_token, self.slack_signing_secret)


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration that was found right. `base` is the folder that paths in it start from; `data` is absolute."""

    file: Path
    agents: Mapping[AgentName, Agent]
    approvals: tuple[Approval, ...]
    defaults: Defaults
    mode: Mode
    http: Http
    health: Health | None
    data: Path
    retention: timedelta
    audit_retention: timedelta
    oncall: Mapping[str, OnCallEntry]
    people: Mapping[str, str]
    """The members, as Slack's directory is asked for them, by the names that other services have for them."""
    secrets: Secrets
    document: Document = field(repr=False)

    @property
    def base(self) -> Path:
        """The folder of `app.yaml`."""
        return self.file.absolute().parent

    @property
    def secret_values(self) -> tuple[str | None, ...]:
        """All that must never be shown, besides what the environment holds under secret names: see `bot.masking`."""
        keys = (agent.server.api_key for agent in self.agents.values() if agent.server is not None)
        of_sources = (value for entry in self.oncall.values() for value in entry.secret_values)
        return (*self.secrets.values(), *keys, *of_sources)

    def gates(self, agent: AgentName) -> Mapping[str, str]:
        """The patterns of `gate_tools` that hold for an agent, each with where it stands."""
        own = [("agents", agent), *([("defaults",)] if self.agents[agent].server is None else [])]
        said = (self.agents[agent].gate_tools, self.defaults.gate_tools)
        found: dict[str, str] = {}
        for path, patterns in zip(own, said, strict=False):
            for index, pattern in enumerate(patterns):
                found.setdefault(pattern, self.where(*path, "gate_tools", index))
        return found

    @property
    def listeners(self) -> Mapping[str, Http]:
        """Where the bot listens, by key: over HTTP for Slack, and for health unless that shares its address."""
        if self.health is None:
            return {"http": self.http}
        return {**({"http": self.http} if self.mode is Mode.HTTP else {}), "health": self.health}

    def where(self, *path: str | int) -> str:
        """The file, line and key of an entry, for a `ConfigProblem`: `where("agents", "deploy", "graph")`."""
        return self.document.where(path)


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Read and check a configuration. `.env` beside it adds to `environ`, and never overrides it.

    Raises ConfigError with every problem that was found.
    """
    config, problems = examined(path, environ)
    if config is None or problems:
        raise ConfigError(problems)
    return config


def examined(path: Path, environ: Mapping[str, str]) -> tuple[Config | None, Sequence[ConfigProblem]]:
    """A configuration and its problems. Where only Slack's tokens are at fault, it is there: without them."""
    known = environment(path.absolute().parent, environ)
    document, problems = read(path, known)
    if document.data is None:
        return None, [*problems, ConfigProblem(str(path), "is empty", "Add agents: with one entry for each agent.")]
    file, wrong = checked(File, document, document.data, ())
    problems += wrong
    agents, approvals = _entries(document, problems)
    oncall = _sources(document, problems)
    mode = file.slack.mode if file else None
    mode, secrets, of_tokens = _secrets(known, mode)
    retention = file.retention if file else None
    problems += _between_agents(document, agents)
    sources = [name for name, _ in _pairs(document.data.get("oncall"))] if isinstance(document.data, dict) else []
    problems += _between_rules(document, agents, approvals, sources, retention)
    if file is not None:
        spans = (("remind_after", file.defaults.remind_after[-1:]), ("expires_after", (file.defaults.expires_after,)))
        problems += _after_retention(document, ("defaults",), spans, retention)
    problems += [*_of_retention(document, file), *_of_ports(document, file, mode)]
    if problems or file is None:
        return None, _first_of_each_place([*problems, *of_tokens])
    config = Config(
        file=path,
        agents=MappingProxyType({name: agent for name, agent in agents.items() if agent}),
        approvals=tuple(approval for approval in approvals if approval),
        defaults=file.defaults,
        mode=mode,
        http=file.http,
        health=file.health,
        data=path.absolute().parent / file.data.expanduser(),
        retention=file.retention,
        audit_retention=file.audit_retention or max(audit.RETENTION, file.retention),
        oncall=MappingProxyType(oncall),
        people=MappingProxyType(file.people),
        secrets=secrets,
        document=document,
    )
    return config, of_tokens


def _of_retention(document: Document, file: File | None) -> Iterable[ConfigProblem]:
    if file is not None and file.audit_retention is not None and file.audit_retention < file.retention:
        what = "the audit would be forgotten before what it tells of, by retention"
        yield ConfigProblem(document.where(("audit_retention",)), what, "Make it at least as long as retention.")


def _of_ports(document: Document, file: File | None, mode: Mode) -> Iterable[ConfigProblem]:
    if file is None or file.health is None or mode is not Mode.HTTP:
        return
    hosts = {file.http.host, file.health.host}
    if file.http.port == file.health.port != 0 and (len(hosts) == 1 or hosts & {"0.0.0.0", "::"}):  # noqa: S104 - compared
        what = "http listens on this port, with Slack's route"
        yield ConfigProblem(document.where(("health", "port")), what, "Name another port, or remove health.")


def _first_of_each_place(problems: Iterable[ConfigProblem]) -> Sequence[ConfigProblem]:
    """What follows from an earlier problem of the same key (a variable that is not set, say) only confuses."""
    first: dict[str, ConfigProblem] = {}
    for problem in problems:
        first.setdefault(problem.where, problem)
    return [*first.values()]


# What is between the entries ------------------------------------------------------------------------------------------

_Agents = Mapping[AgentName, Agent | None]
_Approvals = tuple[Approval | None, ...]


def _entries(document: Document, problems: list[ConfigProblem]) -> tuple[_Agents, _Approvals]:
    """Each agent and rule by itself: None for one that is wrong, so that the others keep their places."""
    data = document.data if isinstance(document.data, dict) else {}
    agents: dict[AgentName, Agent | None] = {}
    approvals: list[Approval | None] = []
    for name, value in _pairs(data.get("agents")):
        agents[AgentName(name)], wrong = checked(Agent, document, value, ("agents", name))
        problems += filter(None, [agent_name_problem(document, name), *wrong])
    rules = data.get("approvals")
    for index, value in enumerate(rules if isinstance(rules, list) else ()):
        approval, wrong = checked(Approval, document, value, ("approvals", index))
        approvals.append(approval)
        problems += wrong
    return agents, tuple(approvals)


def _sources(document: Document, problems: list[ConfigProblem]) -> dict[str, OnCallEntry]:
    """The sources of who is on call, less those that are wrong."""
    data = document.data if isinstance(document.data, dict) else {}
    found: dict[str, OnCallEntry] = {}
    for name, value in _pairs(data.get("oncall")):
        entry, wrong = checked(OnCallEntry, document, value, ("oncall", name))
        problems += filter(None, [oncall_name_problem(document, name), *wrong])
        if entry is not None:
            found[name] = entry
    problems += people_problems(document, data.get("people"))
    return found


def _pairs(data: object) -> Iterable[tuple[str, object]]:
    return data.items() if isinstance(data, dict) else ()


def _between_agents(document: Document, agents: _Agents) -> Iterable[ConfigProblem]:
    if not agents and isinstance(document.data, dict) and isinstance(document.data.get("agents"), dict):
        yield ConfigProblem(
            document.where(("agents",)), "there is no agent", "Add one: a name, and below it graph: file.py:name."
        )
    direct = [name for name, agent in agents.items() if agent and agent.direct_messages]
    for name in direct[1:]:
        what = f'direct messages reach "{direct[0]}" already, and only one agent can answer them'
        where = document.where(("agents", name, "direct_messages"))
        yield ConfigProblem(where, what, "Keep direct_messages: true at one agent.")
    first: dict[str, AgentName] = {}
    for name in agents:
        other = first.setdefault(name.casefold(), name)
        if other != name:
            what = f'"{name}" and "{other}" cannot be told apart as the first word of a message'
            yield ConfigProblem(document.where(("agents", name)), what, "Rename one of them.")


def _between_rules(
    document: Document,
    agents: _Agents,
    approvals: _Approvals,
    oncall: Collection[str],
    retention: timedelta | None,
) -> Iterable[ConfigProblem]:
    for index, approval in enumerate(approvals):
        if approval is None:
            continue
        pattern = approval.when.agent
        if pattern is not None and agents and not any(fnmatchcase(name, pattern) for name in agents):
            where = document.where(("approvals", index, "when", "agent"))
            yield ConfigProblem(where, f'"{pattern}" matches no agent', suggestion(pattern, agents))
        yield from _out_of_sight(document, agents, approvals, index)
        if earlier := unreached(approvals, index, agents):
            names, s = " and ".join(f"approvals[{number}]" for number in earlier), "s" * (len(earlier) == 1)
            what = f"this rule can never apply: {names} come{s} first and match{'e' * len(s)}{s} all that it matches"
            yield ConfigProblem(document.where(("approvals", index)), what, "Move it up, or remove it.")
        spans = (
            ("remind_after", approval.remind_after[-1:]),
            ("expires_after", (approval.expires_after,)),
            ("escalate", [each.after for each in approval.escalate[-1:]]),
        )
        yield from _after_retention(document, ("approvals", index), spans, retention)
        yield from _unknown_sources(document, oncall, index, approval)


def _after_retention(
    document: Document,
    path: KeyPath,
    spans: Iterable[tuple[str, Sequence[timedelta | None]]],
    retention: timedelta | None,
) -> Iterable[ConfigProblem]:
    for key, lengths in spans:
        if any(retention is not None and length is not None and length > retention for length in lengths):
            what = "the approval would be forgotten before that, by retention"
            yield ConfigProblem(document.where((*path, key)), what, "Make it shorter, or retention longer.")


def _unknown_sources(
    document: Document, oncall: Collection[str], index: int, approval: Approval
) -> Iterable[ConfigProblem]:
    for path, people in approval.people:
        for position, name in enumerate(people.oncall):
            if name not in oncall:
                where = document.where(("approvals", index, *path, "oncall", position))
                fix = suggestion(name, oncall, f"Add it: oncall: {{{name}: ...}}. See docs/oncall.md.")
                yield ConfigProblem(where, f'there is no "{name}" in oncall:', fix)


def _out_of_sight(document: Document, agents: _Agents, approvals: _Approvals, index: int) -> Iterable[ConfigProblem]:
    """A request in a direct message stands where its requester alone sees it, unless a rule posts it elsewhere.

    With `own_requests` and a quorum of one, whoever asks sees their own card and decides: such a rule is right.
    """
    approval = approvals[index]
    if approval is None or not approval.of_stages or approval.post_to is not None:
        return
    if approval.notify is Notify.DIRECT or approval.is_seen_by_requester_alone:
        return
    for name, agent in agents.items():
        if agent is not None and agent.direct_messages and governs(approvals, index, name):
            what = (
                f"{name} takes direct messages, where only the requester sees a request, so nobody here could decide it"
            )
            channel = next((each for other in agents.values() if other for each in other.channels), "#approvals")
            add = f'Add notify: dm, or post_to: "{channel}" or another channel that the approvers are in.'
            yield ConfigProblem(document.where(("approvals", index)), what, add)


# Secrets --------------------------------------------------------------------------------------------------------------


def _secrets(environ: Mapping[str, str], mode: Mode | None) -> tuple[Mode, Secrets, Sequence[ConfigProblem]]:
    """How to be on Slack, with what, and what is wrong with that; a token that is missing is empty."""
    found = {name: environ.get(name, "").strip() or None for name in _MENDS}
    if mode is None:
        mode = Mode.SOCKET if found["SLACK_APP_TOKEN"] or not found["SLACK_SIGNING_SECRET"] else Mode.HTTP
    needed = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN" if mode is Mode.SOCKET else "SLACK_SIGNING_SECRET")
    wrong = [ConfigProblem(name, "is not set", _MENDS[name]) for name in needed if found[name] is None]
    for name, prefix in (("SLACK_BOT_TOKEN", "xoxb-"), ("SLACK_APP_TOKEN", "xapp-")):
        value = found[name]
        if value is not None and not (value.startswith(prefix) and value != prefix):
            what = f"has nothing after {prefix}" if value == prefix else f"does not start with {prefix}"
            wrong.append(ConfigProblem(name, what, _MENDS[name]))
    url = found["SLACK_API_URL"]
    if url is not None and not url.startswith(("http://", "https://")):
        wrong.append(ConfigProblem("SLACK_API_URL", "is not an address", _MENDS["SLACK_API_URL"]))
    secrets = Secrets(
        slack_bot_token=found["SLACK_BOT_TOKEN"] or "",
        slack_app_token=found["SLACK_APP_TOKEN"],
        slack_signing_secret=found["SLACK_SIGNING_SECRET"],
        redis_url=found["REDIS_URL"],
        slack_api_url=url,
    )
    return mode, secrets, wrong


_MENDS: Final = {
    "SLACK_BOT_TOKEN": "Copy the Bot User OAuth Token (xoxb-) from your app's OAuth & Permissions page.",
    "SLACK_APP_TOKEN": (
        "Make an app-level token (xapp-) with connections:write on your app's Basic Information page, "
        "or set SLACK_SIGNING_SECRET to be reached over HTTP."
    ),
    "SLACK_SIGNING_SECRET": "Copy the Signing Secret from your app's Basic Information page.",
    "REDIS_URL": "Write redis://HOST:PORT/0.",
    "SLACK_API_URL": "Write http://HOST:PORT/api/, or unset it to reach Slack itself.",
}
OF_SLACK: Final = frozenset(_MENDS) - {"REDIS_URL"}
"""The variables without which Slack cannot be asked."""


# Names ----------------------------------------------------------------------------------------------------------------


def approver_names(config: Config) -> Mapping[str, str]:
    """Every name of a person in the rules, with where it stands first."""
    found: dict[str, str] = {}
    for index, approval in enumerate(config.approvals):
        for path, people in approval.people:
            for position, name in enumerate(people.users):
                found.setdefault(name, config.where("approvals", index, *path, "users", position))
    return found


def oncall_names(config: Config) -> Mapping[str, str]:
    """Every name that `people:` and the rotations have for a member of Slack, with where it stands first.

    A rotation's name that stands in `people:` is left out: there it is said who that is.
    """
    found: dict[str, str] = {}
    for name, member in config.people.items():
        found.setdefault(member, config.where("people", name))
    mapped = {*map(spelled, config.people)}
    for source, entry in config.oncall.items():
        for position, name in enumerate(entry.rotation.people if entry.rotation is not None else ()):
            if spelled(name) not in mapped:
                found.setdefault(name, config.where("oncall", source, "rotation", "people", position))
    return found


def channel_names(config: Config) -> Mapping[str, str]:
    """Every channel of the agents and rules, `#name` or a Slack id, with where it stands first."""
    found: dict[str, str] = {}
    for agent_name, agent in config.agents.items():
        for position, name in enumerate(agent.channels):
            found.setdefault(name, config.where("agents", agent_name, "channels", position))
    for index, approval in enumerate(config.approvals):
        if approval.post_to is not None:
            found.setdefault(approval.post_to, config.where("approvals", index, "post_to"))
    return found


def name_problems(
    config: Config, people: Mapping[str, ListedPerson], channels: Mapping[str, ChannelId], listed: Collection[str] = ()
) -> list[ConfigProblem]:
    """A problem for each approver and channel that Slack does not know, and each approver who may never decide.

    The keys given are what Slack knows; `listed` are the names of all channels that the bot sees, of which one may have
    been meant.
    """
    problems = []
    for name, where in approver_names(config).items():
        if name not in people:
            fix = suggestion(name, people, "Write a member's name, e-mail address or Slack id.")
            problems.append(ConfigProblem(where, f'nobody in this workspace is called "{name}"', fix))
    problems += _unable(config, people)
    problems += _same_people(config, people)
    for name, where in channel_names(config).items():
        if name not in channels:
            fix = suggestion(name, [*channels, *listed], "Create it and invite the bot, or correct its name.")
            problems.append(ConfigProblem(where, f"the bot sees no channel {name}", fix))
    return problems


def card_channels(config: Config, index: int) -> Sequence[str]:
    """The channels in which the cards of a rule stand, direct messages apart."""
    approval = config.approvals[index]
    if approval.post_to is not None:
        return (approval.post_to,)
    governed = (agent for name, agent in config.agents.items() if governs(config.approvals, index, name))
    return tuple(dict.fromkeys(channel for agent in governed for channel in agent.channels))


def _unable(config: Config, people: Mapping[str, ListedPerson]) -> Iterable[ConfigProblem]:
    """Those who may never decide, each once: no full members, and not let in by `guests` and their ids."""
    told: set[str] = set()
    for index, approval in enumerate(config.approvals):
        for path, each in approval.people:
            for position, name in enumerate(each.users):
                known = people.get(name)
                if known is None or not known.unable or name in told or (each.guests and known.is_named_by(name)):
                    continue
                told.add(name)
                fix = "Name a full member."
                if known.outsider:
                    fix += f" Or write users: [{known.id}] and guests: true."
                what = f"{name} is {known.unable}, and only full members of this workspace decide"
                yield ConfigProblem(config.where("approvals", index, *path, "users", position), what, fix)


def _same_people(config: Config, people: Mapping[str, ListedPerson]) -> Iterable[ConfigProblem]:
    """Parts whose quorum cannot be reached, since several of their names are one person's."""
    for index, approval in enumerate(config.approvals):
        for path, part in (each for stage in approval.of_stages for each in stage):
            known = [people[name].id for name in part.users if name in people]
            only_users = not (part.is_open or approval.escalate)
            quorum = approval.quorum_of(part)
            if only_users and len(known) == len(part.users) and len(set(known)) < quorum:
                what = f"a quorum of {quorum} cannot be reached: some of these names are the same person"
                yield ConfigProblem(config.where("approvals", index, *path, "users"), what, "Name each person once.")


def agents_relying_on_defaults(config: Config) -> tuple[AgentName, ...]:
    """The agents that may ask for something no rule governs, questions apart."""
    always = [each for each in config.approvals if each.when.tool is None and each.when.condition is None]
    whole = [each for each in always if not each.is_question]
    return tuple(name for name in config.agents if not any(is_for(each, name) for each in whole))
