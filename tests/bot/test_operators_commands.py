"""`signoff approvals` on what is stored: the list of very many, which request is meant, and what is stored after it."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from pwd import getpwuid
from typing import Any, cast

import pytest
import redis
from contracts.samples import ALICE, BOB, NOW, PLACE, a_policy, an_approval, an_ask
from fakes.valkey import redis_server, redis_url

from bot.cli import invoke
from bot.commands import approvals, audit
from bot.commands import withdraw as command
from bot.config.problems import ProblemsError
from bot.config.secrets import Secrets
from bot.config.stored import StorageSettings
from bot.wiring.storage import Storage, storage
from bot.wiring.terminal import Directory, made
from engine.approvals.approval import Approval, Copy, State, Vote
from engine.approvals.audit import What
from engine.asks.ask import Choice, Decision, Kind
from engine.authority.policy import Deadlines
from engine.ids import AgentName, ApprovalId, ChannelId, MessageTs, ThreadId
from engine.ports import Change

__all__ = ["redis_server", "redis_url"]

LINK = "https://acme.slack.com/archives/{}/p{}"


class Desk:
    """The command on a store of its own."""

    def __init__(self, kept: Storage, settings: StorageSettings) -> None:
        self.kept, self.directory = kept, Directory(settings, kept)

    async def stored(self, *approvals: Approval) -> None:
        for each in approvals:
            await self.kept.approvals.create(Change(each, (), ()))

    async def withdraw(self, which: str, reason: str = "wrong cluster") -> str:
        return await command.withdraw(self.kept, which, reason, NOW, self.directory)

    async def refused(self, which: str, reason: str = "wrong cluster") -> str:
        with pytest.raises(ProblemsError) as error:
            await self.withdraw(which, reason)
        (line,) = str(error.value).splitlines()
        return line

    async def state(self, approval: Approval) -> State:
        found = await self.kept.approvals.get(approval.id)
        assert found is not None
        return found.state

    async def rows(self, approval: Approval) -> Sequence[What]:
        return [row.what for row in await self.kept.audit.of_thread(approval.thread)]


@pytest.fixture
async def desk(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(command, "operator", lambda: "sam")
    settings = StorageSettings(
        tmp_path / "app.yaml",
        tmp_path,
        timedelta(days=30),
        timedelta(days=400),
        Secrets("", redis_url=redis_url),
        (),
        (),
    )
    async with storage(settings) as kept:
        yield Desk(kept, settings)


def request(name: str, thread: str = "T1:C1:100.000001", **more: Any) -> Approval:
    sample = an_approval(thread=ThreadId(thread))
    return replace(sample, id=ApprovalId(f"{thread}#{name}"), **more)


# The list -------------------------------------------------------------------------------------------------------------


async def listed(desk: Desk, *, pending: bool = True, as_json: bool = False, agent: str | None = None) -> int:
    asked = approvals.Asked(agent, ("deploy",), pending=pending, as_json=as_json)
    return await approvals.show(desk.kept, desk.directory, asked, NOW + timedelta(hours=3))


async def test_very_many_are_printed_in_pieces_under_one_head(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [request(f"{n:08x}", f"T1:C1:{n}.1", created_at=NOW + timedelta(seconds=n)) for n in range(105)]
    await asyncio.gather(*(desk.stored(each) for each in many))
    pieces: list[int] = []
    names = Directory.names

    async def counted(self: Directory, *given: Any) -> Any:
        pieces.append(len(capsys.readouterr().out.splitlines()))
        return await names(self, *given)

    monkeypatch.setattr(approvals, "_PIECE", 20)
    monkeypatch.setattr(Directory, "names", counted)
    await listed(desk, as_json=True)
    assert pieces == [0, 20, 20, 20, 20, 20], "what was read is printed before more is read"
    assert len(capsys.readouterr().out.splitlines()) == 5
    monkeypatch.undo()
    await listed(desk)
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("ID ")
    assert [row[:8] for row in rows] == [f"{n:08x}" for n in range(105)], "the oldest first"
    assert all(row.endswith("(of: deploy)") for row in rows), "nothing is cut in a pipe"
    monkeypatch.setattr(approvals, "_width", lambda: 90)
    await listed(desk)
    head, *rows = capsys.readouterr().out.splitlines()
    assert {len(row) for row in rows} == {90}
    assert all(row.endswith("…") for row in rows)


async def test_what_ended_lately_stands_below_what_waits(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    await desk.stored(request("aaaa0000"), request("bbbb0000", "T1:C1:2.1"), request("cccc0000", "T1:C1:3.1"))
    await desk.withdraw("aaaa")
    await listed(desk, pending=False)
    assert [row[:20].split() for row in capsys.readouterr().out.splitlines()[1:]] == [
        ["bbbb0000", "pending"], ["cccc0000", "pending"], ["aaaa0000", "withdrawn"]
    ]  # fmt: skip
    await listed(desk, pending=True)
    assert "aaaa0000" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "choice", "word"),
    [
        (Kind.FAILURE, Choice.APPROVE, "retried"),
        (Kind.FAILURE, Choice.REJECT, "dismissed"),
        (Kind.BREAKPOINT, Choice.EDIT, "continued"),
        (Kind.APPROVAL, Choice.EDIT, "approved"),
    ],
)
def test_what_people_ended_has_the_word_of_its_card(kind: Kind, choice: Choice, word: str) -> None:
    asked = request("aaaa0000", state=State.DELIVERED)
    reviews = tuple(replace(each, decision=Decision(choice)) for each in asked.reviews)
    assert made(replace(asked, ask=replace(asked.ask, kind=kind), reviews=reviews)) == word


def test_without_dead_letters_one_line_says_so_and_the_output_stays_empty(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "app.yaml"
    file.write_text("agents: {a: {graph: 'gone.py:graph', channels: ['#deploys']}}\n")
    monkeypatch.setenv("REDIS_URL", redis_url)
    assert invoke(["dead-letters", "--config", str(file)]) == 0
    assert capsys.readouterr() == ("", "No dead letters to show.\n")


def test_commands_that_read_what_is_stored_wait_for_no_part_of_langgraph_or_slack(
    redis_url: str, tmp_path: Path
) -> None:
    (tmp_path / "app.yaml").write_text("agents: {a: {graph: 'gone.py:graph', channels: ['#deploys']}}\n")
    code = """if True:
        import sys
        from bot.cli import invoke
        for words in ("dead-letters", "approvals", "audit T:C:1", "audit abcd1234"):
            invoke(words.split())
        slow = {"aiohttp", "jsonschema", "langchain_core", "langgraph", "slack_bolt", "slack_sdk"}
        print(sorted(slow & {*sys.modules}))
    """
    environment = {"REDIS_URL": redis_url, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout == "[]\n", done.stderr


async def test_an_empty_list_says_so_and_is_no_json(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert await listed(desk) == 0
    assert capsys.readouterr() == ("", "No request waits.\n")
    assert await listed(desk, pending=False, agent="deploy") == 0
    assert capsys.readouterr() == ("", "No request waits, and none ended lately.\n")
    assert await listed(desk, as_json=True) == 0
    assert capsys.readouterr() == ("", "")
    with pytest.raises(ProblemsError, match=r'--agent: there is no agent "deplo"\. Did you mean "deploy"\?'):
        await listed(desk, agent="deplo")


async def test_what_an_agent_asks_writes_no_control_characters(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "ok\x1b[2J \x9b31m \u202eevil\r\nfedcba98  pending"
    ask = an_ask(hostile)
    sample = request("aaaa0000", agent=AgentName(hostile), ask=replace(ask, prompt=hostile, speaker=hostile))
    await desk.stored(replace(sample, reviews=an_approval(ask=ask).reviews))
    for as_json in (True, False):
        await listed(desk, as_json=as_json)
        out = capsys.readouterr().out
        assert len(out.splitlines()) == (1 if as_json else 2)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", out)


# Withdrawals ----------------------------------------------------------------------------------------------------------


async def test_an_id_that_fits_two_names_both_and_changes_nothing(desk: Desk) -> None:
    one, other = request("abcd1111"), request("abcd2222", "T1:C1:200.000001")
    await desk.stored(one, other)
    assert await desk.refused("abcd") == ("abcd: 2 requests have this id or link. Give one of: abcd1111, abcd2222.")
    assert [await desk.state(one), await desk.state(other)] == [State.PENDING] * 2
    assert (await desk.withdraw("ABCD1")).startswith("abcd1111: withdrawn, and its run stops. ")
    assert [await desk.state(one), await desk.state(other)] == [State.STOPPED, State.PENDING]


async def test_an_id_that_fits_very_many_names_a_few(desk: Desk) -> None:
    await desk.stored(*(request(f"abcd{number:04}", f"T1:C1:{number}.000001") for number in range(30)))
    assert (await desk.refused("abcd")).endswith("abcd0004, abcd0005, ….")


async def test_a_request_behind_thousands_is_found(desk: Desk) -> None:
    many = [request(f"{number:08}", f"T1:C1:{number}.000001") for number in range(1_100)]
    await asyncio.gather(*(desk.stored(each) for each in many))
    last = request("fedcba98", "T1:C1:9.9", created_at=NOW + timedelta(hours=1))
    await desk.stored(last)
    await desk.withdraw("fedcba98")
    assert await desk.state(last) is State.STOPPED


async def test_a_link_to_a_card_or_to_a_copy_of_it_names_the_request(desk: Desk) -> None:
    for link in (LINK.format("C1", "100000000000002"), LINK.format("D0BOB", "300000000000004") + "?thread_ts=1.2"):
        copies = (Copy(BOB, ChannelId("D0BOB"), MessageTs("300000000.000004")),)
        approval = request("abcd1111", f"T1:C1:{len(link)}.1", card=MessageTs("100000000.000002"), copies=copies)
        await desk.stored(approval)
        await desk.withdraw(link)
        assert await desk.state(approval) is State.STOPPED


async def test_a_link_to_a_list_of_requests_asks_for_one_of_them(desk: Desk) -> None:
    await desk.stored(*(request(each, card=MessageTs("100000000.000002")) for each in ("abcd1111", "abcd2222")))
    assert (await desk.refused(LINK.format("C1", "100000000000002"))).endswith("Give one of: abcd1111, abcd2222.")


@pytest.mark.promise("P9")
async def test_the_audit_is_found_by_a_link_to_a_card_that_stands_in_another_channel(desk: Desk) -> None:
    elsewhere = replace(PLACE, channel=ChannelId("C9"), thread_ts=None)
    approval = request("abcd1111", place=elsewhere, card=MessageTs("100000000.000002"))
    await desk.stored(approval)
    await desk.withdraw("abcd1111")
    found = await audit.rows(LINK.format("C9", "100000000000002"), desk.kept)
    assert [row.what for row in found] == [What.WITHDRAWN, What.STOPPED]
    assert found == await audit.rows(approval.id, desk.kept) == await audit.rows(" abcd1111 ", desk.kept)
    for unknown in (LINK.format("C9", "100000000000003"), "#", "T1:C1:root#1", "feed0000"):
        with pytest.raises(ProblemsError, match="No audit rows for this id"):
            await audit.rows(unknown, desk.kept)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"state": State.DECIDED}, "is no longer pending: "),
        ({"state": State.DELIVERED, "closed_at": NOW}, "is no longer pending: "),
        ({"state": State.EXPIRED, "closed_at": NOW}, "is no longer pending: "),
        ({"state": State.WITHDRAWN, "closed_at": NOW, "note": "gone"}, "is no longer pending: ↩️ Withdrawn"),
        ({"state": State.STOPPED, "closed_at": NOW, "operator": "ann"}, "Withdrawn by the bot's operator (ann)"),
        ({"ask": an_ask(kind=Kind.FAILURE)}, "asks for no decision, so there is nothing to withdraw. "),
    ],
    ids=["being delivered", "delivered", "expired", "withdrawn", "withdrawn by an operator", "a failure"],
)
@pytest.mark.promise("P2")
async def test_what_waits_for_no_decision_is_not_withdrawn(desk: Desk, changed: dict[str, Any], why: str) -> None:
    approval = request("abcd1111", **changed)
    await desk.stored(approval)
    line = await desk.refused(approval.id)
    assert line.startswith("abcd1111: ")
    assert why in line
    assert line.endswith("Nothing was changed.")
    assert await desk.state(approval) is approval.state
    assert await desk.rows(approval) == [What.REFUSED]


@pytest.mark.promise("P9")
async def test_the_audit_and_what_is_to_be_done_are_stored_together_and_nothing_goes_to_the_graph(
    desk: Desk, redis_url: str
) -> None:
    """No bot runs here: the next one finds its work in the lanes."""
    approval = request("abcd1111", ask=an_ask("one", "two"), reviews=an_approval(ask=an_ask("one", "two")).reviews)
    await desk.stored(approval)
    await desk.withdraw("abcd1111", "  wrong cluster  ")
    withdrawn, stopped = await desk.kept.audit.of_thread(approval.thread)
    assert (withdrawn.what, withdrawn.who, withdrawn.detail) == (
        What.WITHDRAWN,
        None,
        {"operator": "sam", "reason": "wrong cluster"},
    )
    assert stopped.what is What.STOPPED
    with redis.Redis.from_url(redis_url) as client:
        work = [each for box in client.scan_iter("*:mail:*") for each in cast("list[bytes]", client.lrange(box, 0, -1))]
    kinds = sorted(re.findall(rb'"d":\{"is":"(\w+)"', b"".join(work)))
    assert kinds == [b"DrawCard", b"EndRun", b"Say"], "no Resume: the graph is told nothing"
    assert b"The bot's operator (sam) withdrew the request, so the run was stopped." in b"".join(work)


async def test_a_quorum_that_is_half_given_does_not_keep_it(desk: Desk) -> None:
    sample = an_approval(policy=a_policy(quorum=2))
    half = replace(sample.reviews[0], votes=(Vote(BOB, Choice.APPROVE, NOW),))
    approval = request("abcd1111", reviews=(half,))
    await desk.stored(approval)
    await desk.withdraw("abcd1111")
    found = await desk.kept.approvals.get(approval.id)
    assert found is not None
    assert (found.state, found.reviews) == (State.STOPPED, (half,))


async def test_two_operators_at_the_same_time_have_one_outcome(desk: Desk) -> None:
    approval = request("abcd1111")
    await desk.stored(approval)
    done = await asyncio.gather(*(desk.withdraw("abcd1111", f"reason {n}") for n in range(4)), return_exceptions=True)
    assert sum(isinstance(each, str) for each in done) == 1
    assert all("Withdrawn by the bot's operator (sam)" in str(each) for each in done if not isinstance(each, str))
    assert (await desk.rows(approval)).count(What.WITHDRAWN) == 1


@pytest.mark.promise("P5")
async def test_after_its_deadline_it_expires_in_the_way_that_its_rule_says(desk: Desk) -> None:
    late = request(
        "abcd1111", created_at=NOW - timedelta(hours=2), deadlines=Deadlines(expires_after=timedelta(hours=1))
    )
    await desk.stored(late)
    assert "is no longer pending" in await desk.refused("abcd1111")
    found = await desk.kept.approvals.get(late.id)
    assert found is not None
    assert found.state is not State.PENDING
    assert not found.is_withdrawn


async def test_past_its_deadline_while_a_vote_is_looked_up_it_is_not_called_a_question(desk: Desk) -> None:
    late = request(
        "abcd1111",
        created_at=NOW - timedelta(hours=2),
        deadlines=Deadlines(expires_after=timedelta(hours=1)),
        awaits=NOW + timedelta(minutes=5),
    )
    await desk.stored(late)
    assert "abcd1111: is past its deadline, and expires once the vote" in await desk.refused("abcd1111")
    assert await desk.state(late) is State.PENDING


@pytest.mark.parametrize(
    ("reason", "why"), [(" \n", "is empty"), ("x" * 501, "has more than 500 characters")], ids=["empty", "long"]
)
async def test_a_reason_is_given_in_a_few_words(desk: Desk, reason: str, why: str) -> None:
    approval = request("abcd1111")
    await desk.stored(approval)
    assert (await desk.refused("abcd1111", reason)).startswith(f"--reason: {why}.")
    assert await desk.state(approval) is State.PENDING


@pytest.mark.promise("P9")
def test_the_operator_is_the_user_of_the_process_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.setenv(name, str(ALICE))
    monkeypatch.delenv("SUDO_USER", raising=False)
    own = getpwuid(os.getuid()).pw_name
    assert command.operator() == own
    monkeypatch.setenv("SUDO_USER", "sam")
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    assert command.operator() == "uid 4000000000", "anybody can set SUDO_USER"
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert command.operator() == f"{getpwuid(0).pw_name}, SUDO_USER=sam"
