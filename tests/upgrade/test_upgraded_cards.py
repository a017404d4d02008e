"""Cards that an earlier version posted are decided under this one, by the buttons that stand in Slack."""

from dataclasses import dataclass, field

import pytest
from fakes.people import Message, wait_until
from upgrade.upgraded import Upgraded

from engine.approvals.audit import What


@dataclass(frozen=True, slots=True)
class Press:
    """Somebody presses a button: what the card says then, what the graph does, what the agent replies."""

    card: str
    label: str
    becomes: str
    done: tuple[str, ...]
    replies: str
    by: str = "bob"
    form: dict[str, str] = field(default_factory=dict)
    rows: tuple[What, ...] = (What.VOTED, What.DECIDED, What.DELIVERED)
    """What the audit has besides what it had before the upgrade."""

    def __str__(self) -> str:
        return f"{self.card}: {self.label}"


BY_BOB, BY_CAROL = "Approved by <@U0BOB>", "Approved by <@U0CAROL>"
BY_BOTH = "Approved by <@U0BOB>, <@U0CAROL>"
CHANGED = "Approved with changes by <@U0BOB>"
EDITED = (What.EDITED, What.DECIDED, What.DELIVERED)

APPROVED = [
    Press("plain", "Approve", BY_BOB, ("did drop the table",), "Done: drop the table."),
    Press("review", "Approve", BY_BOB, ("deployed billing x2",), "x2, large for 12.50 EUR on 2030-05-17."),
    Press("team", "Approve", BY_BOB, ("paid invoice 7",), "It is paid."),
    Press("letter", "Approve", BY_BOB, ("published Dear Zoe",), "Published: Dear Zoe"),
    Press("inbox", "Approve", BY_BOB, ("booked Grand Hotel for 2",), "Booked Grand Hotel."),
    Press("anything", "Approve", BY_BOB, ("answered True",), "I was told."),
    Press("risky", "Approve", BY_BOB, ("deleted the archive",), "the archive is deleted."),
    Press("worded", "escalate", "Chosen by <@U0BOB>", ("paged the lawyer",), "The letter is dealt with."),
    Press("rollout", "Continue", "Continued by <@U0BOB>", ("shipped search x3",), "search runs x3"),
    Press("posted", "Approve", BY_BOB, ("did drop the post",), "Done: drop the post."),
    Press("handed", "Approve", BY_CAROL, ("did drop the baton",), "Done: drop the baton.", by="carol"),
]
SECOND_VOTE = [
    Press("quorum", "Approve", BY_BOTH, ("did drop the quorum",), "Done: drop the quorum.", by="carol"),
    Press("staged", "Approve", "<@U0CAROL>", ("did drop the stage",), "Done: drop the stage.", by="carol"),
    Press("edited", "Approve", "<@U0CAROL>", ("booked Small Hotel for 5",), "Booked Small Hotel.", by="carol"),
]
EDITS = [
    Press("review", "Edit", CHANGED, ("deployed billing x7",), "billing runs x7", form={"replicas": "7"}, rows=EDITED),
    Press("letter", "Edit", CHANGED, ("published Dear Ada",), "Dear Ada", form={"Text": "Dear Ada"}, rows=EDITED),
    Press("inbox", "Edit", CHANGED, ("booked Grand Hotel for 4",), "Booked", form={"nights": "4"}, rows=EDITED),
    Press("shop", "Edit", CHANGED, ("refunded B1 5",), "refunded 5", form={"amount": "5"}, rows=EDITED),
    Press(
        "paused", "Edit state", "Continued with changes by <@U0BOB>", ("shipped mail x1",), "mail runs x1",
        form={"replicas": "1"}, rows=EDITED,
    ),
]  # fmt: skip
REJECTED = [
    Press("plain", "Reject", "Rejected by <@U0BOB>", (), "Not done: drop the table.", form={"Reason": "no"}),
    Press("review", "Reject", "Rejected by <@U0BOB>", (), "I was told: use staging", form={"Reason": "use staging"}),
    Press("shop", "Reject", "Rejected by <@U0BOB>", (), "Reason: it is late", form={"Reason": "it is late"}),
    Press("risky", "Reject", "Rejected by <@U0BOB>", (), "the archive stays.", form={"Reason": "yes"}),
]  # fmt: skip
ANSWERED = [
    Press(
        "form", "Answer", "Answered by <@U0ALICE>", ("booked a single for Zoe x1 from 2031-01-02",), "Booked for Zoe.",
        by="alice", form={"guest": "Zoe", "guests": "1", "arrival": "2031-01-02", "room": "single"},
        rows=(What.ANSWERED, What.DELIVERED),
    ),
    Press(
        "elicit", "Answer", "Answered by <@U0ALICE>", ("table accept {'seats': 4}",), "The server was told accept.",
        by="alice", form={"seats": "4"}, rows=(What.ANSWERED, What.DELIVERED),
    ),
]  # fmt: skip


