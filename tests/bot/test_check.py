"""`signoff check`: one clear line for each problem, whatever part of the world it comes from (P10)."""

import io
import socket
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adapters.conditions import CelConditions
from adapters.localslack import LocalSlack
from bot.checks.check import OFFLINE, check
from bot.checks.modules import clashing
from bot.checks.oncall import OnCallNow
from bot.checks.probes import LoadedGraph, Names, RedisFound, UnfitError, Workspace
from bot.checks.report import Report, show
from bot.checks.slack import OPEN_IT
from bot.commands.environment import refuse_clashes
from bot.config.entries import Agent, Http, Mode
from bot.config.load import load
from bot.config.problems import ProblemsError
from bot.config.secrets import Secrets
from bot.config.settings import Config
from bot.rules.channel_names import resolved
from bot.rules.group_names import GroupNames
from bot.wiring.probes import RealProbes, probes
from engine.asks.ask import Json
from engine.asks.foreseen import Foreseen
from engine.ids import AgentName, ChannelId, UserId
from engine.ports import ListedChannel, ListedGroup, ListedPerson
from engine.rules.conditions import Conditions

pytestmark = pytest.mark.promise("P10")

ENVIRON = {
    "SLACK_BOT_TOKEN": "xoxb-1-bot",
    "SLACK_APP_TOKEN": "xapp-1-app",
    "REDIS_URL": "redis://user:hidden@redis.example/0",
}
APP = """\
agents:
  deploy:
    graph: deploy.py:graph
    channels: ["#deploys"]
  travel:
    graph: travel.py:graph
    direct_messages: true
approvals:
  - when: {agent: deploy}
    approvers: {users: [alice, bob]}
    quorum: 2
"""


ACME = Workspace("Acme", "signoff")


@dataclass
class World:
    """A world that answers well, but for what a test takes out of it."""

    graphs: Mapping[str, Exception] = field(default_factory=dict)
    of_graphs: Sequence[Foreseen] = ()
    of_tools: Mapping[str, Collection[str]] = field(default_factory=dict)
    of_redis: Exception | RedisFound = field(default_factory=RedisFound)
    of_addresses: Exception | Sequence[str] = ()
    of_slack: Exception | Workspace = ACME
    people: Collection[str] = ("alice", "bob")
    channels: Collection[str] = ("#deploys", "#general")
    closed: Collection[ListedChannel] = ()
    remembered: Mapping[str, ChannelId] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    outside: Mapping[str, Collection[str]] = field(default_factory=dict)
    on_duty: Mapping[str, OnCallNow] = field(default_factory=dict)
    of_groups: Mapping[str, Collection[str]] = field(default_factory=dict)
    schemas: Mapping[str, Mapping[str, Mapping[str, Json] | None]] = field(default_factory=dict)
    conditions: Conditions = field(default_factory=CelConditions)
    calendars_lack: str = ""

    async def groups(self, secrets: Secrets, names: Collection[str]) -> GroupNames:
        assert secrets.slack_bot_token
        found = {
            name: ListedGroup(f"S{name}", name, frozenset(map(UserId, people)))
            for name, people in self.of_groups.items()
        }
        return GroupNames({name: found[name] for name in names if name in found}, {name: name for name in found})

    async def graph(self, config: Config, name: AgentName) -> LoadedGraph:
        spec = config.agents[name].graph or ""
        self.asked.append(f"{config.base.name}/{spec}")
        if spec in self.graphs:
            raise self.graphs[spec]
        schemas = self.schemas.get(spec, {})
        tools = frozenset([*self.of_tools.get(spec, ()), *schemas])
        return LoadedGraph(interrupts=tuple(self.of_graphs), tools=tools, schemas=schemas)

    async def store(self, config: Config) -> Sequence[str]:
        self.asked.append(f"store of {config.base.name}")
        return ()

    async def server(self, agent: Agent) -> Sequence[str]:
        entry = agent.server
        assert entry is not None
        self.asked.append(entry.url)
        if entry.assistant in self.graphs:
            raise self.graphs[entry.assistant]
        return ()

    async def redis(self, url: str | None, data: Path) -> RedisFound:
        self.asked.append(f"{url} {data.name}")
        if isinstance(self.of_redis, Exception):
            raise self.of_redis
        return self.of_redis

    async def address(self, at: Http) -> Sequence[str]:
        if isinstance(self.of_addresses, Exception):
            raise self.of_addresses
        return [f"{at.host}:{at.port} {each}" for each in self.of_addresses]

    async def slack(self, secrets: Secrets, mode: Mode) -> Workspace:
        self.asked.append(f"{secrets.slack_bot_token} {mode}")
        if isinstance(self.of_slack, Exception):
            raise self.of_slack
        return self.of_slack

    async def on_call(self, config: Config, *, in_slack: bool) -> Mapping[str, OnCallNow]:
        self.asked.append(f"{[*config.oncall]} in Slack: {in_slack}")
        return {name: self.on_duty.get(name, OnCallNow(("alice",))) for name in config.oncall}

    async def absent(self, secrets: Secrets, channel: ChannelId, people: Collection[UserId]) -> Collection[UserId]:
        del secrets
        return set(people) & set(self.outside.get(channel, ()))

    async def names(self, secrets: Secrets, people: Collection[str], channels: Collection[str], data: Path) -> Names:
        assert data.is_absolute()
        self.asked.append(f"{secrets.slack_bot_token} {[*people]} {[*channels]}")
        listed = [ListedChannel(ChannelId(each), each[1:], member=True, archived=False) for each in self.channels]
        return {name: ListedPerson(UserId(name)) for name in self.people}, resolved(
            channels, [*listed, *self.closed], self.remembered
        )


