import importlib
import os
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from support.example_conversations import EXAMPLES, Conversation

SHIP_BILLING = "ship billing 2.4.1 to production"
THREE = "ship billing 2.4.1 and ledger 1.9.0 to production and search 3.0.0 to staging"
APPROVE = {"type": "approve"}


def reject(message: str) -> dict[str, str]:
    return {"type": "reject", "message": message}


def edit(name: str, **args: Any) -> dict[str, Any]:
    return {"type": "edit", "edited_action": {"name": name, "args": args}}


def decide(*decisions: dict[str, Any]) -> dict[str, Any]:
    return {"decisions": list(decisions)}


def proposed(conversation: Conversation) -> list[tuple[str, dict[str, Any]]]:
    return [(action["name"], action["args"]) for action in conversation.asked["action_requests"]]


@pytest.fixture
def deploy() -> Conversation:
    return Conversation("deploy")


def rollback(service: str, version: str, environment: str) -> tuple[str, dict[str, Any]]:
    return "rollback_service", {"service": service, "version": version, "environment": environment}


def deployment(service: str, version: str, environment: str, replicas: int) -> tuple[str, dict[str, Any]]:
    args = {"service": service, "version": version, "environment": environment, "replicas": replicas}
    return "deploy_service", args


async def test_a_deployment_is_asked_for_before_anything_changes(deploy: Conversation) -> None:
    await deploy.say(SHIP_BILLING)
    assert deploy.asked == {
        "action_requests": [
            {
                "name": "deploy_service",
                "args": {"service": "billing", "version": "2.4.1", "environment": "production", "replicas": 3},
                "description": "Ship billing 2.4.1 to production on 3 replicas. "
                "Running there now: 2.4.0 on 3 replicas.",
            }
        ],
        "review_configs": [{"action_name": "deploy_service", "allowed_decisions": ["approve", "edit", "reject"]}],
    }


async def test_approved_it_runs_and_the_fleet_shows_it(deploy: Conversation) -> None:
    await (await deploy.say(SHIP_BILLING)).answer(decide(APPROVE))
    assert deploy.reply == "billing 2.4.1 is live in production on 3 replicas, in place of 2.4.0."
    await deploy.say("status of billing")
    assert deploy.reply == (
        "billing: production runs 2.4.1 on 3 replicas (before: 2.4.0); staging runs 2.4.1 on 1 replica (before: 2.4.0)"
    )


async def test_edited_the_edited_arguments_run_and_the_answer_says_so(deploy: Conversation) -> None:
    edited = edit("deploy_service", service="billing", version="2.4.1", environment="staging", replicas=5)
    await (await deploy.say(SHIP_BILLING)).answer(decide(edited))
    assert deploy.reply == (
        "billing 2.4.1 is live in staging on 5 replicas, in place of 2.4.1 on 1 replica. "
        "A reviewer changed environment from production to staging and replicas from 3 to 5 before it ran."
    )
    await deploy.say("status of billing")
    assert "production runs 2.4.0" in deploy.reply


async def test_edited_into_another_action_that_action_is_named(deploy: Conversation) -> None:
    edited = edit("rollback_service", service="billing", version="2.3.7", environment="production")
    await (await deploy.say(SHIP_BILLING)).answer(decide(edited))
    assert deploy.reply == (
        "billing in production is back on 2.3.7 on 3 replicas, in place of 2.4.0. "
        "A reviewer chose this in place of what I proposed: to ship billing 2.4.1 to production on 3 replicas."
    )


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"replicas": 21}, "replicas: Input should be less than or equal to 20"),
        ({"replicas": 0}, "replicas: Input should be greater than or equal to 1"),
        ({"environment": "prod"}, "environment: Input should be 'staging' or 'production'"),
        ({"version": "newest"}, "version: String should match pattern"),
        ({"replica": 4}, "replica: Extra inputs are not permitted"),
    ],
)
async def test_an_edit_that_makes_no_sense_changes_nothing(
    deploy: Conversation, changed: dict[str, Any], problem: str
) -> None:
    args = {"service": "billing", "version": "2.4.1", "environment": "production", "replicas": 3} | changed
    await (await deploy.say(SHIP_BILLING)).answer(decide(edit("deploy_service", **args)))
    assert deploy.reply.startswith(f"I could not ship billing 2.4.1 to production on 3 replicas: {problem}")
    assert deploy.reply.endswith("Production still runs billing 2.4.0 on 3 replicas.")


