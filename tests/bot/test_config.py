"""What a right configuration becomes."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from adapters.langgraph.messages.inputs import input_of, of_run
from bot.config.entries import Mode, ResumeMode
from bot.config.load import load
from bot.config.names import agents_relying_on_defaults, approver_names, channel_names
from bot.config.problems import ConfigError
from bot.config.settings import Config
from bot.rules.rulebook import KnownNames, rulebook
from engine.authority.policy import REQUESTER, Deadlines, OnExpiry, one_part, person
from engine.ids import AgentName, ChannelId, ThreadId, UserId
from engine.ports import ListedPerson, Turn
from engine.rules.routing import Rule, Rulebook

ENVIRON = MappingProxyType({"SLACK_BOT_TOKEN": "xoxb-1-bot", "SLACK_APP_TOKEN": "xapp-1-app"})
Write = Callable[[str], Path]

WHOLE = """\
agents:
  deploy:
    graph: examples/deploy.py:graph
    description: Ships services
    channels: ["#deploys", ops]
  travel:
    graph: examples.travel:graph
    direct_messages: ${DIRECT:-true}
    input: {text: "$text", who: $user, n: null}
    reply: letter
approvals:
  - when: {agent: deploy, tool: "rollback_*"}
    approvers: {users: [alice, "@bob", carol]}
    quorum: 2
    own_requests: true
    post_to: "#approvals"
    remind_after: 90s
    expires_after: 4h
    on_expiry: fail
  - when: {kind: question}
    expires_after: 1d
http: {port: 0}
data: state
retention: 7d
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        file = tmp_path / "app.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return to_file


@pytest.fixture
def whole(write: Write) -> Config:
    return load(write(WHOLE), ENVIRON)


def test_every_key_arrives(whole: Config, tmp_path: Path) -> None:
    deploy, travel = whole.agents.values()
    assert (deploy.graph, deploy.channels, deploy.direct_messages) == (
        "examples/deploy.py:graph",
        ("#deploys", "#ops"),
        False,
    )
    assert deploy.input == {"messages": [{"role": "user", "content": "$text"}]}
    assert (deploy.reply, travel.reply) == ("messages[-1].content", "letter")
    assert travel.direct_messages is True
    assert travel.input == {"text": "$text", "who": "$user", "n": None}
    assert (whole.mode, whole.http.host, whole.http.port) == (Mode.SOCKET, "127.0.0.1", 0)
    assert (whole.base, whole.data, whole.retention) == (tmp_path, tmp_path / "state", timedelta(days=7))


@pytest.mark.promise("P9")
@pytest.mark.parametrize(
    ("said", "days"),
    [("", 400), ("retention: 7d\n", 400), ("retention: 600d\n", 600), ("audit_retention: 3650d\n", 3650)],
)
def test_the_audit_is_kept_longer_than_what_it_tells_of(write: Write, said: str, days: int) -> None:
    config = load(write("agents: {a: {graph: a.py:g, channels: [ops]}}\n" + said), ENVIRON)
    assert config.audit_retention == timedelta(days=days)


def test_answers_go_each_or_together(write: Write) -> None:
    one = "{graph: a.py:g, channels: [ops]}"
    other = "{graph: b.py:g, channels: [dev], resume: together}"
    read = load(write(f"agents:\n  one: {one}\n  other: {other}\n"), ENVIRON)
    assert [each.resume for each in read.agents.values()] == [ResumeMode.EACH, ResumeMode.TOGETHER]


def test_names_are_listed_with_where_they_stand(whole: Config) -> None:
    assert approver_names(whole) == {
        "alice": f"{whole.file}:13: approvals[0].approvers.users[0]",
        "bob": f"{whole.file}:13: approvals[0].approvers.users[1]",
        "carol": f"{whole.file}:13: approvals[0].approvers.users[2]",
    }
    assert list(channel_names(whole)) == ["#deploys", "#ops", "#approvals"]


PEOPLE = {name: ListedPerson(UserId(each)) for name, each in (("alice", "U1"), ("bob", "U2"), ("carol", "U3"))}


def rules(config: Config, people: Mapping[str, ListedPerson], channels: Mapping[str, ChannelId]) -> Rulebook:
    return rulebook(config, KnownNames(people, channels), {})


CHANNELS = {"#deploys": ChannelId("C1"), "#ops": ChannelId("C2"), "#approvals": ChannelId("C3")}


@pytest.mark.promise("P6")
def test_rules_become_the_engines(whole: Config) -> None:
    users = [person(each.id) for each in PEOPLE.values()]
    assert rules(whole, PEOPLE, CHANNELS).rules == (
        Rule(
            "approvals[0]",
            one_part("approvals[0]", *users, quorum=2, own_requests=True),
            Deadlines((timedelta(seconds=90),), timedelta(hours=4), OnExpiry.FAIL),
            agent="deploy",
            tool="rollback_*",
            post_to=ChannelId("C3"),
        ),
        Rule(
            "approvals[1]",
            one_part("approvals[1]", REQUESTER),
            Deadlines(expires_after=timedelta(days=1)),
            question=True,
        ),
    )