@pytest.fixture
def app(tmp_path: Path) -> Path:
    file = tmp_path / "app.yaml"
    file.write_text(APP)
    return file


def write(file: Path, text: str = "") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


async def lines(app: Path, world: World) -> list[str]:
    report = await check(app, ENVIRON, world)
    return [str(problem).replace(f"{app.parent}/", "") for problem in report.problems]


async def test_everything_is_asked_and_summed_up(app: Path) -> None:
    world = World()
    report = await check(app, ENVIRON, world)
    folder = app.parent.name
    assert world.asked == [
        f"{folder}/deploy.py:graph",
        f"{folder}/travel.py:graph",
        "redis://user:hidden@redis.example/0 .signoff",
        "xoxb-1-bot socket",
        "xoxb-1-bot ['alice', 'bob'] ['#deploys']",
    ]
    assert report == Report(
        problems=(),
        lines=(
            f"{app}: OK (2 agents, 1 approval rule).",
            "  deploy: #deploys",
            "  travel: direct messages",
            "travel has no rule: the person in the direct message can approve.",
            "approvals[0]: if an approver makes the request, it can't reach its quorum.",
            "Slack: signoff in Acme, socket mode.",
        ),
        interrupts={"deploy": (), "travel": ()},
    )


FAULTS = {
    "missing graph file": (
        World(graphs={"deploy.py:graph": UnfitError("there is no file deploy.py", "Correct the path.")}),
        "app.yaml:3: agents.deploy.graph: there is no file deploy.py. Correct the path.",
    ),
    "graph that raises at import": (
        World(graphs={"travel.py:graph": UnfitError("travel.py raised KeyError: 'HOME_CITY'", "Mend it.")}),
        "app.yaml:6: agents.travel.graph: travel.py raised KeyError: 'HOME_CITY'. Mend it.",
    ),
    "graph that takes no checkpointer": (
        World(graphs={"deploy.py:graph": UnfitError("brings a checkpointer of its own", "Export it without one.")}),
        "app.yaml:3: agents.deploy.graph: brings a checkpointer of its own. Export it without one.",
    ),
    "probe that breaks": (
        World(graphs={"deploy.py:graph": RuntimeError("two\nlines")}),
        "app.yaml:3: agents.deploy.graph: could not be checked (RuntimeError: two lines). Run the check again.",
    ),
    "Redis that is not reachable": (
        World(of_redis=UnfitError("Redis at redis.example:6379 is not reachable", "Start it, or correct REDIS_URL.")),
        "REDIS_URL: Redis at redis.example:6379 is not reachable. Start it, or correct REDIS_URL.",
    ),
    "password in the text of others": (
        World(of_redis=ConnectionError("Error connecting to redis://user:hidden@redis.example/0")),
        (
            "REDIS_URL: could not be checked (ConnectionError: Error connecting to "
            "redis://user:•••@redis.example/0). Run the check again."
        ),
    ),
    "wrong token": (
        World(of_slack=UnfitError("Slack refuses this token (invalid_auth)", "Copy it again.")),
        "SLACK_BOT_TOKEN: Slack refuses this token (invalid_auth). Copy it again.",
    ),
    "wrong app-level token": (
        World(of_slack=UnfitError("Slack refuses this token", "Copy it again.", where="SLACK_APP_TOKEN")),
        "SLACK_APP_TOKEN: Slack refuses this token. Copy it again.",
    ),
    "missing scopes": (
        World(of_slack=Workspace("Acme", "signoff", ("chat:write", "users:read"))),
        (
            "SLACK_BOT_TOKEN: lacks the scopes chat:write, users:read. Add them on your app's OAuth & Permissions "
            "page (signoff manifest lists all), and reinstall the app."
        ),
    ),
    "approver who does not exist": (
        World(people=("alice", "bobby")),
        (
            "app.yaml:10: approvals[0].approvers.users[1]: nobody in this workspace is called "
            '"bob". Did you mean "bobby"?'
        ),
    ),
    "channel without the bot": (
        World(channels=(), closed=(ListedChannel(ChannelId("C1"), "deploys", member=False, archived=False),)),
        "app.yaml:4: agents.deploy.channels[0]: #deploys does not have the bot as a member. " + OPEN_IT,
    ),
    "channel that is archived": (
        World(channels=(), closed=(ListedChannel(ChannelId("C1"), "deploys", member=True, archived=True),)),
        "app.yaml:4: agents.deploy.channels[0]: #deploys is archived. " + OPEN_IT,
    ),
    "channel that is gone": (
        World(channels=("#general",), remembered={"deploys": ChannelId("C1")}),
        "app.yaml:4: agents.deploy.channels[0]: #deploys was deleted, or it is private and the bot was removed from "
        "it. " + OPEN_IT,
    ),
    "channel that does not exist": (
        World(channels=("#deploy",)),
        'app.yaml:4: agents.deploy.channels[0]: the bot sees no channel #deploys. Did you mean "#deploy"?',
    ),
}