async def test_rejected_it_does_not_run_and_the_answer_gives_the_reason(deploy: Conversation) -> None:
    await (await deploy.say(SHIP_BILLING)).answer(decide(reject("Freeze until Monday")))
    assert deploy.reply == (
        "I did not ship billing 2.4.1 to production on 3 replicas: a reviewer refused it: “Freeze until Monday”. "
        "Production still runs billing 2.4.0 on 3 replicas."
    )


async def test_rejected_without_a_reason_the_answer_says_that_none_was_given(deploy: Conversation) -> None:
    await (await deploy.say(SHIP_BILLING)).answer(decide({"type": "reject"}))
    assert "a reviewer refused it and gave no reason. Production still runs billing 2.4.0" in deploy.reply


async def test_three_actions_make_one_batch_and_each_gets_its_own_decision(deploy: Conversation) -> None:
    await deploy.say(THREE)
    assert proposed(deploy) == [
        deployment("billing", "2.4.1", "production", 3),
        deployment("ledger", "1.9.0", "production", 2),
        deployment("search", "3.0.0", "staging", 1),
    ]
    edited = edit("deploy_service", service="search", version="3.0.1", environment="staging", replicas=1)
    await deploy.answer(decide(APPROVE, reject("Month-end close"), edited))
    assert deploy.reply == (
        "• billing 2.4.1 is live in production on 3 replicas, in place of 2.4.0.\n"
        "• I did not ship ledger 1.9.0 to production on 2 replicas: a reviewer refused it: “Month-end close”. "
        "Production still runs ledger 1.8.3 on 2 replicas.\n"
        "• search 3.0.1 is live in staging on 1 replica, in place of 2.9.5. "
        "A reviewer changed version from 3.0.0 to 3.0.1 before it ran."
    )


async def test_every_tool_call_has_an_id_of_its_own_and_exactly_one_result(deploy: Conversation) -> None:
    await (await deploy.say(THREE)).answer(decide(APPROVE, reject("no"), APPROVE))
    await (await deploy.say(SHIP_BILLING)).answer(decide(APPROVE))
    messages = deploy.state["messages"]
    called = [str(call["id"]) for each in messages if isinstance(each, AIMessage) for call in each.tool_calls]
    answered = [each.tool_call_id for each in messages if isinstance(each, ToolMessage)]
    assert len(set(called)) == len(called) == 4
    assert sorted(called) == sorted(answered)


async def test_a_rollback_returns_to_the_release_before(deploy: Conversation) -> None:
    await deploy.say("roll back billing in staging")
    assert proposed(deploy) == [rollback("billing", "2.4.0", "staging")]
    assert deploy.asked["action_requests"][0]["description"] == (
        "Roll back billing in staging to 2.4.0. Running there now: 2.4.1 on 1 replica."
    )
    await deploy.answer(decide(APPROVE))
    assert deploy.reply == "billing in staging is back on 2.4.0 on 1 replica, in place of 2.4.1."


async def test_nobody_is_asked_for_a_rollback_to_nowhere(deploy: Conversation) -> None:
    await deploy.say("roll back gateway in production")
    assert deploy.reply == "gateway has no earlier release in production to return to."


async def test_a_rollback_goes_to_the_version_that_people_saw_or_nowhere(deploy: Conversation) -> None:
    edited = edit("rollback_service", service="billing", version="2.3.7", environment="staging")
    await (await deploy.say("roll back billing in staging")).answer(decide(edited))
    assert deploy.reply.startswith(
        "I could not roll back billing in staging to 2.4.0: billing ran 2.4.0 before in staging, not 2.3.7."
    )