@pytest.mark.promise("P6")
@pytest.mark.promise("P10")
def test_an_approver_who_does_not_exist(whole: Config) -> None:
    people = {"alice": PEOPLE["alice"], "bob": PEOPLE["bob"], "caroline": PEOPLE["carol"]}
    with pytest.raises(ConfigError) as caught:
        rules(whole, people, CHANNELS)
    assert str(caught.value) == (
        f"{whole.file}:13: approvals[0].approvers.users[2]: "
        'nobody in this workspace is called "carol". Did you mean "caroline"?'
    )


@pytest.mark.promise("P6")
@pytest.mark.promise("P10")
@pytest.mark.parametrize("unable", ["a guest", "a deactivated account", "a bot", "a person of another workspace"])
def test_an_approver_who_may_never_decide(whole: Config, unable: str) -> None:
    people = {**PEOPLE, "carol": ListedPerson(UserId("U3"), unable)}
    with pytest.raises(ConfigError) as caught:
        rules(whole, people, CHANNELS)
    assert str(caught.value) == (
        f"{whole.file}:13: approvals[0].approvers.users[2]: "
        f"carol is {unable}, and only full members of this workspace decide. Name a full member."
    )


@pytest.mark.promise("P6")
def test_a_channel_that_does_not_exist(whole: Config) -> None:
    with pytest.raises(ConfigError) as caught:
        rules(whole, PEOPLE, {"#deploys": ChannelId("C1"), "#ops": ChannelId("C2")})
    assert str(caught.value) == (
        f"{whole.file}:16: approvals[0].post_to: the bot sees no channel #approvals. "
        "Create it and invite the bot, or correct its name."
    )


@pytest.mark.promise("P6")
def test_two_names_of_one_person_are_one_vote(whole: Config) -> None:
    one = ListedPerson(UserId("U1"))
    with pytest.raises(ConfigError, match="cannot be reached: some of these names are the same person"):
        rules(whole, {"alice": one, "bob": one, "carol": one}, CHANNELS)


@pytest.mark.parametrize(
    ("approvals", "relying"),
    [
        ("", ["deploy", "refunds"]),
        ('approvals: [{when: {tool: "deploy_*"}, approvers: {users: [alice]}}]', ["deploy", "refunds"]),
        ("approvals: [{when: {kind: question}, expires_after: 1h}]", ["deploy", "refunds"]),
        ('approvals: [{when: {agent: "dep*"}, approvers: {users: [alice]}}]', ["refunds"]),
        ("approvals: [{approvers: {users: [alice]}}]", []),
        ("approvals: [{when: {if: args.amount > 1}, approvers: {users: [alice]}}]", ["deploy", "refunds"]),
    ],
)
def test_who_relies_on_default_rules(write: Write, approvals: str, relying: list[str]) -> None:
    agents = "agents: {deploy: {graph: a.py:g, channels: [ops]}, refunds: {graph: b.py:g, channels: [ops]}}\n"
    assert list(agents_relying_on_defaults(load(write(agents + approvals), ENVIRON))) == relying


# The environment ------------------------------------------------------------------------------------------------------

ONE = 'agents: {deploy: {graph: "${FILE}.py:graph", description: "${A:-none} $${A} $A", channels: [ops]}}\n'