@pytest.mark.parametrize(("world", "line"), FAULTS.values(), ids=FAULTS.keys())
async def test_one_fault_is_one_line(app: Path, world: World, line: str) -> None:
    assert await lines(app, world) == [line]


@pytest.mark.promise("P6")
async def test_approvers_outside_of_the_private_channel_are_warned_of(app: Path) -> None:
    world = World(outside={"#deploys": ["bob"], "#general": ["alice"]})
    report = await check(app, ENVIRON, world)
    assert report.problems == ()
    (warning,) = report.warnings
    assert warning.endswith("app.yaml:9: approvals[0]: #deploys is private. Invite bob, or add post_to.")


async def test_faults_do_not_hide_one_another(app: Path) -> None:
    world = World(
        graphs={"deploy.py:graph": UnfitError("a"), "travel.py:graph": UnfitError("b")},
        of_redis=UnfitError("c"),
        of_slack=UnfitError("d"),
    )
    assert await lines(app, world) == [
        "app.yaml:3: agents.deploy.graph: a.",
        "app.yaml:6: agents.travel.graph: b.",
        "REDIS_URL: c.",
        "SLACK_BOT_TOKEN: d.",
    ]


async def test_a_wrong_configuration_asks_nothing_of_the_world(app: Path) -> None:
    write(app, APP + "retention: never\n")
    world = World()
    assert len(await lines(app, world)) == 1
    assert world.asked == []


@pytest.mark.parametrize("code", ["engine/__init__.py", "engine/model.py", "engine/parts/model.py", "engine.py"])
async def test_a_module_that_is_called_like_ours_and_imported_is_told_before_anything_is(app: Path, code: str) -> None:
    write(app.parent / code)
    write(app.parent / "deploy.py", "x = 1\nimport engine\n")
    world = World()

    (line,) = await lines(app, world)

    assert line == (
        "deploy.py:2: imports engine, which is a package of Signoff too, so it would not get engine. "
        "Rename yours, such as my_engine, here and where else it is imported."
    )
    assert not any("deploy.py" in each for each in world.asked)


@pytest.mark.parametrize("code", ["engine/__init__.py", "bot/model.py", "adapters.py"])
async def test_a_module_that_is_called_like_ours_and_not_imported_is_no_problem(app: Path, code: str) -> None:
    write(app.parent / code)
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import bot.model, engine, adapters\n"
    write(app.parent / "deploy.py", source)
    assert await lines(app, World()) == []


@pytest.mark.parametrize(
    ("files", "where"),
    [
        ({"deploy.py": "def node(state):\n    from bot import x\n"}, "deploy.py:2"),
        ({"deploy.py": "import helper", "helper.py": "\nfrom bot.model import x"}, "helper.py:2"),
        ({"deploy.py": "from parts import nodes", "parts/nodes.py": "import bot.model"}, "parts/nodes.py:1"),
        (
            {"deploy.py": "import parts.sub", "parts/__init__.py": "", "parts/sub/__init__.py": "from ..a import b",
             "parts/a.py": "from . import c", "parts/c.py": "import bot"},
            "parts/c.py:1",
        ),
        ({"deploy.py": "import a", "a.py": "import b", "b.py": "import a\nimport bot"}, "b.py:2"),
        ({"deploy.py": "import importlib\nimportlib.import_module('bot.model')"}, "deploy.py:2"),
        ({"deploy.py": "def broken(:", "travel.py": "import bot"}, "travel.py:1"),
    ],
)  # fmt: skip
async def test_imports_are_followed_through_the_projects_files(app: Path, files: dict[str, str], where: str) -> None:
    write(app.parent / "bot" / "__init__.py")
    write(app.parent / "bot" / "model.py")
    for name, text in files.items():
        write(app.parent / name, text)
    (line,) = await lines(app, World())
    assert line.startswith(f"{where}: imports bot, which is a package of Signoff too")


async def test_a_module_of_ours_may_be_imported_beside_one_of_that_name(app: Path) -> None:
    write(app.parent / "adapters" / "mine.py")
    write(app.parent / "deploy.py", "from adapters.redis import AsyncRedisSaver\nfrom adapters import redis\n")
    assert await lines(app, World()) == []


async def test_a_module_beside_a_graphs_own_file(app: Path) -> None:
    write(app, APP.replace("deploy.py", "src/deploy.py"))
    write(app.parent / "src" / "adapters" / "__init__.py")
    write(app.parent / "src" / "deploy.py", "import adapters")
    (line,) = await lines(app, World())
    assert line.startswith("src/deploy.py:1: imports adapters")


def test_a_graph_that_is_a_module_of_such_a_package(tmp_path: Path) -> None:
    write(tmp_path / "bot" / "graph.py")
    (problem,) = clashing(["bot.graph:graph"], tmp_path)
    assert str(problem).startswith("graph: bot.graph:graph: imports bot")


def test_a_dependency_of_the_project_is_searched_too(tmp_path: Path) -> None:
    write(tmp_path / "libs" / "engine" / "core.py")
    write(tmp_path / "agent.py", "import engine.core")
    assert [*clashing(["./agent.py:graph"], tmp_path)] == []
    (problem,) = clashing(["./agent.py:graph"], tmp_path, [tmp_path / "libs"])
    assert f"would not get {tmp_path}/libs/engine/core" in str(problem)


