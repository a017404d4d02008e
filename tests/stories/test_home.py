"""Home and the commands: what waits for me, what I asked, what became of it, who can decide, and taking it back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis
from fakes.people import Message, Person, wait_until
from stories.world import World

from adapters.blockkit import check_home, texts_of
from adapters.redis.stores.grants import RedisGrants
from adapters.slack.workspace.manifest import manifest
from bot.inbound import overview
from engine.approvals.approval import Approval
from engine.ids import ApprovalId, GrantId, ThreadId, UserId
from engine.ports import Change
from engine.rules.grants import Grant

RULE = {"when": {"agent": "yes_or_no"}, "approvers": {"users": ["bob", "carol"]}, "quorum": 2, "expires_after": "4h"}


async def home(person: Person, fits: Callable[[str], bool]) -> str:
    """What is to be read on a person's Home, once it is so."""
    await person.open_home()
    return await read(person, fits)


async def read(person: Person, fits: Callable[[str], bool]) -> str:
    seen: list[str] = []

    async def look() -> str | None:
        view = (await person.state())["home"]
        if not view:
            return None
        assert check_home({"type": "home", "blocks": view["blocks"]}) == []
        seen[:] = ["\n".join(texts_of(view["blocks"]))]
        return seen[0] if fits(seen[0]) else None

    return await wait_until(look, instead=lambda: f"the Home says {seen}")


async def told(person: Person, words: str) -> str:
    """What a command is answered with."""
    assert (await person.command("#deploys", "/signoff", words)).acked
    return (await person.expect_message("#deploys", ephemeral=True)).text


async def short(world: World, card: Message) -> str:
    return (await world.approval(card)).id.rpartition("#")[2][:8]


def part(text: str, title: str) -> str:
    """What stands under a headline of Home."""
    return text.partition(title)[2].partition("Your requests" if title.startswith("Waiting") else "Decided lately")[0]


async def test_home_shows_what_waits_for_me_what_i_asked_and_what_was_decided(world: World) -> None:
    await world.start("yes_or_no", approvals=[RULE])
    card = await world.asked("drop *all* <b>", containing="drop")
    bobs = await home(world.bob, lambda text: "Waiting for you (1)" in text)
    assert "drop ∗all∗ &lt;b&gt;" in bobs  # noqa: RUF001 - a likeness, so that nothing is styled
    assert "Requested by <@U0ALICE> via yes_or_no" in bobs
    link = f"/archives/{card.channel}/p{card.ts.replace('.', '')}?thread_ts={card.thread_ts}&cid={card.channel}|Open>"
    assert link in bobs
    alices = await home(world.alice, lambda text: "Your requests (1)" in text)
    assert "Nothing is waiting for your decision." in alices
    assert "Approvers: <@U0BOB>, <@U0CAROL>" in alices
    assert "0 of 2 approvals" in alices

    await card.click("Approve")
    await card.becomes("1 of 2 approvals")
    await home(world.bob, lambda text: "Nothing is waiting for your decision." in text)
    await home(world.carol, lambda text: "Waiting for you (1)" in text)
    await card.click("Approve", by=world.carol)
    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="approved")
    for person in (world.alice, world.bob, world.carol):
        text = await home(person, lambda text: "Approved by <@U0BOB>, <@U0CAROL>" in text)
        assert "Waiting for you (" not in text
        assert "You have no open requests." in text
    assert "Nothing was decided lately." in await home(world.gina, lambda text: "Decided lately" in text)
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_what_waits_for_me_follows_the_rule_of_today_and_says_what_it_could_not_look_up(world: World) -> None:
    await world.start("yes_or_no")
    await world.asked("drop it")
    await home(world.bob, lambda text: "Waiting for you (1)" in text)
    await home(world.alice, lambda text: "Nothing is waiting" in text and "Your requests (1)" in text)
    await home(world.gina, lambda text: "Nothing is waiting" in text)
    await world.slack.people.fault(method="users.info", error="internal_error", times=9)
    text = await home(world.carol, lambda text: "couldn't check whether you may decide 1 more request" in text)
    assert "Waiting for you (" not in text
    await world.nothing_else()


async def test_more_requests_than_can_be_looked_at_are_not_passed_over_in_silence(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "MOST", 2)
    await world.start("yes_or_no", approvals=[RULE])
    for number in range(3):
        await world.asked(f"number {number}")
    await home(world.bob, lambda text: "Waiting for you (2)" in text and "only the oldest were checked" in text)
    await world.nothing_else()


