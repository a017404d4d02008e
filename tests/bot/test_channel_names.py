"""What names of channels stand for: by id, whatever becomes of the name, and never silently for other people."""

from bot.rules.channel_names import resolved
from engine.ids import ChannelId
from engine.ports import ListedChannel

OLD, NEW = ChannelId("C0OLD"), ChannelId("C0NEW")


def channel(id: ChannelId, name: str, *, member: bool = True, archived: bool = False) -> ListedChannel:  # noqa: A002
    return ListedChannel(id, name, member, archived)


def test_a_name_stands_for_the_channel_that_has_it_and_is_remembered() -> None:
    found = resolved(["#deploys", "deploys", "C0OLD", "#nowhere", "C0NOWHERE"], [channel(OLD, "deploys")], {})
    assert found.ids == {"#deploys": OLD, "deploys": OLD, "C0OLD": OLD}
    assert (found.closed, found.notes) == ({}, {})
    assert found.memory == {"deploys": OLD, "C0OLD": OLD}


def test_a_rename_is_followed_and_said() -> None:
    found = resolved(["#deploys"], [channel(OLD, "ship-it")], {"deploys": OLD})
    assert found.ids == {"#deploys": OLD}
    assert found.notes["#deploys"].startswith("is called #ship-it now, and the bot follows it.")


def test_another_channel_that_has_the_name_now_is_not_taken_for_it() -> None:
    listed = [channel(OLD, "deploys-old"), channel(NEW, "deploys")]
    found = resolved(["#deploys"], listed, {"deploys": OLD})
    assert found.ids == {"#deploys": OLD}
    assert "the name of another channel now (C0NEW); the bot stays with C0OLD, which is #deploys-old" in str(
        found.notes
    )
    assert resolved(["C0NEW"], listed, {"deploys": OLD}).ids == {"C0NEW": NEW}, "who means the other writes its id"


def test_a_channel_that_was_deleted_is_not_replaced_by_one_of_its_name() -> None:
    found = resolved(["#deploys"], [channel(NEW, "deploys")], {"deploys": OLD})
    assert found.ids == {"#deploys": OLD}
    assert found.closed == {"#deploys": "was deleted, or it is private and the bot was removed from it"}
    assert "C0NEW" in found.notes["#deploys"]


def test_what_the_bot_never_could_use_is_not_remembered() -> None:
    listed = [channel(OLD, "deploys", archived=True), channel(NEW, "refunds", member=False)]
    found = resolved(["#deploys", "#refunds"], listed, {})
    assert found.closed == {"#deploys": "is archived", "#refunds": "does not have the bot as a member"}
    assert found.memory == {}


def test_of_two_channels_of_a_name_the_one_that_can_be_used_is_meant() -> None:
    listed = [channel(NEW, "deploys"), channel(OLD, "deploys", member=False, archived=True)]
    assert resolved(["#deploys"], listed, {}).ids == {"#deploys": NEW}