def test_what_pip_installed_into_a_folder_of_the_path_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`pip install --target vendored`. It may be as large as LangChain."""
    write(tmp_path / "agent.py", "import library")
    write(tmp_path / "vendored" / "library.py", "import bot")
    write(tmp_path / "vendored" / "bot" / "__init__.py")
    monkeypatch.syspath_prepend(str(tmp_path / "vendored"))
    assert len([*clashing(["./agent.py:graph"], tmp_path)]) == 1
    (tmp_path / "vendored" / "library-1.0.dist-info").mkdir()
    assert [*clashing(["./agent.py:graph"], tmp_path)] == []


def test_run_and_demo_refuse_what_check_refuses(app: Path) -> None:
    write(app.parent / "bot.py")
    write(app.parent / "deploy.py", "import bot")
    with pytest.raises(ProblemsError, match=r"deploy\.py:1: imports bot, which is a package of Signoff too"):
        refuse_clashes(load(app, ENVIRON))


async def test_a_cluster_is_described(app: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    found = RedisFound(("Redis Cluster: no replica of h:1",), "a cluster of 3 primaries and 2 replicas")
    assert show(await check(app, ENVIRON, World(of_redis=found)), out, err) == 0
    assert "Redis: a cluster of 3 primaries and 2 replicas\n" in out.getvalue()
    assert err.getvalue() == "warning: Redis Cluster: no replica of h:1\n"


async def test_faults_go_to_stderr_and_the_exit_code_is_1(app: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    world = World(of_redis=RedisFound(("maxmemory-policy is allkeys-lru",)), channels=())
    assert show(await check(app, ENVIRON, world), out, err) == 1
    assert "OK" not in out.getvalue()
    first, second = err.getvalue().splitlines()
    assert first == "warning: maxmemory-policy is allkeys-lru"
    assert second.endswith("Create it and invite the bot, or correct its name.")


async def test_a_warning_alone_does_not_fail(app: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert show(await check(app, ENVIRON, World(of_redis=RedisFound(("careful",)))), out, err) == 0
    assert err.getvalue() == "warning: careful\n"
    assert out.getvalue().startswith(f"{app}: OK (2 agents")


@pytest.fixture
def served(app: Path) -> Path:
    server = "{url: 'http://127.0.0.1:2024', assistant: deploy}"
    app.write_text(f"agents:\n  deploy: {{server: {server}, channels: [general]}}\n")
    return app


async def test_a_server_is_asked_for_its_assistant(served: Path) -> None:
    world, app = World(), served
    report = await check(app, ENVIRON, world)
    assert not report.problems
    assert world.asked[0] == "http://127.0.0.1:2024"
    (warning,) = [each for each in report.warnings if "LangGraph Server" in each]
    assert "agents.deploy.server: the graph runs on a LangGraph Server, so Signoff can't detect" in warning
    missing = World(graphs={"deploy": UnfitError("has no such assistant", "Deploy it.")})
    (problem,) = (await check(app, ENVIRON, missing)).problems
    assert "agents.deploy.server" in str(problem)
    assert "has no such assistant" in str(problem)


async def test_an_address_that_cannot_be_listened_on_is_a_fault_and_a_busy_one_a_warning(app: Path) -> None:
    write(app, f"{APP}http: {{port: 9090}}\n")
    assert await lines(app, World(of_addresses=UnfitError("cannot listen on x:9090", "Name another."))) == [
        "app.yaml:12: http: cannot listen on x:9090. Name another."
    ]
    report = await check(app, ENVIRON, World(of_addresses=["is in use"]))
    assert not report.problems
    assert report.warnings == ("127.0.0.1:9090 is in use",)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - written, not bound
async def test_over_http_slack_and_health_need_a_port_each(app: Path, host: str) -> None:
    written = f"{APP}slack: {{mode: http}}\nhttp: {{port: 9090}}\nhealth: {{host: {host}, port: 9090}}\n"
    write(app, written)
    environ = {**ENVIRON, "SLACK_SIGNING_SECRET": "x"}
    report = await check(app, environ, World())
    assert [each.what for each in report.problems] == ["http listens on this port, with Slack's route"]
    write(app, written.replace("mode: http", "mode: socket"))
    assert not (await check(app, environ, World())).problems


async def test_what_this_machine_listens_on_is_tried() -> None:
    probes = RealProbes()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        (told,) = await probes.address(Http(host="127.0.0.1", port=taken.getsockname()[1]))
        assert "is in use" in told
    assert await probes.address(Http(host="127.0.0.1", port=0)) == ()
    with pytest.raises(UnfitError, match=r"cannot listen on 203\.0\.113\.7:0"):
        await probes.address(Http(host="203.0.113.7", port=0))


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("delete_*", ()),
        (
            "delet_records",
            (
                (
                    'approvals[0].when.tool: deploy has no tool that "delet_records" matches, so this rule may never '
                    'apply. Did you mean "delete_records"?'
                ),
            ),
        ),
    ],
)
async def test_a_rule_for_a_tool_that_the_agent_does_not_have_is_told(
    tmp_path: Path, pattern: str, said: tuple[str, ...]
) -> None:
    (tmp_path / "app.yaml").write_text(
        'agents: {deploy: {graph: "deploy.py:graph", channels: ["#deploys"]}}\n'
        f'approvals: [{{when: {{agent: deploy, tool: "{pattern}"}}, approvers: {{users: [alice]}}}}]\n'
    )
    report = await check(tmp_path / "app.yaml", ENVIRON, World(of_tools={"deploy.py:graph": ["delete_records"]}))
    assert tuple(each.partition(": ")[2] for each in report.warnings) == said


@pytest.mark.parametrize(
    ("when", "of_travel", "told"),
    [
        ("tool: refnud", ["refund"], 'no agent of this rule has a tool that "refnud" matches, so this rule may never'),
        ("tool: refnud", [], ""),  # its tools are not known
        ("tool: refund", ["refund"], ""),
        ('agent: "d*", tool: delte', [], 'deploy has no tool that "delte" matches'),
    ],
)
async def test_a_rule_for_a_tool_that_none_of_its_agents_has_is_told(
    app: Path, when: str, of_travel: list[str], told: str
) -> None:
    write(app, f"{AGENTS}approvals: [{{when: {{{when}}}, approvers: {{users: [alice]}}, notify: dm}}]\n")
    world = World(of_tools={"deploy.py:graph": ["delete"], "travel.py:graph": of_travel})
    report = await check(app, ENVIRON, world)
    assert not report.problems
    found = [each for each in report.warnings if "may never" in each]
    assert [told in each and "Did you mean" in each for each in found] == [True] * bool(told)


BY_DEFAULT = "any channel member except the requester can approve"


@pytest.mark.parametrize(
    ("when", "tools", "line"),
    [
        ("tool: delete", ["delete", "flush"], f"deploy: no rule for flush: {BY_DEFAULT}."),
        ('tool: "*e"', [*"abcdefghij"], f"deploy: no rule for a, b, c, d, f, g, h, i and 1 more: {BY_DEFAULT}."),
        (
            "tool: delete, if: \"requester == 'U1'\"",
            ["delete"],
            f"deploy: no rule for delete (where no condition holds): {BY_DEFAULT}.",
        ),
        (
            "tool: delete",
            ["delete"],
            (
                f"deploy: no rule for requests other than its tool calls: {BY_DEFAULT} (when: {{agent: deploy}} would "
                "match them)."
            ),
        ),
        ("tool: delete", [], f"deploy has no rule for some requests: {BY_DEFAULT}."),
    ],
)
async def test_what_no_rule_governs_is_named(app: Path, when: str, tools: list[str], line: str) -> None:
    write(app, f"{AGENTS}approvals: [{{when: {{agent: deploy, {when}}}, approvers: {{users: [alice]}}}}]\n")
    report = await check(app, ENVIRON, World(of_tools={"deploy.py:graph": tools}))
    assert line in report.lines


GATES = """\
defaults: {gate_tools: ["delete_*", "nothing_*"]}
agents:
  deploy:
    graph: deploy.py:graph
    channels: ["#deploys"]
    gate_tools: [refund, "delete_*", "reprot_*"]
  travel:
    graph: travel.py:graph
    direct_messages: true
  far:
    server: {url: "http://127.0.0.1:2024", assistant: far}
    channels: ["#general"]
