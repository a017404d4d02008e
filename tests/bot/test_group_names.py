"""The lines of `signoff check` about user groups, on the real probe and the local workspace."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fakes.people import PeopledSlack

from bot.checks.slack import known_groups
from bot.config.secrets import Secrets
from bot.rules.group_names import GroupNames
from bot.wiring.probes import probes
from engine.ids import UserId
from engine.ports import ListedGroup

WHERE = {"@sre": "app.yaml:4: rule 0", "payments": "app.yaml:7: rule 1"}

pytestmark = pytest.mark.promise("P10")


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[PeopledSlack]:
    async with PeopledSlack(data=tmp_path) as slack:
        yield slack


async def lines(slack: PeopledSlack, where: dict[str, str]) -> list[str]:
    environment = slack.environment()
    secrets = Secrets(slack_bot_token=environment["SLACK_BOT_TOKEN"], slack_api_url=environment["SLACK_API_URL"])
    return [str(each) for each in (await known_groups(secrets, probes(), where))[1]]


async def test_groups_that_are_there_are_right_by_handle_and_by_id(slack: PeopledSlack) -> None:
    assert await lines(slack, WHERE | {"S0SRE": "app.yaml:9"}) == []


async def test_a_group_that_is_not_there_or_disabled_is_told_where_it_is_named(slack: PeopledSlack) -> None:
    await slack.people.post("/people/group", {"handle": "payments", "members": None})
    assert await lines(slack, WHERE | {"@sr": "app.yaml:9", "S0GONE": "app.yaml:9"}) == [
        (
            "app.yaml:7: rule 1: the user group @payments is disabled in Slack, so nobody can decide "
            "by it. Enable it in Slack, or name another one."
        ),
        'app.yaml:9: this workspace has no user group "sr". Did you mean "sre"?',
        (
            'app.yaml:9: this workspace has no user group "S0GONE". '
            "Write the handle or the id of a user group, or create it in Slack."
        ),
    ]


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (
            {"plan": "free"},
            (
                "app.yaml:4: rule 0: this workspace has no user groups: they need a paid Slack plan. "
                "Name users in place of groups, or upgrade the plan."
            ),
        ),
        (
            {"lacks": ["usergroups:read"]},
            (
                "app.yaml:4: rule 0: the bot may not read user groups: its token lacks the scope "
                "usergroups:read. Add it on your app's OAuth & Permissions page (signoff manifest lists all), and "
                "reinstall the app."
            ),
        ),
        (
            {"method": "usergroups.list", "error": "enterprise_is_restricted", "times": 9},
            (
                "SLACK_BOT_TOKEN: Slack refused usergroups.list: enterprise_is_restricted. "
                "See https://docs.slack.dev/reference/methods for this code."
            ),
        ),
    ],
)
async def test_what_slack_refuses_is_one_line_and_only_where_rules_name_groups(
    slack: PeopledSlack, fault: dict[str, Any], line: str
) -> None:
    await slack.people.fault(**fault)
    assert await lines(slack, WHERE) == [line]
    assert await lines(slack, {}) == []


def test_a_group_without_members_is_told() -> None:
    """Slack has none; a directory that fills groups from elsewhere may."""
    names = GroupNames({"sre": ListedGroup("S1", "sre", frozenset())}, {"sre": "S1"})
    (told,) = names.problems({"sre": "app.yaml:4"})
    assert str(told).startswith("app.yaml:4: the user group @sre has no members, so nobody can decide by it.")
    some = GroupNames({"sre": ListedGroup("S1", "sre", frozenset({UserId("U1")}))}, {"sre": "S1"})
    assert not [*some.problems({"sre": "app.yaml:4"})]
