"""`signoff approvals withdraw`: take a pending request back as the bot's operator.

It goes through the register like a click, so of a click and a withdrawal at the same time one wins, and the other is
told. The effects wait in the lanes of Redis, for the bot that runs or for its next start.
"""

import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.approvals.register import Register
from bot.commands.named import requests_named, short_id
from bot.config.problems import ConfigProblem, ProblemsError
from bot.masking import concealed
from bot.telemetry import Metrics
from bot.wiring.storage import Storage
from bot.wiring.terminal import Directory, Names, described, few
from engine.approvals.approval import Approval, State, people_of
from engine.approvals.events import TakenBack
from engine.ids import ApprovalId, thread_of
from engine.sentences.refusals import Expired, Refusal

LONGEST_REASON = 500
_LIST = "List the requests: signoff approvals. Those of signoff demo need --demo .signoff."


@dataclass(frozen=True, slots=True)
class _Stopped:
    """The clock of a command, which is over at once."""

    time: datetime

    def now(self) -> datetime:
        return self.time


async def withdraw(kept: Storage, which: str, reason: str, now: datetime, directory: Directory) -> str:
    """Withdraw a request; returns what was done. Raises ProblemsError."""
    approval = await _meant(kept, which.strip())
    name = short_id(approval)
    register = Register(
        approvals=kept.approvals,
        conversations=kept.conversations,
        lanes=kept.lanes,
        clock=_Stopped(now),
        metrics=Metrics(),
    )
    event = TakenBack(concealed(operator()), concealed(_checked(reason)))

    async def taken_back(_: Approval) -> TakenBack:
        return event

    taken = await register.step(approval.id, taken_back)
    if taken is None:
        raise _problem(which, "there is no such request", _LIST)
    names = await directory.names((approval.home.team,), people_of(taken.approval))
    if taken.refusal is not None:
        raise _problem(name, _why_not(taken.approval, taken.refusal, names), "Nothing was changed.")
    return f"{name}: withdrawn, and its run stops. {described(taken.approval, names).request}"


def operator() -> str:
    """The user of the operating system, by their uid: environment variables such as USER can say anything.

    Root alone could be anybody, so what sudo says of the person behind it is named as its word.
    """
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user may have no name
        name = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER", "") if os.getuid() == 0 else ""
    return f"{name}, SUDO_USER={behind}" if behind else name


def _checked(reason: str) -> str:
    stripped = reason.strip()
    if not stripped:
        raise _problem("--reason", "is empty", "Say why: the requester and the audit get it.")
    if len(stripped) > LONGEST_REASON:
        raise _problem("--reason", f"has more than {LONGEST_REASON} characters", "Write a shorter one.")
    return stripped


def _why_not(approval: Approval, refusal: Refusal, names: Names) -> str:
    if approval.state is not State.PENDING:
        return f"is no longer pending: {described(approval, names).outcome}"
    if isinstance(refusal, Expired):
        return "is past its deadline, and expires once the vote before that is counted"
    return "asks for no decision, so there is nothing to withdraw"


async def _meant(kept: Storage, which: str) -> Approval:
    found: Sequence[Approval]
    if "#" in which:
        found = [each for each in [await kept.approvals.get(_approval_id(which))] if each is not None]
    else:
        found = await requests_named(kept, which)
    if not found:
        raise _problem(which, "there is no such request", _LIST)
    if len(found) > 1:
        fix = f"Give one of: {few(each.id.rpartition('#')[2] for each in found)}."
        raise _problem(which, f"{len(found)} requests have this id or link", fix)
    return found[0]


def _approval_id(which: str) -> ApprovalId:
    try:
        thread_of(ApprovalId(which))
    except ValueError:
        raise _problem(which, "there is no such request", _LIST) from None
    return ApprovalId(which)


def _problem(where: str, what: str, fix: str) -> ProblemsError:
    return ProblemsError([ConfigProblem(where, what, fix)])
