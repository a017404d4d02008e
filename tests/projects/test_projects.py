"""LangGraph projects of many shapes go from `signoff init` to a decided card without an edit.

Each folder of `samples/` is written as a team would write it that has never heard of Signoff: its own domain and names,
no import of ours, no network, no model key.
"""

import asyncio
import subprocess
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from projects.conversation import SIGNOFF, Captured, Sample, Talk, demo_apart, demo_here, held

from bot.cli import invoke
from bot.config.schema import schema

RETURNS = Sample(  # ./src in the path, `dependencies: ["."]`, a package that is imported absolutely
    "returns",
    (
        Talk(
            "order 7731 arrived broken", "Accept the return of order 7731?", "RET-7731", ("labels.txt", "label 7731\n")
        ),
    ),
)
BILLING = Sample(  # three graphs, one of which does not import; ids that are no names; `env` as a mapping
    "billing",
    (
        Talk("pay invoice R-18", "R-18", "Paid 420 EUR.", ("ledger.txt", "paid R-18 420\n"), graph="single.py"),
        Talk("it is Friday", "Pay all 3 open invoices?", "Nothing was paid", None, "weekly.py", "Reject",
             (("Reason", "the supplier has gone"),), "Rejected"),
    ),
    agents=2,
    hides=("ledger.txt",),
    named=("tickets", "zendesk_sdk_v3"),
    missing=("tickets (./tickets.py",),
)  # fmt: skip
FLEET = Sample(  # `package.module:factory`; the factory takes the config
    "fleet",
    (Talk("van 12 pulls to the left", "Recall van 12 to Leeds?", "on its way to Leeds",
          ("vans.log", "van 12 to Leeds\n"), before=("Van 12 has a worn tyre.",)),),
)  # fmt: skip
STOCKROOM = Sample(  # an async factory that is a context manager and takes a ServerRuntime; a second folder to import
    "stockroom",
    (Talk("we run low on hinges", "Order 40 x hinge", "40 hinges are ordered.",
          ("stockroom/orders.txt", "40 x hinge\n")),),
)  # fmt: skip
NEWSLETTER = Sample(  # a workflow of the functional API
    "newsletter",
    (Talk("sourdough starters", "Publish this issue?", "1,204 readers",
          ("archive.txt", "Dear readers, this month is all about sourdough starters.\n")),),
)  # fmt: skip
CRM = Sample(  # `create_agent` with its middleware; an env file that is read at import
    "crm",
    (Talk("offer Meyer something nice", "send_offer", "Meyer GmbH gets 15% (emea)",
          ("outbox-emea.txt", "Meyer GmbH 15%\n"), before=("I would send an offer.",)),),
    hides=("emea", "outbox"),
)  # fmt: skip
LOANS = Sample(  # a folder with spaces, line ends of Windows, a builder, a pydantic state without messages
    "loan desk",
    (Talk("a loan for a used car", "Grant this loan? The score is 610.", "the loan is granted",
          ("granted loans.txt", "granted at 610\n")),),
    windows=True,
)  # fmt: skip
FAQ = Sample(  # one question field, one answer field, and a store that remembers
    "faq",
    (Talk("when are the bins collected?", "Send this answer to the tenant?", "Bins are collected on Tuesdays.",
          again="As we said before: Bins are collected on Tuesdays."),),
)  # fmt: skip
EXPENSES = Sample(  # several input fields with defaults, a context with defaults, an env file that is not there
    "expenses",
    (Talk("taxi to the airport", "May finance pay 180 EUR?", "You get 180 EUR from finance.",
          ("paid.txt", "finance 180 EUR\n")),),
)  # fmt: skip
STUDIO = Sample(  # a supervisor of two subgraphs, one of which asks
    "studio",
    (Talk("announce the new opening day", "Fresh bread from Sunday on!", "Posted at nine: Fresh bread",
          ("posts.txt", "Fresh bread from Sunday on!\n"), before=("The bakery opens on Sunday.",)),),
)  # fmt: skip
GREENHOUSE = Sample(  # no langgraph.json; a builder beside its compiled graph, which has a checkpointer of its own
    "greenhouse",
    (Talk("the tomatoes look thirsty", "It is 31 degrees. Open the valves?", "open for ten minutes",
          ("valves.txt", "open\n")),),
)  # fmt: skip
VENDORS = Sample(  # a node that imports its sibling late, beside a package `adapters` that nobody imports
    "vendors",
    (Talk("please take on Kraus", "Take Kraus on?", "Kraus may bill us up to 250.", ("vendors.txt", "Kraus 250\n"),
          press="Edit", form=(("limit", "250"),),
          before=("Kraus is in the register",)),),
)  # fmt: skip