async def test_what_was_shipped_is_there_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNOFF_DEMO_DATA", str(tmp_path))
    await (await Conversation("deploy").say(SHIP_BILLING)).answer(decide(APPROVE))
    after = await Conversation("deploy").say("status of billing")
    assert "production runs 2.4.1 on 3 replicas (before: 2.4.0)" in after.reply
    assert os.listdir(tmp_path) == ["fleet.json"]  # noqa: PTH208 - a few names, not a path's business


def test_a_change_of_the_fleet_that_is_made_twice_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    fleet = importlib.import_module("signoff_examples_fleet").Fleet()
    for _ in range(2):
        assert str(fleet.roll_back("billing", "production", "2.3.7")[1]) == "2.3.7 on 3 replicas"


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        (
            "Please deploy checkout v5.12.1 to prod with 4 replicas!",
            [deployment("checkout", "5.12.1", "production", 4)],
        ),
        ("@signoff ship Billing 2.4.1 to production.", [deployment("billing", "2.4.1", "production", 3)]),
        ("upgrade ledger from 1.8.3 to 1.9.0 in staging", [deployment("ledger", "1.9.0", "staging", 1)]),
        ("deploy version 2.4.1 of billing to staging", [deployment("billing", "2.4.1", "staging", 1)]),
        ("ship checkout 5.13.0-rc.1 to production", [deployment("checkout", "5.13.0-rc.1", "production", 6)]),
        (
            "in staging roll back search and ledger",
            [
                rollback("search", "2.9.4", "staging"),
                rollback("ledger", "1.8.3", "staging"),
            ],
        ),
        (
            "roll back search in production and ship billing 2.4.1 to staging",
            [
                rollback("search", "2.9.3", "production"),
                deployment("billing", "2.4.1", "staging", 1),
            ],
        ),
    ],
)
async def test_it_understands(deploy: Conversation, text: str, calls: list[tuple[str, dict[str, Any]]]) -> None:
    await deploy.say(text)
    assert proposed(deploy) == calls


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("ship payments 2.0.0 and billing 2.4.1 to production", "I do not know a service called payments."),
        ("status of payments", "I do not know a service called payments."),
        ("please don't ship billing 2.4.1 to production", "All right, I leave everything as it is."),
        ("ship billing to production", "Which version of billing shall I ship? Staging runs 2.4.1."),
        ("roll back billing", "Where shall I roll back billing: in staging or in production?"),
        ("ship search 3.0.0 to staging with 50 replicas", "I run 1 to 20 replicas of search, not 50."),
        ("what's the weather like?", "I ship services, and a person approves before anything changes. You can say:\n"),
        ("thank you!", "You are welcome."),
    ],
)
async def test_what_it_cannot_do_is_answered_without_asking_for_an_approval(
    deploy: Conversation, text: str, answer: str
) -> None:
    await deploy.say(text)
    assert deploy.reply.startswith(answer)


async def test_what_a_request_lacks_may_be_said_in_later_turns(deploy: Conversation) -> None:
    await deploy.say("ship billing")
    await deploy.say("2.4.1")
    assert deploy.reply == "Where shall I ship billing: in staging or in production?"
    await deploy.say("production")
    assert proposed(deploy) == [deployment("billing", "2.4.1", "production", 3)]


async def test_a_complete_request_replaces_an_unfinished_one(deploy: Conversation) -> None:
    await deploy.say("ship billing")
    await deploy.say("ship ledger 1.9.0 to production")
    assert proposed(deploy) == [deployment("ledger", "1.9.0", "production", 2)]


@pytest.mark.parametrize(
    "text", ["what is running?", "@signoff status", "<@U0B0T> status", "What is running right now?"]
)
async def test_the_status_of_all_needs_no_approval(deploy: Conversation, text: str) -> None:
    await deploy.say(text)
    assert [line.split(":")[0] for line in deploy.reply.splitlines()] == [
        "• billing",
        "• checkout",
        "• gateway",
        "• ledger",
        "• notifications",
        "• search",
    ]