"""


async def gates_of(tmp_path: Path, *, strict: bool) -> Report:
    world = World(of_tools={"deploy.py:graph": {"refund", "report_day", "look_up"}, "travel.py:graph": {"delete_trip"}})
    file = tmp_path / "app.yaml"
    file.write_text(GATES, encoding="utf-8")
    return await check(file, ENVIRON, world, strict=strict)


async def test_gates_that_match_no_tool_are_named_and_so_are_tools_without_a_gate(tmp_path: Path) -> None:
    report = await gates_of(tmp_path, strict=False)
    told = [each.replace(f"{tmp_path}/", "") for each in report.warnings if "gate_tools" in each]
    assert told == [
        (
            "app.yaml:1: defaults.gate_tools: does not reach far, which runs on a LangGraph Server: its tools start "
            "there (docs/gates.md)."
        ),
        (
            'app.yaml:6: agents.deploy.gate_tools[1]: "delete_*" matches no tool that the graph shows. '
            "Known are: look_up, refund, report_day."
        ),
        (
            'app.yaml:6: agents.deploy.gate_tools[2]: "reprot_*" matches no tool that the graph shows. '
            'Did you mean "report_day"?'
        ),
        (
            'app.yaml:1: defaults.gate_tools[1]: "nothing_*" matches no tool that the graph shows. '
            "Known are: delete_trip, look_up, refund, report_day."
        ),
    ]
    assert not report.problems
    notes = [each.replace(f"{tmp_path}/", "") for each in report.lines if "not gated" in each]
    assert notes == ["app.yaml:3: agents.deploy: not gated: look_up, report_day."]


async def test_gates_that_match_no_tool_are_faults_where_the_check_is_strict(tmp_path: Path) -> None:
    report = await gates_of(tmp_path, strict=True)
    assert [each.where.rpartition(": ")[2] for each in report.problems] == [
        "agents.deploy.gate_tools[1]",
        "agents.deploy.gate_tools[2]",
        "defaults.gate_tools[1]",
    ]


# Who is on call -------------------------------------------------------------------------------------------------------

ON_CALL = (
    APP
    + """\