def test_variables_are_filled_in_from_the_environment_and_dotenv(write: Write, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FILE=from_dotenv\nexport A='two words'\n# nothing\nEMPTY=\nFLAG\n")
    agent = load(write(ONE), ENVIRON).agents
    assert [each.graph for each in agent.values()] == ["from_dotenv.py:graph"]
    assert [each.description for each in agent.values()] == ["two words ${A} $A"]


def test_dotenv_never_overrides_the_environment(write: Write, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FILE=from_dotenv\nSLACK_BOT_TOKEN=xoxb-of-dotenv\n")
    config = load(write(ONE), {**ENVIRON, "FILE": "outside"})
    assert [each.graph for each in config.agents.values()] == ["outside.py:graph"]
    assert config.secrets.slack_bot_token == "xoxb-1-bot"


def test_a_variable_cannot_change_the_shape_of_the_file(write: Write) -> None:
    hostile = "x}, channels: [ops]}, evil: {graph: 'y.py:g"
    with pytest.raises(ConfigError):
        load(write(ONE), {**ENVIRON, "FILE": hostile})


@pytest.mark.parametrize(
    ("environ", "text", "mode"),
    [
        ({"SLACK_APP_TOKEN": "xapp-1"}, "", Mode.SOCKET),
        ({"SLACK_SIGNING_SECRET": "abc"}, "", Mode.HTTP),
        ({"SLACK_APP_TOKEN": "xapp-1", "SLACK_SIGNING_SECRET": "abc"}, "", Mode.SOCKET),
        ({"SLACK_APP_TOKEN": "xapp-1", "SLACK_SIGNING_SECRET": "abc"}, "slack: {mode: http}", Mode.HTTP),
    ],
)
def test_how_slack_is_reached(write: Write, environ: dict[str, str], text: str, mode: Mode) -> None:
    file = write("agents: {deploy: {graph: a.py:g, channels: [ops]}}\n" + text)
    assert load(file, {"SLACK_BOT_TOKEN": "xoxb-1", **environ}).mode is mode


def test_secrets_are_not_printed(write: Write) -> None:
    secret = {
        "SLACK_BOT_TOKEN": "xoxb-hidden",
        "SLACK_APP_TOKEN": "xapp-hidden",
        "SLACK_SIGNING_SECRET": "hidden",
        "REDIS_URL": "redis://:hidden@host/0",
    }
    config = load(write(ONE), {**secret, "FILE": "a", "A": "b"})
    assert config.secrets.redis_url == secret["REDIS_URL"]
    assert "hidden" not in repr(config)
    assert "hidden" not in str(config.secrets)


def test_anchors_and_merge_keys_work(write: Write) -> None:
    text = """\
agents:
  one: &shared {graph: a.py:g, channels: [ops]}
  two: {<<: *shared, description: Another}
  three: *shared
"""
    agents = load(write(text), ENVIRON).agents
    assert [each.channels for each in agents.values()] == [("#ops",)] * 3


def test_the_demos_own_file_is_right() -> None:
    config = load(Path(__file__).parents[2] / "app.yaml", ENVIRON)
    assert list(config.agents) == ["deploy", "refunds", "database", "travel"]
    assert [each.quorum for each in config.approvals] == [2, 1]


def test_health_may_listen_apart_from_slacks_door(write: Write) -> None:
    assert load(write(WHOLE), ENVIRON).health is None
    apart = load(write(WHOLE + "health: {port: 9090}\n"), ENVIRON).health
    assert apart is not None
    assert (apart.host, apart.port) == ("127.0.0.1", 9090)


def test_tools_are_gated_for_one_agent_and_for_all(write: Write) -> None:
    config = load(
        write(
            """\
defaults: {gate_tools: ["delete_*", "refund_*"]}
agents:
  shop: {graph: shop.py:graph, channels: ["#shop"], gate_tools: ["refund_*", pay]}
  plain: {graph: plain.py:graph, channels: ["#plain"]}
  far: {server: {url: "http://far", assistant: far}, channels: ["#far"]}
"""
        ),
        ENVIRON,
    )
    shop, plain, far = (config.gates(AgentName(name)) for name in ("shop", "plain", "far"))
    assert list(shop) == ["refund_*", "pay", "delete_*"]
    assert shop["pay"].endswith("app.yaml:3: agents.shop.gate_tools[1]")
    assert shop["delete_*"].endswith("app.yaml:1: defaults.gate_tools[0]")
    assert list(plain) == ["delete_*", "refund_*"]
    assert not far


OF_RUNS = """\
agents:
  one:
    graph: a.py:graph
    channels: [ops]
    input: {text: $text, price: "${PRICE}"}
    context: {model: "${MODEL:-small}", db: {password: "${PASSWORD}", who: $user}, dollars: "$$5", tries: 3}
    configurable: {api_key: "${KEY}", where: "$channel/$thread", note: "$${KEPT}"}
"""
KEY, PRICE, PASSWORD = "ab$cd-12345", "$texts", "pa$$word-$user"


def test_the_context_of_an_agent_takes_variables_as_they_are(write: Write) -> None:
    """A dollar sign in a variable's value begins no word: it is the value's own, and may be part of a secret."""
    config = load(write(OF_RUNS), {**ENVIRON, "KEY": KEY, "PRICE": PRICE, "PASSWORD": PASSWORD})
    agent = config.agents[AgentName("one")]
    thread = ThreadId("T1:C1:1.0")
    assert of_run(agent.context, "U1", thread) == {
        "model": "small",
        "db": {"password": PASSWORD, "who": "U1"},
        "dollars": "$5",
        "tries": 3,
    }
    assert of_run(agent.configurable, "U1", thread) == {
        "api_key": KEY,
        "where": "C1/T1:C1:1.0",
        "note": "${KEPT}",
    }
    turn = Turn(thread, AgentName("one"), "key", "hello", UserId("U1"), ChannelId("C1"))
    assert input_of(agent.input, turn) == {"text": "hello", "price": PRICE}
    assert not {KEY, PASSWORD}.difference(config.secret_values)
    assert KEY not in repr(config)
    assert PASSWORD not in repr(config)


def test_without_context_and_configurable_nothing_is_given(whole: Config) -> None:
    agent = whole.agents[AgentName("deploy")]
    assert (agent.context, agent.configurable) == (None, {})
