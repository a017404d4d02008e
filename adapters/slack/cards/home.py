"""The Home tab, and lists of requests as the commands answer them. Pure.

Each request takes one block, with a link to its card, so that a page of 20 of each list fits the 100 blocks of a tab.
What an agent or a person wrote is escaped; the links and all other words are ours.

https://docs.slack.dev/surfaces/app-home
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.slack.drawing import blocks, wording
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.untrusted_text import pretty
from engine.approvals.approval import Approval, State
from engine.ids import GrantId, MessageTs
from engine.ports import SourcePeople, Waiting
from engine.rules.grants import Grant
from engine.sentences.spoken import when
from engine.sources import Origin

TURN = "signoff_home"
REVOKE = "signoff_revoke"
PAGE = 20
FEW = 10
_SHORT = 8
_HEADLINE = 200
_FEW_NAMES = 4
_MOST = 20

NOTHING_WAITS = "Nothing is waiting for your decision."
NOTHING_ASKED = "You have no open requests."
NOTHING_LATELY = "Nothing was decided lately."
NO_GRANTS = "You have given no permissions that are still valid."


@dataclass(frozen=True, slots=True)
class Pages:
    """Which page of each list a person looks at, from 0; spelled so in a button's value."""

    waiting: int = 0
    own: int = 0
    lately: int = 0

    def __str__(self) -> str:
        return f"{self.waiting}.{self.own}.{self.lately}"

    @classmethod
    def read(cls, spelled: str) -> "Pages":
        """Raises ValueError for what is none."""
        waiting, own, lately = map(int, spelled.split("."))
        if min(waiting, own, lately) < 0:
            raise ValueError(spelled)
        return cls(waiting, own, lately)


@dataclass(frozen=True, slots=True)
class Seen:
    """All that one person's Home shows."""

    waiting: Waiting
    own: Sequence[Approval]
    lately: Sequence[Approval]
    grants: Sequence[Grant]


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


# Home -----------------------------------------------------------------------------------------------------------------


def home(seen: Seen, pages: Pages, links: Links, help_text: str) -> Block:
    """The view. A page beyond the end shows the last one."""
    waits = seen.waiting.approvals
    made = [blocks.header(_counted("Waiting for you", waits))]
    made += _page(waits, pages, "waiting", PAGE, links) or [blocks.section(NOTHING_WAITS)]
    made += _doubts(seen.waiting)
    made.append(blocks.header(_counted("Your requests", seen.own)))
    made += _page(seen.own, pages, "own", PAGE, links) or [blocks.section(NOTHING_ASKED)]
    made.append(blocks.header("Decided lately"))
    made += _page(seen.lately, pages, "lately", FEW, links) or [blocks.section(NOTHING_LATELY)]
    if seen.grants:
        made += [blocks.header("Your permissions"), *grants(seen.grants, pages)]
    made += [blocks.divider(), *blocks.sections(help_text)]
    return {"type": "home", "blocks": made}


def _counted(title: str, approvals: Sequence[Approval]) -> str:
    return f"{title} ({len(approvals)})" if approvals else title


def _doubts(waiting: Waiting) -> list[Block]:
    """What the list may lack."""
    told = []
    if waiting.unsure:
        what = "request" if waiting.unsure == 1 else "requests"
        told.append(f"⚠️ I couldn't check whether you may decide {waiting.unsure} more {what}. Try again in a moment.")
    if waiting.cut:
        told.append("There are very many open requests: only the oldest were looked at.")
    return [blocks.context(each) for each in told]


