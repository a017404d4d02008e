"""The bot's operator lists requests, withdraws one and reads the audit: with Redis alone, without Slack's tokens."""

import asyncio
import json
import re
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from stories.world import World, agent

from bot.cli import invoke
from bot.commands import withdraw
from engine.approvals.approval import State

DOCS = Path(__file__).parents[2] / "docs" / "operations.md"
Run = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def signoff(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command beside the bot; gives the exit code, what it printed, and what it complained of."""
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REDIS_URL", world.redis_url)
    monkeypatch.setattr(withdraw, "operator", lambda: "sam")

    async def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = await asyncio.to_thread(invoke, [*words, "--config", str(world.folder / "app.yaml")])
        return code, *capsys.readouterr()

    return run


async def short(world: World, card: Any) -> str:
    return (await world.approval(card)).id.rpartition("#")[2][:8]


@pytest.mark.promise("P9")
async def test_an_operator_lists_what_waits_and_for_whom(world: World, signoff: Run) -> None:
    rule = {"approvers": {"users": ["bob", "carol"]}, "quorum": 2, "expires_after": "4h"}
    await world.start(agents={"yes_or_no": agent("yes_or_no")}, approvals=[rule])
    secret = "xoxb-" + "1234567890-abcdefghijkl"
    card = await world.asked(f"drop the old table {secret} \u202e\x1b[2Jnow", containing="drop the old")
    await card.click("Approve")
    await card.becomes("1 of 2 approvals")
    code, out, err = await signoff("approvals", "--pending")
    head, row, link = out.splitlines()
    assert (code, err) == (0, "")
    assert head.split()[:5] == ["ID", "STATE", "ASKED", "UNTIL", "AGENT"]
    assert row.startswith(f"{await short(world, card)}  pending")
    assert all(word in row for word in ("3 h", "yes_or_no", "#deploys", "1/2", "bob", "Approve"))
    assert "…" not in row, "nothing is cut in a pipe"
    approval = await world.approval(card)
    at = f"archives/{approval.place.channel}/p{(approval.card or '').replace('.', '')}?thread_ts="
    assert re.match(rf" +http://127\.0\.0\.1:\d+/{re.escape(at)}", link)
    code, out, _ = await signoff("approvals", "--json", "--agent", "yes_or_no")
    (one,) = map(json.loads, out.splitlines())
    assert code == 0
    assert (one["approvers"], one["waits_for"]) == (
        [{"stage": 1, "quorum": 2, "users": ["U0BOB", "U0CAROL"], "groups": [], "oncall": [], "channel": False,
          "requester": False}],
        "bob, carol",
    )  # fmt: skip
    assert at in one["link"]
    documented = DOCS.read_text(encoding="utf-8").partition("### The list as JSON")[2].partition("### ")[0]
    cells = re.findall(r"^\| (`.*?`) \|", documented, re.MULTILINE)
    assert {*one} == {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    # Those whom the bot looked up.
    assert one["names"] == {"U0BOB": "bob", "U0CAROL": "carol"}
    assert (one["votes"][0]["approvals"], one["votes"][0]["by"][0]["by"]) == (1, "U0BOB")
    assert (one["agent"], one["state"], one["channel_name"], one["outcome"]) == (
        "yes_or_no",
        "pending",
        "#deploys",
        None,
    )
    assert secret not in out
    assert not re.search("[\u202e\x1b]", out + row)
    code, out, err = await signoff("approvals", "--agent", "yes_or_not")
    assert (code, out, err) == (1, "", '--agent: there is no agent "yes_or_not". Did you mean "yes_or_no"?\n')
    await world.stop()


@pytest.mark.promise("P8")
@pytest.mark.promise("P9")
@pytest.mark.parametrize("runs", [True, False], ids=["while it runs", "before its next start"])
async def test_an_operator_withdraws_a_request(world: World, signoff: Run, *, runs: bool) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the old table")
    await world.at_rest()
    name, approval = await short(world, card), (await world.approval(card)).id
    if not runs:
        await world.stop()
    code, out, err = await signoff("approvals", "withdraw", name, "--reason", "wrong cluster <!channel>")
    assert (code, err) == (0, "")
    assert out.startswith(f"{name}: withdrawn, and its run stops.")
    if not runs:
        await world.run()
    shown = await card.becomes("Withdrawn by the bot's operator (sam)", buttons=[])
    assert "wrong cluster" in shown.text
    told = await world.alice.expect_message("#deploys", containing="withdrew the request")
    assert "Reason: wrong cluster" in told.text
    await world.done()
    again = await signoff("approvals", "withdraw", approval, "--reason", "twice")
    assert again[:2] == (1, "")
    assert again[2].startswith(f"{name}: is no longer pending: ")
    assert len(again[2].splitlines()) == 1
    assert "withdrawn" in (await signoff("approvals"))[1]
    assert (await signoff("approvals", "--pending"))[:2] == (0, "")
    rows = (await signoff("audit", name, "--json"))[1]
    assert [json.loads(row)["detail"] for row in rows.splitlines() if '"withdrawn"' in row] == [
        {"operator": "sam", "reason": "wrong cluster <!channel>"}
    ]
    # The conversation goes on with a new message.
    next_card = await world.asked("drop the older table")
    await next_card.click("Approve")
    await world.done("drop the older table")


@pytest.mark.promise("P2")
async def test_a_click_and_an_operator_at_the_same_time_have_one_outcome(world: World, signoff: Run) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the old table")
    await world.at_rest()
    name = await short(world, card)
    (code, _, err), _ = await asyncio.gather(
        signoff("approvals", "withdraw", name, "--reason", "no"), card.click("Approve", stale=True)
    )
    await world.at_rest()
    approval = await world.approval(card)
    if code == 0:
        assert approval.state is State.STOPPED
        await world.bob.expect_message("#deploys", containing="the bot's operator withdrew it", ephemeral=True)
        await world.done()
    else:
        assert approval.state is State.DELIVERED
        assert "is no longer pending: ✅ Approved by bob" in err
        await world.done("drop the old table")


async def test_what_cannot_be_withdrawn_is_told_in_a_line(world: World, signoff: Run) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the old table")
    await world.at_rest()  # the card is recorded
    approval = await world.approval(card)
    for which in ("abc", "ffffffff0", "T:C:root#1", "#", "https://x.slack.com/archives/C1/p1700000000000100"):
        listed = "List the requests: signoff approvals. Those of signoff demo need --demo .signoff."
        code, out, err = await signoff("approvals", "withdraw", which, "--reason", "no")
        assert (code, out, err) == (1, "", f"{which}: there is no such request. {listed}\n")
    code, _, err = await signoff("approvals", "withdraw", approval.id, "--reason", "  ")
    assert (code, err) == (1, "--reason: is empty. Say why: the requester and the audit get it.\n")
    link = f"https://x.slack.com/archives/{approval.place.channel}/p{(approval.card or '').replace('.', '')}"
    code, out, _ = await signoff("approvals", "withdraw", link, "--reason", "no")
    assert code == 0
    await world.alice.expect_message("#deploys", containing="withdrew the request")


@pytest.mark.promise("P9")
async def test_an_operator_reads_the_audit_in_words_by_a_link(world: World, signoff: Run) -> None:
    await world.start("yes_or_no")
    card = await world.asked("drop the old table")
    form = await card.open_form("Reject")
    await form.submit({"Reason": "not \x1b[2J today"})
    await card.becomes("Rejected by", buttons=[])
    await world.at_rest()
    approval = await world.approval(card)
    digits = (approval.card or "").replace(".", "")
    link = f"https://x.slack.com/archives/{approval.place.channel}/p{digits}?thread_ts={approval.place.thread_ts}&cid=C"
    root = f"https://x.slack.com/archives/{approval.place.channel}/p{(approval.place.thread_ts or '').replace('.', '')}"
    code, out, err = await signoff("audit", link)
    assert (code, err) == (0, "")
    rows = out.splitlines()
    did = [re.sub(r"^.* UTC  \w{8}  |  \[default: any other member of the channel decides\]$", "", row) for row in rows]
    assert did == [
        "the graph asked",
        "    details",
        "    details: drop the old table",
        'bob (U0BOB) voted: reject, text: "not ⟦U+001B⟧[2J today", via: channel',
        "bob (U0BOB) decided: rejected",
        "the graph got the answer",
    ]
    assert await signoff("audit", root) == (code, out, err)
    assert await signoff("audit", approval.thread) == (code, out, err)


@pytest.mark.promise("P5")
@pytest.mark.promise("P8")
async def test_the_other_requests_of_the_conversation_end_with_it(world: World, signoff: Run) -> None:
    entry = agent("three_reviews", input={"contract": "$text"}, reply="told")
    await world.start(agents={"contracts": entry})
    await world.alice.say("#deploys", "@signoff the lease")
    legal, finance, security = [
        await world.bob.expect_card("#deploys", containing=f"Does {team} agree?")
        for team in ("legal", "finance", "security")
    ]
    await legal.click("Approve")
    await legal.becomes("Approved by", buttons=[])
    await world.at_rest()
    before = list(world.outside.done)
    code, _, err = await signoff("approvals", "withdraw", await short(world, finance), "--reason", "wrong lease")
    assert (code, err) == (0, "")
    await finance.becomes("Withdrawn by the bot's operator (sam)", buttons=[])
    await security.becomes("Withdrawn", buttons=[])
    await world.alice.expect_message("#deploys", containing="withdrew the request, so the run was stopped")
    await world.at_rest()
    assert world.outside.done == before, "nothing of the run went on"
    assert (await signoff("approvals", "--pending"))[2] == "No request waits.\n"


@pytest.mark.promise("P2")
@pytest.mark.promise("P8")
async def test_votes_that_were_given_do_not_keep_a_request_that_is_withdrawn(world: World, signoff: Run) -> None:
    rule = {"approvers": {"users": ["bob", "carol"]}, "quorum": 2}
    await world.start(agents={"yes_or_no": agent("yes_or_no")}, approvals=[rule])
    card = await world.asked("drop the old table")
    await card.click("Approve")
    await card.becomes("1 of 2 approvals")
    await world.at_rest()
    assert (await signoff("approvals", "withdraw", await short(world, card), "--reason", "no"))[0] == 0
    await card.click("Approve", by=world.carol, stale=True)
    await world.carol.expect_message("#deploys", containing="the bot's operator withdrew it", ephemeral=True)
    shown = await card.becomes("Withdrawn by the bot's operator (sam)", buttons=[])
    assert "Reason: no" in shown.text
    await world.alice.expect_message("#deploys", containing="withdrew the request")
    await world.done()


@pytest.mark.promise("P9")
async def test_prometheus_sees_what_waits_and_how_long_decisions_took(
    world: World, signoff: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.runtime.pending.FRESH", 0)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    world.more = {"health": {"port": port}}
    await world.start("yes_or_no")
    first, second = await world.asked("drop the old table"), await world.asked("drop the older table")
    await world.at_rest()
    world.clock.advance(hours=2)
    async with ClientSession() as session:

        async def scraped(name: str) -> list[float]:
            async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
                assert response.status == 200
                lines = (await response.text()).splitlines()
            return [float(each.split()[-1]) for each in lines if each.startswith(f"signoff_approval{name} ")]

        of_agent = '{agent="yes_or_no"}'
        assert await scraped(f"s_pending{of_agent}") == [2]
        (oldest,) = await scraped(f"s_oldest_pending_seconds{of_agent}")
        assert 7200 <= oldest < 7300
        await first.click("Approve")
        await world.done("drop the old table")
        await world.at_rest()
        assert await scraped(f"s_pending{of_agent}") == [1]
        assert await scraped('_decision_seconds_count{outcome="approved"}') == [1]
        (took,) = await scraped('_decision_seconds_sum{outcome="approved"}')
        assert 7200 <= took < 7300
        assert await scraped('_decision_seconds_bucket{le="3600.0",outcome="approved"}') == [0]
        assert await scraped('_decision_seconds_bucket{le="14400.0",outcome="approved"}') == [1]
        await signoff("approvals", "withdraw", await short(world, second), "--reason", "no")
        await second.becomes("Withdrawn by", buttons=[])
        assert await scraped(f"s_pending{of_agent}") == [0]
        assert await scraped(f"s_oldest_pending_seconds{of_agent}") == [0]
    await world.alice.expect_message("#deploys", containing="withdrew the request")
