"""Whom another service means: one active full member of the workspace, or nobody (P6)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from fakes.people import PeopledSlack

from adapters.localslack.state.roster import PeopleFile, PersonEntry
from adapters.slack.workspace.accounts import SlackAccounts
from adapters.slack.workspace.client import web_client
from adapters.slack.workspace.identity import whoami
from engine.ids import UserId
from engine.ports import AccountsUnknownError

pytestmark = pytest.mark.promise("P6")

PEOPLE = PeopleFile(
    people=[
        PersonEntry(name="jane", email="Jane@Example.com"),
        PersonEntry(name="bob", email="shared@example.com"),
        PersonEntry(name="carol", email="shared@example.com"),
        PersonEntry(name="dave", email="moved@example.com"),
        PersonEntry(name="former", email="moved@example.com", deactivated=True),
        PersonEntry(name="gina", guest=True),
        PersonEntry(name="joan", email="both@example.com"),
        PersonEntry(name="visitor", email="both@example.com", guest=True),
        PersonEntry(name="left", deactivated=True),
        PersonEntry(name="eve", team="other"),
    ]
)


@dataclass
class Directory:
    """The accounts of a local workspace, with a clock of the test's own."""

    slack: PeopledSlack
    accounts: SlackAccounts
    time: list[float]

    def changes(self, name: str, **what: object) -> None:
        people = self.slack.workspace.state.people
        who = next(each for each in people.values() if each.name == name)
        people[who.id] = replace(who, **what)  # type: ignore[arg-type]


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Directory]:
    time = [1_000.0]
    async with PeopledSlack(data=tmp_path, people=PEOPLE) as slack:
        environ = slack.environment()
        async with web_client(environ["SLACK_BOT_TOKEN"], environ["SLACK_API_URL"]) as client:
            accounts = SlackAccounts(client, await whoami(client), clock=lambda: time[0])
            yield Directory(slack, accounts, time)
            await accounts.aclose()


async def test_an_address_is_that_of_exactly_one_active_full_member(directory: Directory) -> None:
    found = {
        email: await directory.accounts.of_email(email)
        for email in (
            "jane@example.COM",
            " jane@example.com ",
            "shared@example.com",
            "moved@example.com",
            "gina@example.com",
            "both@example.com",
            "left@example.com",
            "eve@other.example",
            "nobody@example.com",
            "",
        )
    }
    assert {email: user for email, user in found.items() if user is not None} == {
        "jane@example.COM": "U0JANE",
        " jane@example.com ": "U0JANE",
        "moved@example.com": "U0DAVE",
    }


async def test_members_are_active_and_full(directory: Directory) -> None:
    names = ("JANE", "GINA", "LEFT", "EVE", "SIGNOFF", "NOBODY")
    known = [name for name in names if await directory.accounts.is_member(UserId(f"U0{name}"))]
    assert known == ["JANE"]


async def test_somebody_who_is_new_is_found_and_somebody_who_changed_is_not(directory: Directory) -> None:
    """The list of all is read anew for an address that it lacks, once a minute at most."""
    assert await directory.accounts.of_email("new@example.com") is None
    assert await directory.accounts.of_email("jane@example.com") == "U0JANE"
    directory.changes("bob", email="new@example.com")
    assert await directory.accounts.of_email("new@example.com") is None, "the list was just read"
    directory.time[0] += 61
    assert await directory.accounts.of_email("new@example.com") == "U0BOB"
    directory.changes("jane", email="else@example.com")
    directory.time[0] += 61
    assert await directory.accounts.of_email("jane@example.com") is None
    directory.changes("bob", guest=True)
    directory.time[0] += 61
    assert await directory.accounts.of_email("new@example.com") is None


async def test_where_slack_does_not_say_nothing_is_known(directory: Directory) -> None:
    await directory.slack.people.post("/faults", {"method": "users.list", "error": "fatal_error", "times": 9})
    await directory.slack.people.post("/faults", {"method": "users.info", "error": "fatal_error", "times": 9})
    with pytest.raises(AccountsUnknownError):
        await directory.accounts.of_email("jane@example.com")
    with pytest.raises(AccountsUnknownError):
        await directory.accounts.is_member(UserId("U0JANE"))