async def test_500_pending_requests_are_shown_in_pages_of_20(world: World) -> None:
    await world.start("yes_or_no", approvals=[RULE])
    first = await world.approval(await world.asked("number 0"))
    await pending(world, first, 500)
    await home(world.bob, lambda text: "Waiting for you (500)" in text and "Page 1 of 25" in text)
    view = (await world.bob.state())["home"]
    shown = [each for each in view["blocks"] if each["type"] == "section" and "Requested by" in each["text"]["text"]]
    assert len(shown) == 20
    assert (await world.bob.click_home("Next")).acked
    await read(world.bob, lambda text: "Page 2 of 25" in text)
    assert (await world.bob.click_home("Previous")).acked
    await read(world.bob, lambda text: "Page 1 of 25" in text)
    assert "480 more are on my Home tab." in await told(world.bob, "list")


async def pending(world: World, like: Approval, count: int) -> None:
    for number in range(1, count):
        thread = ThreadId(f"{like.thread}{number}")
        one: dict[str, Any] = {"thread": thread, "id": ApprovalId(f"{thread}#{number:016x}"), "version": 0}
        at = like.created_at + timedelta(seconds=number)
        assert await world.bot.ports.approvals.create(Change(replace(like, created_at=at, **one)))


async def test_commands_list_show_and_tell_who_can_decide(world: World) -> None:
    await world.start("yes_or_no", approvals=[RULE])
    card = await world.asked("drop it")
    name = await short(world, card)
    assert "Waiting for you (1)" in await told(world.bob, "list")
    assert "Nothing is waiting for your decision." in await told(world.alice, "list")
    assert name in await told(world.alice, "mine")
    status = await told(world.alice, "status")
    assert "<@U0BOB>" in status
    assert name in status
    assert "You have no open requests." in await told(world.bob, "mine")
    shown = await told(world.bob, f"show {name}")
    assert "drop it" in shown
    assert "Approvers: <@U0BOB>, <@U0CAROL>" in shown
    linked = await told(world.bob, f"show <{world.slack.url}/archives/{card.channel}/p{card.ts.replace('.', '')}>")
    assert name in linked
    who = await told(world.carol, f"who {name}")
    assert "<@U0BOB>, named by the rule" in who
    assert "made the request and can't approve it" in who
    assert "You have given no permissions" in await told(world.bob, "grants")
    assert "/signoff withdraw ID" in await told(world.bob, "help")
    assert "I don't know that command." in await told(world.bob, "approve it")
    assert "Which request?" in await told(world.bob, "show")
    await world.nothing_else()


async def test_the_history_of_a_request_is_opened_from_anywhere(world: World) -> None:
    await world.start("yes_or_no", approvals=[RULE])
    name = await short(world, await world.asked("drop it"))
    assert (await world.bob.command("#refunds", "/signoff", f"history {name}")).acked
    await (await world.bob.expect_form(title="History")).close()
    assert (await world.bob.command("#refunds", "/signoff", "history 00000000")).acked
    await world.bob.expect_message("#refunds", containing="There is no such request", ephemeral=True)
    await world.nothing_else()


@pytest.mark.promise("P11")
async def test_grants_are_listed_on_home_and_taken_back_there_by_who_gave_them(world: World) -> None:
    await world.start("yes_or_no", approvals=[RULE])
    approval = await world.approval(await world.asked("drop it"))
    kept = world.bot.storage
    store, now = RedisGrants(kept.database, kept.keys), world.clock.now()
    grant = Grant(
        id=GrantId("grant-1"),
        thread=approval.thread,
        agent=approval.agent,
        tool="drop_table",
        args={"table": "<!channel> *orders*", "force": True},
        fields=("table",),
        by=(UserId("U0BOB"),),
        policy=approval.reviews[0].policy,
        approval=approval.id,
        given_at=now,
        until=now + timedelta(hours=1),
    )
    assert await store.give(grant)
    text = await home(world.bob, lambda text: "Your permissions" in text)
    assert "drop_table (table: &lt;!channel&gt;" in text
    assert "*orders*" not in text
    assert "drop_table" in await told(world.bob, "grants")
    await home(world.carol, lambda text: "Waiting for you (1)" in text and "Your permissions" not in text)
    (action,) = buttons_of((await world.bob.state())["home"], "Revoke")
    press = {"view": "home", "action_id": action["action_id"], "value": action["value"]}
    await home(world.carol, lambda text: "Waiting" in text)
    with pytest.raises(AssertionError):
        await world.slack.people.post("/people/click", {"as": "carol", **press})
    assert (await world.bob.click_home("Revoke")).acked
    await read(world.bob, lambda text: "Your permissions" not in text)
    assert await store.of_person(UserId("U0BOB"), now) == []