people: {"Jane Doe": alice, joan@example.com: joan}
oncall:
  pay: {pagerduty: {policy: P7PAY, token: x}}
  ops:
    rotation: {zone: UTC, starts: 2026-11-30T09:00, every: 1w, people: [alice, jane doe, dave]}
"""
)


async def test_a_source_that_does_not_answer_is_a_problem(app: Path) -> None:
    write(app, ON_CALL.replace("joan}", "bob}").replace("dave", "bob"))
    world = World(on_duty={"pay": OnCallNow(failed="PagerDuty answered with status 500.")})
    assert await lines(app, world) == [
        (
            "app.yaml:14: oncall.pay.pagerduty: PagerDuty answered with status 500. The bot still starts; until this "
            "is fixed, nobody is on call by it."
        )
    ]


async def test_people_whom_slack_does_not_know_are_faults_and_a_gap_in_a_rotation(app: Path) -> None:
    write(app, ON_CALL)
    assert await lines(app, World()) == [
        (
            'app.yaml:12: people.joan@example.com: nobody in this workspace is called "joan". Write a member\'s name '
            "or Slack id, or add the name to people:."
        ),
        (
            'app.yaml:16: oncall.ops.rotation.people[2]: nobody in this workspace is called "dave", so nobody is on '
            "call in these turns. Write a member's name or Slack id, or add the name to people:."
        ),
    ]


async def test_a_schedule_with_nobody_on_call_and_a_stranger_are_worth_a_look(app: Path) -> None:
    write(app, ON_CALL.replace("joan}", "bob}").replace("dave", "bob"))
    world = World(on_duty={"pay": OnCallNow(), "ops": OnCallNow(("Joe",), ("Joe",))})
    report = await check(app, ENVIRON, world)
    assert report.problems == ()
    assert [each.replace(f"{app.parent}/", "") for each in report.warnings] == [
        "app.yaml:14: oncall.pay.pagerduty: nobody is on call now.",
        (
            'app.yaml:16: oncall.ops.rotation: "Joe" is on call now, and is no full member of this workspace: see '
            "people:."
        ),
    ]


async def test_offline_neither_slack_nor_a_source_is_asked(app: Path) -> None:
    """Nor are Slack's tokens needed; all else is checked."""
    write(app, ON_CALL)
    world = World(of_slack=AssertionError("asked"))
    report = await check(app, {"REDIS_URL": "redis://redis.example"}, world, offline=True)
    assert report.problems == ()
    assert report.warnings == (OFFLINE,)
    assert report.lines[0] == f"{app}: OK (2 agents, 1 approval rule)."
    assert not any("xoxb" in each or "in Slack" in each for each in world.asked)
    world.graphs = {"deploy.py:graph": UnfitError("there is no file deploy.py", "Correct the path.")}
    assert len((await check(app, {}, world, offline=True)).problems) == 1


async def test_offline_tokens_are_never_missed_and_names_are_said_to_be_unknown(app: Path) -> None:
    write(app, f"{APP}  - {{approvers: {{users: [nobody], oncall: [gone]}}, notify: dm}}\n")
    (problem,) = (await check(app, {}, World(), offline=True)).problems
    assert "oncall[0]" in problem.where
    write(app, f'{APP}  - {{approvers: {{users: ["@dana"], groups: ["@sre"]}}, notify: dm}}\n')
    report = await check(app, {}, World(), offline=True)
    assert not report.problems
    assert report.lines[-1] == "Not looked up: people alice, bob, dana; groups sre."


async def test_without_tokens_sources_are_asked_all_the_same(app: Path) -> None:
    write(app, ON_CALL)
    world = World(on_duty={"pay": OnCallNow(failed="PagerDuty answered with status 500.")})
    report = await check(app, {}, world)
    assert "['pay', 'ops'] in Slack: False" in world.asked
    assert any("PagerDuty answered" in str(each) for each in report.problems)


async def test_the_real_probe_asks_sources_and_slack(app: Path, tmp_path: Path) -> None:
    write(
        app,
        APP
        + "people: {Jane Doe: alice}\noncall:\n"
        + "  here: {rotation: {zone: UTC, starts: 2020-01-01T00:00, every: 3650d, people: [Jane Doe]}}\n"
        + "  guest: {rotation: {zone: UTC, starts: 2020-01-01T00:00, every: 3650d, people: [gina]}}\n"
        + "  later: {rotation: {zone: UTC, starts: 2999-01-01T00:00, every: 1d, people: [alice]}}\n"
        + "  gone: {ical: {file: gone.ics}}\n",
    )
    async with LocalSlack(data=tmp_path / "slack") as slack:
        config = load(app, slack.environment() | {"REDIS_URL": ""})
        assert await probes().on_call(config, in_slack=True) == {
            "here": OnCallNow(("Jane Doe",)),
            "guest": OnCallNow(("gina",), ("gina",)),
            "later": OnCallNow(),
            "gone": OnCallNow(failed="The file gone.ics does not exist."),
        }


# Rules ----------------------------------------------------------------------------------------------------------------

REFUND: Mapping[str, Json] = {
    "type": "object",
    "properties": {"order": {"type": "string"}, "amount": {"type": "number"}},
}
NOTE: Mapping[str, Json] = {"type": "object", "properties": {"text": {"type": "string"}}}
SHOP = World(schemas={"deploy.py:graph": {"refund_order": REFUND, "refund_note": NOTE, "refund_made": None}})
AGENTS = APP[: APP.index("approvals")]