CLAIMS = Sample(  # a name that no agent can have; models as values of the state; a chat model made after the decision
    "claims",
    (Talk("hail damaged my roof", "Payouts above 500 EUR need an approval", "Dear customer, 900 EUR are on their way.",
          ("payouts.txt", "C-7 900\n")),
     Talk("my bike was stolen", "my bike was stolen", "we cannot pay this claim",
          None, "", "Reject", (("Reason", "it was not insured"),), "Rejected")),
)  # fmt: skip
MEMOS = Sample(  # `source` in place of dependencies; Agent Inbox; one field takes the words and has the reply
    "memos",
    (Talk("the canteen opens at noon", "The canteen opens at noon", "Sent to everybody.",
          ("sent.txt", "The canteen opens at noon\n")),),
)  # fmt: skip
TICKETS = Sample(  # an agent with a state of its own; a tool asks for itself, and its result ends the turn
    "tickets",
    (Talk("close T-9, it is a duplicate", "Close ticket T-9?", "T-9", ("closed.txt", "T-9\n")),),
)  # fmt: skip

IN_THIS_PROCESS = [
    RETURNS,
    BILLING,
    FLEET,
    STOCKROOM,
    NEWSLETTER,
    CRM,
    FAQ,
    EXPENSES,
    STUDIO,
    GREENHOUSE,
    CLAIMS,
    MEMOS,
    TICKETS,
]
AS_PROCESSES = [LOANS, VENDORS]


def _by_folder(samples: list[Sample]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("sample", samples, ids=lambda sample: sample.folder, indirect=True)


@_by_folder(IN_THIS_PROCESS)
@pytest.mark.usefixtures("quiet_process")
def test_a_project_goes_from_init_to_a_decided_card(
    sample: Sample, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _files(folder)
    code = invoke(["init"])
    said = "".join(capsys.readouterr())
    assert code == 0, said
    _is_written(sample, folder, before, said)
    code = invoke(["check", "--offline"])
    said = "".join(capsys.readouterr())
    assert code == 0, said
    assert [each for each in sample.missing if each not in said] == []
    out = Captured(capsys)

    async def talk() -> None:
        async with demo_here(out) as url:
            await held(sample, url)

    asyncio.run(talk())
    assert [each for each in sample.missing if each not in out.errors()] == []


@_by_folder(AS_PROCESSES)
async def test_a_project_goes_from_init_to_a_decided_card_in_processes_of_its_own(sample: Sample, folder: Path) -> None:
    before = _files(folder)
    done = subprocess.run([SIGNOFF, "init"], capture_output=True, text=True, check=False)  # noqa: ASYNC221, S603 - ours
    assert done.returncode == 0, done.stderr
    _is_written(sample, folder, before, done.stdout + done.stderr)
    async with demo_apart() as url:
        await held(sample, url)


def _files(folder: Path) -> set[Path]:
    return {each for each in folder.rglob("*") if "__pycache__" not in each.parts}


def _is_written(sample: Sample, folder: Path, before: set[Path], said: str) -> None:
    """App.yaml and nothing else, with an agent for each graph that loads and no value of the environment."""
    from bot.commands.demo import demo_config  # noqa: PLC0415

    written = folder / "app.yaml"
    assert _files(folder) - before == {written}
    text = written.read_text(encoding="utf-8")
    assert [each for each in sample.hides if each in text or each in said] == []
    assert [each for each in sample.named if each not in said] == []
    Draft202012Validator(schema()).validate(yaml.safe_load(text))
    assert len(demo_config(written, folder / ".signoff", {}).agents) == sample.agents
