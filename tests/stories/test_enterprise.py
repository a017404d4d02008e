"""An Enterprise organization: one person, one id, several workspaces (P6).

Olga belongs to the bot's workspace and to another one, which is her first; Mona to that one alone, and Eve to no
workspace of the organization. https://docs.slack.dev/enterprise-grid/developing-for-enterprise-grid
"""

import pytest
from stories.world import World

from adapters.localslack.state.roster import PeopleFile, PersonEntry


@pytest.fixture
def members() -> PeopleFile:
    """Everybody is in every channel."""
    return PeopleFile(
        people=[
            PersonEntry(name="alice", workspaces=["local"]),
            PersonEntry(name="bob"),
            PersonEntry(name="carol"),
            PersonEntry(name="gina", team="sales", workspaces=["sales", "local"], guest=True),
            PersonEntry(name="olga", team="sales", workspaces=["sales", "local"]),
            PersonEntry(name="mona", team="sales", workspaces=["sales"]),
            PersonEntry(name="eve", team="other"),
        ]
    )


@pytest.mark.promise("P6")
async def test_who_belongs_to_several_workspaces_decides_as_any_member_does(world: World) -> None:
    await world.start("yes_or_no", approvals=[{"approvers": {"users": ["olga"]}}])
    card = await world.asked("drop the table")
    await card.click("Approve", by=world.slack.person("olga"))
    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="approved")
    await world.done("drop the table")
    await world.nothing_else()


async def test_who_belongs_to_several_workspaces_talks_to_agents(world: World) -> None:
    await world.start("yes_or_no")
    olga = world.slack.person("olga")
    await olga.say("#deploys", "@signoff drop the table")
    card = await world.bob.expect_card("#deploys", containing="drop the table")
    await card.click("Approve", by=world.bob)
    await olga.expect_message("#deploys", containing="approved")
    await olga.say("dm", "drop the view")
    own = await olga.expect_card("dm", containing="drop the view")
    await own.click("Approve")
    await olga.expect_message("dm", containing="approved")
    await world.done("drop the table", "drop the view")
    await world.nothing_else()


@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    ("who", "code"), [("mona", "stranger"), ("eve", "stranger"), ("gina", "guest")], ids=["sibling", "other", "guest"]
)
async def test_who_does_not_belong_here_decides_nothing(world: World, who: str, code: str) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the table")
    person = world.slack.person(who)
    await card.click("Approve", by=person)
    await person.expect_message("#deploys", ephemeral=True)
    await world.audited(card, "asked", f"refused by {who}: {code}")
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P6")
@pytest.mark.parametrize("who", ["mona", "eve"])
async def test_who_does_not_belong_here_starts_nothing(world: World, who: str) -> None:
    await world.start("yes_or_no")
    person = world.slack.person(who)
    await person.say("#deploys", "@signoff drop the table")
    await person.expect_message("#deploys", containing="Only members of this workspace can talk", ephemeral=True)
    await world.done()
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_where_slack_cannot_say_who_speaks_the_person_is_told_to_send_it_again(world: World) -> None:
    await world.start("yes_or_no")
    olga = world.slack.person("olga")
    await world.slack.people.fault(method="users.info", times=9, error="internal_error")
    await olga.say("#deploys", "@signoff drop the table")
    await olga.expect_message("#deploys", containing="Couldn't check with Slack", ephemeral=True)
    await world.slack.people.fault(reset=True)
    await olga.say("#deploys", "@signoff drop the table")
    card = await world.bob.expect_card("#deploys", containing="drop the table")
    await card.click("Approve", by=world.bob)
    await olga.expect_message("#deploys", containing="approved")
    await world.done("drop the table")
    await world.nothing_else()