async def told(app: Path, approvals: str, world: World = SHOP, *, offline: bool = False) -> Report:
    write(app, f"{AGENTS}{approvals}\n")
    return await check(app, ENVIRON, world, offline=offline)


def rule(more: str) -> str:
    return f"approvals: [{{approvers: {{users: [alice]}}, notify: dm, {more}}}]"


CONDITIONS = {
    "a condition that is none": ("when: {if: args.amount >}", "line 1, column 14: this is not CEL"),
    "a name that does not exist": (
        "when: {if: arg.amount > 1}",
        'line 1, column 1: there is no name "arg.amount" here.',
    ),
    "an argument misspelt": (
        "when: {tool: refund_order, if: args.order != '' && args.amuont > 1}",
        'line 1, column 21: refund_order has no argument "amuont". Did you mean args.amount?',
    ),
    "a type that never fits": (
        "when: {tool: refund_order, if: args.order > 1}",
        "takes no values of these types for refund_order",
    ),
    "an argument that no tool has": (
        "when: {if: args.amuont > 1}",
        'refund_note has no argument "amuont". Did you mean',
    ),
    "a rule that is always false": ("when: {if: 1 > 2}", "this is always false, so the rule can never apply."),
}


@pytest.mark.promise("P5")
@pytest.mark.parametrize("offline", [False, True])
@pytest.mark.parametrize(("when", "line"), CONDITIONS.values(), ids=CONDITIONS.keys())
async def test_a_condition_that_does_not_suit_is_told(app: Path, when: str, line: str, offline: bool) -> None:  # noqa: FBT001 - a parameter
    (problem,) = (await told(app, rule(when), offline=offline)).problems
    assert str(problem).startswith(f"{app}:8: approvals[0].when.if: line 1, column") or "always false" in line
    assert line in str(problem)


@pytest.mark.promise("P5")
async def test_a_condition_that_suits_some_tools_only_is_a_warning(app: Path) -> None:
    """A tool that is never asked about may match the pattern, too."""
    report = await told(app, rule('when: {tool: "refund_*", if: args.amount > 1}'))
    assert not report.problems
    (warning,) = [each for each in report.warnings if "when.if" in each]
    assert warning.endswith(
        'cannot be judged for refund_note (refund_note has no argument "amount"), so a person is asked for each such '
        "call."
    )


async def test_fields_of_a_grant_that_no_tool_has_are_told(app: Path) -> None:
    (problem,) = (
        await told(app, rule("when: {tool: refund_order}, grants: {for: 1h, fields: [order, amuont]}"))
    ).problems
    assert str(problem).endswith(
        'app.yaml:8: approvals[0].grants.fields[1]: no tool of this rule has an argument "amuont". '
        "Known are: amount, order."
    )


GROUPS = {
    "too few in a group": (
        "approvers: {groups: [sre]}, quorum: 3",
        "app.yaml:8: approvals[0]: 3 approvals are needed, and those who are named (@sre has 2) cannot give them.",
    ),
    "the same two in two parts": (
        "approvers: {all_of: [{groups: [sre], quorum: 2}, {users: [alice]}]}",
        "app.yaml:8: approvals[0]: 3 approvals are needed",
    ),
    "the same two in two stages": (
        "stages: [{groups: [sre]}, {groups: [leads]}, {users: [bob]}]",
        "app.yaml:8: approvals[0]: 3 approvals are needed",
    ),
    "too many rejections": (
        "approvers: {groups: [sre]}, reject_quorum: 3",
        "app.yaml:8: approvals[0]: 3 rejections cannot come from those who are named (@sre has 2). Ask for fewer.",
    ),
    "enough with a step": ("approvers: {groups: [sre]}, quorum: 3, escalate: [{after: 1h, to: {groups: [all]}}]", ""),
    "too few with a step": (
        "approvers: {groups: [sre]}, quorum: 3, escalate: [{after: 1h, to: {groups: [leads]}}]",
        "app.yaml:8: approvals[0]: 3 approvals are needed",
    ),
    "a channel has people enough": ("approvers: {groups: [sre], channel: true}, quorum: 3", ""),
    "a group that nobody has": (
        "approvers: {users: [alice]}, escalate: [{after: 1h, to: {groups: [managers]}}]",
        'approvals[0].escalate[0].to.groups[0]: this workspace has no user group "managers".',
    ),
    "a step with nobody": (
        "approvers: {users: [alice]}, escalate: [{after: 1h, to: {groups: [none]}}]",
        "approvals[0].escalate[0].to.groups[0]: the user group @none has no members, so nobody can decide by it.",
    ),
}
MEMBERS = {"sre": ["alice", "bob"], "leads": ["alice", "bob"], "all": ["alice", "bob", "carol"], "none": []}