def buttons_of(view: Any, label: str) -> list[dict[str, Any]]:
    accessories = [block["accessory"] for block in view["blocks"] if "accessory" in block]
    return [each for each in accessories if each["text"]["text"] == label]


@pytest.mark.promise("P6")
async def test_a_request_is_shown_only_to_those_who_see_its_conversation_or_may_decide_it(world: World) -> None:
    elsewhere = RULE | {"post_to": "#approvals"}
    await world.start("yes_or_no", approvals=[elsewhere])
    await world.alice.say("dm", "drop it")
    card = await world.bob.expect_card("#approvals", containing="drop it")
    await world.signpost("dm")
    name = await short(world, card)
    assert "drop it" in await told(world.bob, f"show {name}")
    assert "drop it" in await told(world.alice, f"show {name}")
    for spelled in (name, f"<{world.slack.url}/archives/{card.channel}/p{card.ts.replace('.', '')}>"):
        assert "you can't see it" in await told(world.gina, f"show {spelled}")
        assert "you can't see it" in await told(world.gina, f"who {spelled}")
    assert "you can't see it" in await told(world.bob, "show 0000000000")


@pytest.mark.promise("P8")
async def test_a_requester_takes_a_request_back_and_nobody_else_does(world: World) -> None:
    await world.start("yes_or_no", approvals=[RULE])
    card = await world.asked("drop it")
    name = await short(world, card)
    assert "<@U0ALICE>" in await told(world.bob, f"withdraw {name}")
    await card.becomes("0 of 2 approvals")
    assert "You withdrew the request" in await told(world.alice, f"withdraw {name}")
    await card.becomes("Withdrawn by", buttons=[])
    await world.alice.expect_message("#deploys", containing="withdrew the request")
    await home(world.alice, lambda text: "Withdrawn by <@U0ALICE>" in text and "no open requests" in text)
    await home(world.bob, lambda text: "Nothing is waiting" in text)
    await world.nothing_else()


@pytest.mark.promise("P1")
async def test_a_command_that_cannot_be_answered_says_so(world: World) -> None:
    await world.start("yes_or_no", approvals=[RULE])

    async def failing(*_: object, **__: object) -> object:
        raise redis.exceptions.ConnectionError("gone")

    world.bot.storage.database.run = failing  # type: ignore[assignment]
    try:
        assert "couldn't be looked up just now" in await told(world.bob, "list")
    finally:
        del world.bot.storage.database.run


async def test_the_prompts_that_slack_suggests_are_answered_whatever_agent_takes_direct_messages(world: World) -> None:
    await world.start("echo")
    prompts = manifest()["features"]["agent_view"]["suggested_prompts"]
    answers = ("Nothing is waiting for your decision.", "You have no open requests.", "/signoff list")
    for prompt, answer in zip(prompts, answers, strict=True):
        assert (await world.bob.say("dm", prompt["message"])).acked
        await world.bob.expect_message("dm", containing=answer)
    await world.bob.say("dm", "What is waiting for me, then?")
    await world.bob.expect_message("dm", containing="1: What is waiting for me, then?")
    await world.nothing_else()


# Sessions -------------------------------------------------------------------------------------------------------------


async def session_is(world: World, card: Message, status: str) -> None:
    async def look() -> bool | None:
        root = next(each for each in await world.bob.messages(card.channel) if each.ts == card.thread_ts)
        return root.shown.get("session", {}).get("status") == status or None

    await wait_until(look, instead=lambda: f"the session is not {status}")


async def test_while_a_card_waits_the_agents_session_is_suspended(world: World) -> None:
    await world.start("yes_or_no", approvals=[RULE])
    card = await world.asked("drop it")
    await session_is(world, card, "suspended")
    await card.click("Approve")
    await card.becomes("1 of 2 approvals")
    await session_is(world, card, "suspended")
    await card.click("Approve", by=world.carol)
    await session_is(world, card, "active")
    await world.alice.expect_message("#deploys", containing="approved")
    await world.nothing_else()


@pytest.mark.promise("P8")
@pytest.mark.parametrize("error", ["missing_scope", "unknown_method", "internal_error"])
async def test_an_app_without_sessions_works_as_ever(world: World, error: str) -> None:
    await world.start("yes_or_no", approvals=[RULE])
    await world.slack.people.fault(method="agents.sessions.setStatus", error=error, times=99)
    card = await world.asked("drop it")
    for person in (world.bob, world.carol):
        await card.click("Approve", by=person)
    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="approved")
    await world.nothing_else()