def _page(approvals: Sequence[Approval], pages: Pages, which: str, size: int, links: Links) -> list[Block]:
    last = max(0, (len(approvals) - 1) // size)
    page = min(getattr(pages, which), last)
    own = which == "own"
    made = [row(each, links, own=own) for each in approvals[page * size : (page + 1) * size]]
    if last:
        turns = [
            blocks.button(label, f"{TURN}_{which}_{to}", str(replace(pages, **{which: to})))
            for label, to in (("Previous", page - 1), ("Next", page + 1))
            if 0 <= to <= last
        ]
        made += [blocks.context(f"Page {page + 1} of {last + 1}"), blocks.actions(f"pages:{which}", turns)]
    return made


def row(approval: Approval, links: Links, *, own: bool = False) -> Block:
    """One request; one's own says who decides it, others who made it."""
    return blocks.section(f"*{wording.headline(approval, _HEADLINE)}*\n{_small(approval, links, own=own)}")


def short_id(approval: Approval) -> str:
    """What people call a request in commands."""
    return approval.id.rpartition("#")[2][:_SHORT]


def _small(approval: Approval, links: Links, *, own: bool) -> str:
    if approval.state is State.PENDING:
        votes = next((told for index in range(len(approval.reviews)) if (told := wording.votes(approval, index))), "")
        wanted = next((each for each in approval.reviews if each.decision is None), approval.reviews[0])
        parts = [
            wording.who_decides(approval, wanted.governing, _FEW_NAMES)
            if own
            else wording.requested(approval.requester, wording.speaker(approval), strong=False),
            f"asked {when(approval.created_at)}",
            votes,
            wording.deadline(approval),
        ]
    else:
        parts = [wording.outcome(approval) or "Decided", f"requested by <@{approval.requester}>"]
    return " · ".join(each for each in [*parts, f"`{short_id(approval)}`", links.to(approval)] if each)


def grants(found: Sequence[Grant], pages: Pages) -> list[Block]:
    """Grants, each with a button to take it back."""
    return [
        {
            "type": "section",
            "text": blocks.section(_grant(each))["text"],
            "accessory": blocks.button(
                "Revoke", f"{REVOKE}_{number}", f"{pages} {each.id}", style="danger", described=f"Revoke {each.tool}"
            ),
        }
        for number, each in enumerate(found[:FEW])
    ]


def _grant(grant: Grant) -> str:
    bound = {name: grant.args[name] for name in grant.fields} if isinstance(grant.args, dict) else {}
    values = bound or (grant.args if isinstance(grant.args, dict) else {})
    shown = ", ".join(f"{name}: {' '.join(pretty(value).split())}" for name, value in values.items())
    what = f"{grant.tool} ({shown})" if shown else grant.tool
    agent = wording.one_line(grant.agent, 80)
    return f"*{wording.one_line(what, _HEADLINE)}*\nAllowed for {agent} until {when(grant.until)}"


# Commands -------------------------------------------------------------------------------------------------------------


def waiting(found: Waiting, links: Links) -> list[Block]:
    """What waits for a person, as an answer to a command."""
    return [*_listed("Waiting for you", found.approvals, NOTHING_WAITS, links), *_doubts(found)]


def mine(approvals: Sequence[Approval], links: Links) -> list[Block]:
    """A person's own requests, as an answer to a command."""
    return _listed("Your requests", approvals, NOTHING_ASKED, links, own=True)


def _listed(title: str, approvals: Sequence[Approval], nothing: str, links: Links, *, own: bool = False) -> list[Block]:
    """A list as an answer to a command; what does not fit is on Home."""
    made = [blocks.section(f"*{_counted(title, approvals)}*")] if approvals else [blocks.section(nothing)]
    made += [row(each, links, own=own) for each in approvals[:PAGE]]
    if len(approvals) > PAGE:
        made.append(blocks.context(f"{len(approvals) - PAGE} more are on my Home tab."))
    return made


def described(approval: Approval, links: Links) -> list[Block]:
    """One request as an answer to a command: its card says the rest."""
    made = [row(approval, links)]
    if approval.state is State.PENDING:
        policies = dict.fromkeys(review.governing for review in approval.reviews if review.decision is None)
        made += [blocks.context(wording.who_decides(approval, each)) for each in policies]
    return made


def able(approval: Approval, found: Sequence[SourcePeople]) -> list[Block]:
    """Who could decide a request now, and why."""
    lines = [f"*Who can decide `{short_id(approval)}` now*", *(_able(approval, each) for each in found)]
    if not all(review.policy.own_requests for review in approval.reviews):
        lines.append(f"<@{approval.requester}> made the request and can't approve it.")
    return blocks.sections("\n".join(lines))


def _able(approval: Approval, each: SourcePeople) -> str:
    name = wording.one_line(each.source.called, 80)
    match each.source.origin:
        case Origin.CHANNEL:
            return f"• any full member of <#{approval.home.channel}>"
        case Origin.REQUESTER:
            return f"• <@{approval.requester}>, whose conversation it is"
        case Origin.USER:
            return f"• {wording.names(each.people)}, named by the rule"
        case Origin.GROUP:
            why = f"in the group {name}"
        case _:
            why = f"on call: {name}"
    if each.error:
        return f"• {why}: can't be told right now. {wording.one_line(each.error, 200)}"
    named = [f"<@{user}>{f' (tier {each.tiers[user]})' if user in each.tiers else ''}" for user in each.people[:_MOST]]
    more = f" and {len(each.people) - _MOST} more" if len(each.people) > _MOST else ""
    return f"• {', '.join(named) or 'nobody'}{more}, {why}"


def revocation(spelled: str) -> tuple[Pages, GrantId]:
    """What a Revoke button says. Raises ValueError for what it never does."""
    pages, _, grant = spelled.partition(" ")
    if not grant:
        raise ValueError(spelled)
    return Pages.read(pages), GrantId(grant)


def card_of(link: str) -> str:
    """What a link to a message means: `CHANNEL/TS`; anything else as it is."""
    _, archives, rest = link.strip("<>").partition("/archives/")
    channel, _, message = rest.partition("/p")
    digits = message.partition("?")[0].partition("|")[0]
    if not archives or not digits.isdecimal():
        return link
    return f"{channel}/{MessageTs(f'{digits[:-6]}.{digits[-6:]}')}"