@pytest.mark.promise("P6")
@pytest.mark.parametrize(("text", "line"), GROUPS.values(), ids=GROUPS.keys())
async def test_quorums_are_held_against_the_people_of_groups(app: Path, text: str, line: str) -> None:
    report = await told(app, f"approvals: [{{notify: dm, {text}}}]", World(of_groups=MEMBERS))
    assert [line in str(problem) for problem in report.problems] == [True] * (line != ""), report.problems


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("approvers: {groups: [sre]}, quorum: 2", "if an approver makes the request, it can't reach its quorum."),
        ("approvers: {groups: [sre]}, quorum: 2, own_requests: true", ""),
        (
            "approvers: {all_of: [{groups: [all]}, {users: [bob]}]}",
            "if bob makes the request, it can't reach its quorum.",
        ),
        ("approvers: {groups: [all], channel: true}, quorum: 3", ""),
    ],
)
async def test_requests_of_approvers_that_leave_too_few_are_told(app: Path, text: str, line: str) -> None:
    report = await told(app, f"approvals: [{{notify: dm, {text}}}]", World(of_groups=MEMBERS))
    assert not report.problems
    assert [each for each in report.lines if "approvals[0]" in each] == ([f"approvals[0]: {line}"] if line else [])


async def test_a_rotation_has_one_person_at_a_time(app: Path) -> None:
    ops = "oncall: {ops: {rotation: {zone: UTC, starts: 2020-01-01T00:00, every: 1w, people: [alice, bob]}}}\n"
    report = await told(app, f"{ops}approvals: [{{notify: dm, approvers: {{oncall: [ops]}}, quorum: 2}}]")
    (warning,) = [each for each in report.warnings if "approvals[0]" in each]
    assert warning.endswith(
        "app.yaml:9: approvals[0].approvers: 2 approvals are needed, and ops has one person on call at a time. "
        "Lower quorum, or add users or groups."
    )


@pytest.mark.parametrize(
    ("people", "line"),
    [
        (
            "approvers: {oncall: [ops], users: [alice]}, quorum: 3",
            (
                "approvals[0].approvers: 3 approvals are needed, and alice and ops are at most 2 people at a time. "
                "Lower quorum, or add users or groups."
            ),
        ),
        ("approvers: {oncall: [ops, db]}, quorum: 3", "ops and db are at most 2 people at a time"),
        ("approvers: {oncall: [ops], users: [alice]}, quorum: 2", ""),
        (
            "approvers: {oncall: [ops], users: [alice, bob]}, quorum: 3",
            "alice, bob and ops are at most 2 people at a time",
        ),
        ("approvers: {oncall: [ops], groups: [sre]}, quorum: 2", ""),
        ("approvers: {oncall: [ops, pay], users: [alice]}, quorum: 4", ""),  # a schedule may have several
        ("approvers: {oncall: [ops]}, quorum: 2, escalate: [{after: 1h, to: {oncall: [db]}}]", ""),
        (
            "approvers: {oncall: [ops]}, quorum: 3, escalate: [{after: 1h, to: {users: [alice]}}]",
            "alice are at most 2 people at a time",
        ),
    ],
)
async def test_rotations_and_users_are_counted_together(app: Path, people: str, line: str) -> None:
    rotation = "rotation: {zone: UTC, starts: 2020-01-01T00:00, every: 1w, people: [alice, bob]}"
    sources = f"oncall: {{ops: {{{rotation}}}, db: {{{rotation}}}, pay: {{ical: {{file: pay.ics, zone: UTC}}}}}}\n"
    report = await told(app, f"{sources}approvals: [{{notify: dm, {people}}}]", World(of_groups=MEMBERS))
    found = [each for each in report.warnings if "at a time" in each]
    assert [line in each for each in found] == [True] * bool(line), report


@pytest.mark.parametrize(
    ("people", "to", "line"),
    [
        ("approvers: {groups: [sre], users: [bob]}", "{users: [bob]}", "everybody here may decide already."),
        ("stages: [{users: [bob]}, {users: [alice]}]", "{users: [bob]}", ""),
        ("approvers: {groups: [sre]}", "{groups: [leads]}", ""),
    ],
)
async def test_a_step_that_adds_nobody_is_told(app: Path, people: str, to: str, line: str) -> None:
    text = f"approvals: [{{notify: dm, {people}, escalate: [{{after: 1h, to: {to}}}]}}]"
    report = await told(app, text, World(of_groups=MEMBERS))
    assert not report.problems
    found = [each.partition("escalate[0]: ")[2] for each in report.warnings if "escalate" in each]
    assert found == ([line] if line else [])


async def test_a_condition_that_names_a_group_which_nobody_has_is_told(app: Path) -> None:
    text = "'sre' in requester_groups || 'sres' in requester_groups"
    report = await told(app, rule(f'when: {{if: "{text}"}}'), World(of_groups=MEMBERS))
    (problem,) = report.problems
    assert str(problem).endswith(
        'app.yaml:8: approvals[0].when.if: this workspace has no enabled user group "sres", so nobody is ever '
        'in it. Did you mean "sre"?'
    )


@pytest.mark.parametrize("lacking", ["", "pip install calendars"])
async def test_offline_a_missing_extra_is_told(app: Path, lacking: str) -> None:
    world = World(calendars_lack=lacking)
    report = await told(app, "oncall: {db: {ical: {file: db.ics, zone: UTC}}}", world, offline=True)
    assert (
        [str(each).partition("app.yaml:")[2] for each in report.problems] == []
        if not lacking
        else ["8: oncall.db.ical: calendars need packages that are not installed. Run: pip install calendars."]
    )
