"""First messages that say values for a graph's input, in `signoff demo` after `signoff init`."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.patience import PATIENCE
from fakes.people import People
from projects.conversation import Captured, demo_here
from support.made_projects import process_as_it_was, project

from bot.cli import invoke

PAYMENTS = """
    from pathlib import Path
    from typing import Literal
    from langgraph.graph import START, StateGraph
    from langgraph.types import interrupt
    from pydantic import BaseModel

    class Payment(BaseModel):
        account: str
        amount: int
        speed: Literal["instant", "normal"]
        result: str = ""

    def pay(state: Payment):
        if not interrupt({"question": f"Pay {state.amount} EUR to {state.account}?"}):
            return {"result": "not paid"}
        Path("paid.txt").write_text(f"{state.amount + 1} {state.account} {state.speed}")
        return {"result": f"paid {state.amount}"}

    graph = StateGraph(Payment).add_node("pay", pay).add_edge(START, "pay").compile()
"""


@pytest.fixture(autouse=True)
def _in_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(project(tmp_path, {"payments": "./payments.py:graph"}, {"payments.py": PAYMENTS}))
    with process_as_it_was():
        yield


@pytest.mark.usefixtures("quiet_process")
def test_the_first_message_is_told_what_it_lacks_and_the_next_one_starts_the_graph(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert invoke(["init"]) == 1  # not every first message reaches the graph
    said = capsys.readouterr().out
    assert "must give, one per line: account: text; amount: a whole number; speed: instant or normal" in said
    assert "Next: signoff demo, with a first message that gives the values" in said
    assert invoke(["check", "--offline"]) == 0

    async def talk() -> None:
        async with demo_here(Captured(capsys)) as url, People(url, patience=PATIENCE) as people:
            alice, bob = people.person("alice"), people.person("bob")
            await alice.say("#payments", "@signoff please pay 20 to Kraus")
            refusal = await alice.expect_message("#payments", containing="Nothing was started: account is missing")
            assert "speed: instant or normal" in refusal.text
            await alice.say("#payments", "@signoff account: Kraus, amount: 20, speed: instant", thread=refusal)
            card = await bob.expect_card("#payments", containing="Pay 20 EUR to Kraus?")
            await card.click("Approve")
            await card.becomes("Approved", buttons=[])
            await alice.expect_message("#payments", containing="paid 20")

    asyncio.run(talk())
    assert Path("paid.txt").read_text() == "21 Kraus instant"
