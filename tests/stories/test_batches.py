"""LangChain's human-in-the-loop middleware: several tool calls at once, in one card or in a card each."""

from itertools import permutations

import pytest
from fakes.people import Message, Person
from stories.world import World

WRITE, SQL, MAIL = 0, 1, 2


async def approve_write(card: Message, by: Person) -> None:
    await _press(card, "Approve", WRITE, by)


async def edit_sql(card: Message, by: Person) -> None:
    await _press(card, "Edit", SQL, by)
    form = await by.expect_form()
    assert not (await form.submit({"query": "SELECT 1"})).errors


async def reject_mail(card: Message, by: Person) -> None:
    await _press(card, "Reject", MAIL, by)
    form = await by.expect_form()
    await form.submit({"Reason": "no spam"})


DECIDE = {"approve": approve_write, "edit": edit_sql, "reject": reject_mail}


async def _press(card: Message, label: str, action: int, by: Person) -> None:
    """Press the button of one action of a batch."""
    now = await card.now()
    block = next(each for each in now.shown["blocks"] if each.get("block_id") == f"action:{action}")
    element = next(each for each in block["elements"] if each["text"]["text"] == label)
    outcome = await by._act(
        "click", channel=card.channel, ts=card.ts, action_id=element["action_id"], block_id=block["block_id"]
    )
    assert outcome.acked


@pytest.mark.promise("P4")
@pytest.mark.parametrize("order", list(permutations(DECIDE)), ids=" ".join)
async def test_three_actions_are_decided_in_any_order_and_resumed_once(world: World, order: tuple[str, ...]) -> None:
    await world.start("assistant")
    card = await world.asked("tidy up", containing="Approve 3 actions?")
    for decided, word in enumerate(order):
        await world.done()  # nothing runs before all three are decided
        assert len((await card.now()).buttons) == 9 - 3 * decided
        await DECIDE[word](card, world.bob)
        if decided < 2:
            await card.becomes("by <@U0BOB>")
            await world.at_rest()
    await card.becomes("Decided by <@U0BOB>", buttons=[])
    answer = await world.alice.expect_message("#deploys", containing="written")
    assert "no spam" in answer.text
    await world.done("run SELECT 1", "write notes.txt: hello", in_any_order=True)
    rows = await world.audit(card)
    assert rows.count("delivered") == 1
    await world.nothing_else()


@pytest.mark.promise("P6")
async def test_each_action_of_a_batch_is_decided_under_its_own_rule(world: World) -> None:
    rules = [
        {"when": {"tool": "run_sql"}, "approvers": {"users": ["carol"]}},
        {"when": {"tool": "send_*"}, "approvers": {"users": ["bob", "carol"]}, "quorum": 2},
    ]
    await world.start("assistant", approvals=rules)
    card = await world.asked("tidy up", containing="Approve 3 actions?")
    await _press(card, "Approve", SQL, world.bob)
    await world.bob.expect_message("#deploys", containing="<@U0CAROL> can decide it", ephemeral=True)
    await _press(card, "Approve", WRITE, world.bob)
    await _press(card, "Approve", MAIL, world.bob)
    await card.becomes("1 of 2 approvals: <@U0BOB>")
    await _press(card, "Approve", SQL, world.carol)
    await world.done()
    await _press(card, "Approve", MAIL, world.carol)
    await card.becomes("Approved by", buttons=[])
    await world.alice.expect_message("#deploys", containing="send_mail: sent")
    await world.done("mail all@example.com", "run DELETE FROM users", "write notes.txt: hello", in_any_order=True)
    await world.nothing_else()


@pytest.mark.promise("P2")
async def test_an_edit_of_one_action_leaves_the_buttons_of_its_neighbours_alive(world: World) -> None:
    await world.start("assistant")
    card = await world.asked("tidy up", containing="Approve 3 actions?")
    await edit_sql(card, world.carol)
    # Bob's page has not heard of the edit: what he presses is an action that nobody touched.
    block = next(each for each in card.shown["blocks"] if each.get("block_id") == f"action:{WRITE}")
    element = block["elements"][0]
    await world.bob._act(
        "click",
        channel=card.channel,
        ts=card.ts,
        action_id=element["action_id"],
        block_id=block["block_id"],
        stale=True,
    )
    await reject_mail(card, world.bob)
    await world.alice.expect_message("#deploys", containing="written")
    await world.done("run SELECT 1", "write notes.txt: hello", in_any_order=True)
    await card.becomes("Decided by", buttons=[])
    await world.nothing_else()


@pytest.mark.promise("P3")
@pytest.mark.parametrize("order", list(permutations(["write_file", "run_sql", "send_mail"]))[::2], ids=" ".join)
async def test_one_interrupt_per_call_is_decided_card_by_card(world: World, order: tuple[str, ...]) -> None:
    world.rewrite("assistant", ('interrupt_mode="batched"', 'interrupt_mode="per_call"'))
    await world.start("assistant")
    await world.alice.say("#deploys", "@signoff tidy up")
    cards = {name: await world.bob.expect_card("#deploys", containing=f"Approve {name}?") for name in order}
    for name in order:
        card = cards[name]
        if name == "write_file":
            await card.click("Approve")
        elif name == "run_sql":
            form = await card.open_form("Edit")
            assert not (await form.submit({"query": "SELECT 1"})).errors
        else:
            form = await card.open_form("Reject")
            await form.submit({"Reason": "no spam"})
        await card.becomes("by <@U0BOB>", buttons=[])
        await world.at_rest()
    answer = await world.alice.expect_message("#deploys", containing="written")
    assert "no spam" in answer.text
    await world.done("run SELECT 1", "write notes.txt: hello", in_any_order=True)
    await world.nothing_else()