@pytest.mark.promise("P3")
@pytest.mark.promise("P4")
@pytest.mark.promise("P5")
@pytest.mark.promise("P9")
@pytest.mark.parametrize("press", [*APPROVED, *SECOND_VOTE, *EDITS, *REJECTED, *ANSWERED], ids=str)
async def test_a_card_is_decided_by_its_old_buttons(upgraded: Upgraded, press: Press) -> None:
    old = await upgraded.message(press.card)
    before = upgraded.log()
    await upgraded.begin()
    await upgraded.at_rest()
    approval = await upgraded.world.approval(old)
    already = await upgraded.rows(approval.id)
    assert already[0] is What.ASKED
    who = upgraded.world.slack.person(press.by)
    if press.form:
        assert not (await (await old.open_form(press.label, by=who)).submit(press.form)).errors
    else:
        assert (await old.click(press.label, by=who)).acked
    await old.becomes(press.becomes, buttons=[])
    await upgraded.world.alice.expect_message("#deploys", containing=press.replies)
    await upgraded.did(*press.done)
    assert set(upgraded.log()) - set(before) == {*press.done, *upgraded.UNDER_WAY}
    assert await upgraded.rows(approval.id) == [*already, *press.rows]


async def _both(upgraded: Upgraded, cards: tuple[str, ...]) -> None:
    for each in cards:
        card = await upgraded.message(each)
        await card.click("Approve")
        await card.becomes(BY_BOB, buttons=[])


@pytest.mark.promise("P3")
@pytest.mark.parametrize(
    ("cards", "done"),
    [
        (("pair finance",), ("legal on the lease: True", "finance on the lease: True", "signed the lease")),
        (("together finance",), ("legal on the loan: True", "finance on the loan: True", "signed the loan")),
        (("calls file", "calls mail"), ("wrote notes.txt: hello", "mailed zoe@example.com")),
    ],
    ids=["one was delivered", "one waits for the other", "a call each"],
)
async def test_parallel_questions_are_answered_each_once(
    upgraded: Upgraded, cards: tuple[str, ...], done: tuple[str, ...]
) -> None:
    await upgraded.begin()
    await _both(upgraded, cards)
    await upgraded.did(*done)


async def _press(card: Message, block: str, label: str) -> None:
    """Press a button of one action of a batch."""
    found = next(each for each in card.shown["blocks"] if each.get("block_id") == block)
    button = next(each for each in found["elements"] if each["text"]["text"] == label)
    given = {"action_id": button["action_id"], "block_id": block}
    assert (await card.person._act("click", channel=card.channel, ts=card.ts, **given)).acked


@pytest.mark.promise("P3")
async def test_a_batch_of_which_one_action_was_decided_is_decided_to_its_end(upgraded: Upgraded) -> None:
    await upgraded.begin()
    card = await upgraded.message("batch")
    bob = upgraded.world.bob
    await _press(card, "action:1", "Edit")
    assert not (await (await bob.expect_form()).submit({"query": "SELECT 1"})).errors
    card = await card.becomes("2. run_sql: ✅ Approved with changes by <@U0BOB>")
    await _press(card, "action:2", "Reject")
    await (await bob.expect_form()).submit({"Reason": "no spam"})
    await card.becomes("Decided by <@U0BOB>", buttons=[])
    await upgraded.world.alice.expect_message("#deploys", containing="no spam")
    await upgraded.did("wrote notes.txt: hello", "ran SELECT 1")
    assert not any(each.startswith("mailed") for each in upgraded.log())


