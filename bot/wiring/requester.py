"""Looks up in Slack a person who might make a request: for `signoff explain`."""

from slack_sdk.errors import SlackClientError

from adapters.slack.workspace import directory, groups
from adapters.slack.workspace.client import SLACK, web_client
from adapters.slack.workspace.errors import SlackRefused
from adapters.slack.workspace.identity import whoami
from bot.config.problems import ConfigProblem, ProblemsError
from bot.config.settings import Config
from bot.rules.what_if import Requester
from bot.wiring.slack import slack_problem


async def asked_requester(config: Config, name: str) -> Requester:
    """Find a person by name or id. Their groups are None where Slack does not list them. Raises ProblemsError."""
    secrets = config.secrets
    async with web_client(secrets.slack_bot_token, secrets.slack_api_url or SLACK) as client:
        try:
            identity = await whoami(client)
            found = (await directory.people(client, [name], identity)).get(name)
        except (SlackRefused, SlackClientError, OSError, TimeoutError) as error:
            raise ProblemsError([slack_problem("SLACK_BOT_TOKEN", error)]) from None
        if found is None:
            what = f'nobody in this workspace is called "{name}"'
            raise ProblemsError([ConfigProblem("--requester", what, "Write a member's name or Slack id.")])
        try:
            listed = await groups.all_groups(client, identity)
        except (SlackRefused, SlackClientError, OSError, TimeoutError):
            return Requester(found.id, None, bool(found.unable))
    own = frozenset(each.handle for each in listed if not each.unable and found.id in each.people)
    return Requester(found.id, own, bool(found.unable))
