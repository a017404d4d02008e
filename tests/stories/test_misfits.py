"""What `signoff run` refuses of an agent's entry, `signoff check` finds, in the same words (P10)."""

from typing import Any

import pytest
import yaml
from stories.world import World, agent

from bot.checks.check import NOT_ASKED, check
from bot.config.problems import ProblemsError
from bot.wiring.probes import probes

pytestmark = pytest.mark.promise("P10")

FITS = {"input": {"service": "$text"}, "reply": "status"}
FAULTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an unknown node before": (
        {**FITS, "interrupt_before": ["deplyo"]},
        ["agents.rollout.interrupt_before: 'rollout.py:graph': there is no node \"deplyo\" for a breakpoint"],
    ),
    "an unknown node after": (
        {**FITS, "interrupt_after": ["deplyo"]},
        ["agents.rollout.interrupt_after: 'rollout.py:graph': there is no node \"deplyo\" for a breakpoint"],
    ),
    "the default input and reply": (
        {},
        [
            "it has service, replicas, status. Write input: {service: $text}.",
            "it has service, replicas, status. Write reply: status.",
        ],
    ),
    "a reply that is spelled wrong": (
        {**FITS, "reply": "satus"},
        ['agents.rollout.reply: the graph\'s state has no "satus"'],
    ),
}


@pytest.mark.parametrize(("entry", "told"), FAULTS.values(), ids=FAULTS.keys())
async def test_run_refuses_what_check_finds(world: World, entry: dict[str, Any], told: list[str]) -> None:
    with pytest.raises(ProblemsError) as refused:
        await world.start(agents={"rollout": {"graph": "rollout.py:graph", "channels": ["#deploys"], **entry}})
    environ = world.slack.environment() | {"REDIS_URL": world.redis_url}
    report = await check(world.folder / "app.yaml", environ, probes())
    assert [str(problem) for problem in report.problems] == [str(problem) for problem in refused.value.problems]
    for problem, words in zip(report.problems, told, strict=True):
        assert words in str(problem)


async def test_a_graph_that_needs_a_context_is_refused(world: World) -> None:
    world.rewrite(
        "echo",
        ("StateGraph(MessagesState)", "StateGraph(MessagesState, context_schema=Needs)"),
        ("def echo(", "@dataclasses.dataclass\nclass Needs:\n    model: str\n\n\ndef echo("),
        (
            "from langchain_core.messages import AIMessage",
            "import dataclasses\n\nfrom langchain_core.messages import AIMessage",
        ),
    )
    with pytest.raises(ProblemsError, match=r"agents\.echo\.context: the graph needs a context with model\. Write"):
        await world.start("echo")
    await world.start(agents={"echo": agent("echo", context={"model": "for $user"})})


async def test_without_tokens_everything_else_is_checked(world: World) -> None:
    agents = {"rollout": {"graph": "rollout.py:graph", "channels": ["#deploys"], **FITS, "interrupt_before": ["no"]}}
    rules = [{"when": {"agent": "rolout"}, "approvers": {"users": ["bob"]}}]
    (world.folder / "app.yaml").write_text(yaml.safe_dump({"agents": agents}), encoding="utf-8")
    report = await check(world.folder / "app.yaml", {"REDIS_URL": world.redis_url}, probes())
    *tokens, last = map(str, report.problems)
    assert 'there is no node "no" for a breakpoint' in last
    assert [each.partition(":")[0] for each in tokens] == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]
    assert report.warnings == (NOT_ASKED,)
    (world.folder / "app.yaml").write_text(yaml.safe_dump({"agents": agents, "approvals": rules}), encoding="utf-8")
    report = await check(world.folder / "app.yaml", {"REDIS_URL": world.redis_url}, probes())
    assert any('"rolout" matches no agent' in str(problem) for problem in report.problems)


APPROVERS: dict[str, tuple[dict[str, Any], str]] = {
    "a guest": ({"users": ["bob", "gina"]}, "approvers.users[1]: gina is a guest, and only full members"),
    "another workspace": (
        {"users": ["eve"]},
        "approvers.users[0]: eve is a person of another workspace, and only full",
    ),
    "the bot itself": ({"users": ["bob", "signoff"]}, "approvers.users[1]: signoff is a bot, and only full members"),
    "one person twice": (
        {"users": ["bob", "U0BOB"]},
        "approvers.users: a quorum of 2 cannot be reached: some of these names are the same person",
    ),
}


@pytest.mark.promise("P6")
@pytest.mark.parametrize(("approvers", "told"), APPROVERS.values(), ids=APPROVERS.keys())
async def test_run_and_check_refuse_approvers_who_may_never_decide(
    world: World, approvers: dict[str, Any], told: str
) -> None:
    rule = {"approvers": approvers, "quorum": len(approvers["users"])}
    with pytest.raises(ProblemsError) as refused:
        await world.start("yes_or_no", approvals=[rule])
    environ = world.slack.environment() | {"REDIS_URL": world.redis_url}
    report = await check(world.folder / "app.yaml", environ, probes())
    assert [*map(str, report.problems)] == [*map(str, refused.value.problems)]
    (problem,) = report.problems
    assert told in str(problem)


@pytest.mark.promise("P6")
async def test_run_and_check_refuse_a_rule_whose_approvers_would_not_see_its_card(world: World) -> None:
    entry = agent("yes_or_no", channels=["#deploys"], direct_messages=True)
    rule: dict[str, Any] = {"approvers": {"users": ["bob", "carol"]}}
    with pytest.raises(ProblemsError) as refused:
        await world.start(agents={"one": entry}, approvals=[rule])
    (problem,) = refused.value.problems
    assert str(problem).endswith(
        "approvals[0]: one takes direct messages, where only the requester sees a request, so nobody here could decide "
        'it. Add notify: dm, or post_to: "#deploys" or another channel that the approvers are in, '
        "or remove direct_messages."
    )
    environ = world.slack.environment() | {"REDIS_URL": world.redis_url}
    assert (await check(world.folder / "app.yaml", environ, probes())).problems == (problem,)

    await world.start(agents={"one": entry}, approvals=[{**rule, "post_to": "#approvals"}])
    await world.alice.say("dm", "drop the table")
    card = await world.bob.expect_card("#approvals", containing="drop the table")
    await world.signpost("dm")
    await card.click("Approve")
    await world.alice.expect_message("dm", containing="approved")
    await world.nothing_else()