@pytest.mark.promise("P8")
async def test_what_is_open_on_a_sheet_is_approved_at_once(upgraded: Upgraded) -> None:
    await upgraded.begin()
    sheet = await upgraded.message("sheet")
    assert (await sheet.click("Approve all 5", by=upgraded.world.carol)).acked
    await upgraded.world.carol.expect_message("#deploys", containing="You approved 5 of 6", ephemeral=True)
    await sheet.becomes("6 approved", buttons=[])
    await upgraded.world.alice.expect_message("#deploys", containing="Paid back: 1, 2, 3, 4, 5, 6.")
    await upgraded.did(*(f"paid order {number} back" for number in range(1, 7)))


@pytest.mark.promise("P4")
async def test_what_was_let_through_before_a_gated_call_is_not_run_again(upgraded: Upgraded) -> None:
    await upgraded.begin()
    card = await upgraded.message("shop")
    await card.click("Approve")
    await card.becomes(BY_BOB, buttons=[])
    said = await upgraded.world.alice.expect_message("#deploys", containing="refunded 60")
    assert said.text == "paid, 40 EUR; refunded 40; paid, 40 EUR; refunded 60"
    await upgraded.did("looked A7 up", "refunded A7 40", "looked B1 up", "refunded B1 60")


@pytest.mark.promise("P8")
@pytest.mark.parametrize("pressed", ["posted", "posted copy"])
async def test_a_card_its_copy_and_its_signpost_tell_one_truth(upgraded: Upgraded, pressed: str) -> None:
    await upgraded.begin()
    await (await upgraded.message(pressed)).click("Approve")
    for each in ("posted", "posted copy", "posted sign"):
        await (await upgraded.message(each)).becomes("Approved by", buttons=[])
    await upgraded.did("did drop the post")


@pytest.mark.promise("P2")
async def test_an_approver_who_voted_already_is_told_so(upgraded: Upgraded) -> None:
    await upgraded.begin()
    card = await upgraded.message("quorum")
    await card.click("Approve")
    await upgraded.world.bob.expect_message("#deploys", containing="You already approved", ephemeral=True)
    assert (await card.now()).buttons == ["Approve", "Reject"]


@pytest.mark.promise("P2")
async def test_a_click_on_a_card_that_was_not_redrawn_before_the_death_is_told_who_decided(upgraded: Upgraded) -> None:
    old = await upgraded.message("redrawn")
    assert old.buttons == ["Approve", "Reject"]
    await upgraded.begin()
    await old.click("Approve", by=upgraded.world.carol, stale=True)
    told = await upgraded.world.carol.expect_message("#deploys", containing="<@U0BOB>", ephemeral=True)
    assert "already approved" in told.text
    await upgraded.did("did drop the drawing")


@pytest.mark.promise("P6")
@pytest.mark.parametrize("name", ["plain", "posted", "staged", "paged"])
async def test_who_may_not_decide_still_may_not(upgraded: Upgraded, name: str) -> None:
    """Alice made the requests."""
    old = await upgraded.message(name)
    before = upgraded.log()
    await upgraded.begin()
    channel = "#approvals" if name == "posted" else "#deploys"
    await old.click("Approve", by=upgraded.world.alice, stale=True)
    await upgraded.world.alice.expect_message(channel, ephemeral=True)
    await upgraded.at_rest()
    assert set(upgraded.log()) - set(before) == set(upgraded.UNDER_WAY)


@pytest.mark.promise("P8")
async def test_a_request_is_withdrawn_by_who_made_it(upgraded: Upgraded) -> None:
    await upgraded.begin()
    card = await upgraded.message("plain")
    await card.click("Withdraw", by=upgraded.world.alice)
    await card.becomes("Withdrawn by <@U0ALICE>", buttons=[])


async def test_a_failed_run_is_retried(upgraded: Upgraded) -> None:
    await upgraded.begin()
    card = await upgraded.message("broken")
    await card.click("Retry", by=upgraded.world.alice)
    await card.becomes("Retried", buttons=[])
    await upgraded.world.alice.expect_message("#deploys", containing="Worked on the mine.")
    await upgraded.did("worked on the mine")


async def test_home_lists_what_waits(upgraded: Upgraded) -> None:
    await upgraded.begin()
    await upgraded.world.carol.open_home()

    async def look() -> bool | None:
        view = str((await upgraded.world.carol.state())["home"])
        return True if "drop the quorum" in view and "drop the stage" in view else None

    await wait_until(look)
