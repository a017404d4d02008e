"""Lists of requests, on the Home tab and in answers to commands. Pure.

Each request takes one block, with a link to its card. What an agent or a person wrote is escaped.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.slack.drawing import blocks
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import lists, notifications, outcomes, people, progress, times
from adapters.slack.drawing.sentences.people import FEW_NAMES
from engine.approvals.approval import Approval, State
from engine.ids import MessageTs
from engine.ports import SourcePeople, Waiting
from engine.sentences.spoken import when

_SHORT = 8


HEADLINE = 200


PAGE = 20


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses of cards; `base` is the workspace's own, with a slash at its end."""

    base: str

    def to(self, approval: Approval) -> str:
        """A link to the card, as trusted mrkdwn; "" for one that is not posted.

        https://docs.slack.dev/reference/methods/chat.getPermalink
        """
        if approval.card is None:
            return ""
        place = approval.place
        under = f"?thread_ts={place.thread_ts}&cid={place.channel}" if place.thread_ts else ""
        return f"<{self.base}archives/{place.channel}/p{approval.card.replace('.', '')}{under}|Open>"


def row(approval: Approval, links: Links, *, own: bool = False) -> Block:
    """One request: an own one names the people who can decide it, any other its requester."""
    return blocks.section(f"*{notifications.headline(approval, HEADLINE)}*\n{_small(approval, links, own=own)}")


def short_id(approval: Approval) -> str:
    """The id of a request in commands."""
    return approval.id.rpartition("#")[2][:_SHORT]


def _small(approval: Approval, links: Links, *, own: bool) -> str:
    if approval.state is State.PENDING:
        votes = next((told for index in range(len(approval.reviews)) if (told := progress.votes(approval, index))), "")
        wanted = next((each for each in approval.reviews if each.decision is None), approval.reviews[0])
        parts = [
            people.who_decides(approval, wanted.governing, FEW_NAMES)
            if own
            else people.requested(approval.requester, people.speaker(approval), strong=False),
            f"asked {when(approval.created_at)}",
            votes,
            times.deadline(approval),
        ]
    else:
        parts = [outcomes.outcome(approval) or "Decided", f"requested by <@{approval.requester}>"]
    return " · ".join(each for each in [*parts, f"`{short_id(approval)}`", links.to(approval)] if each)


def waiting(found: Waiting, links: Links) -> list[Block]:
    """The requests that wait for a person, as an answer to a command."""
    return [*_listed(lists.WAITING, found.approvals, lists.NOTHING_WAITS, links), *incomplete(found)]


def mine(approvals: Sequence[Approval], links: Links) -> list[Block]:
    """A person's own requests, as an answer to a command."""
    return _listed(lists.OWN, approvals, lists.NOTHING_ASKED, links, own=True)


def _listed(title: str, approvals: Sequence[Approval], nothing: str, links: Links, *, own: bool = False) -> list[Block]:
    """A list as an answer to a command; what does not fit is on Home."""
    made = [blocks.section(f"*{lists.counted(title, len(approvals))}*")] if approvals else [blocks.section(nothing)]
    made += [row(each, links, own=own) for each in approvals[:PAGE]]
    if len(approvals) > PAGE:
        made.append(blocks.context(lists.more_on_home(len(approvals) - PAGE)))
    return made


def incomplete(waiting: Waiting) -> list[Block]:
    """The reasons why the list of waiting requests may lack some."""
    return [blocks.context(each) for each in lists.incomplete(waiting)]


def described(approval: Approval, links: Links) -> list[Block]:
    """One request as an answer to a command; its card has the rest."""
    made = [row(approval, links)]
    if approval.state is State.PENDING:
        policies = dict.fromkeys(review.governing for review in approval.reviews if review.decision is None)
        made += [blocks.context(people.who_decides(approval, each)) for each in policies]
    return made


def who_can_decide(approval: Approval, found: Sequence[SourcePeople]) -> list[Block]:
    """The people who could decide a request now, and why."""
    return blocks.sections(lists.who_can_decide(approval, short_id(approval), found))


def card_of(link: str) -> str:
    """The message of a link, as `CHANNEL/TS`; any other text unchanged."""
    _, archives, rest = link.strip("<>").partition("/archives/")
    channel, _, message = rest.partition("/p")
    digits = message.partition("?")[0].partition("|")[0]
    if not archives or not digits.isdecimal():
        return link
    return f"{channel}/{MessageTs(f'{digits[:-6]}.{digits[-6:]}')}"
