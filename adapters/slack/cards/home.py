"""The Home tab. Pure. https://docs.slack.dev/surfaces/app-home.

A page of 20 of each list fits the 100 blocks of a tab.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.slack.cards.request_list import HEADLINE, PAGE, Links, incomplete, row
from adapters.slack.drawing import blocks
from adapters.slack.drawing.actions import HOME_PAGE, REVOKE, Pages
from adapters.slack.drawing.blocks import Block
from adapters.slack.drawing.sentences import lists
from adapters.slack.drawing.untrusted_text import mrkdwn_line, pretty
from engine.approvals.approval import Approval
from engine.ports import Waiting
from engine.rules.grants import Grant
from engine.sentences.spoken import when

FEW = 10


@dataclass(frozen=True, slots=True)
class HomeContents:
    """Everything on one person's Home."""

    waiting: Waiting
    own: Sequence[Approval]
    lately: Sequence[Approval]
    grants: Sequence[Grant]


def home(contents: HomeContents, pages: Pages, links: Links, help_text: str) -> Block:
    """The view. A page beyond the end becomes the last one."""
    waits = contents.waiting.approvals
    made = [blocks.header(lists.counted(lists.WAITING, len(waits)))]
    made += _page(waits, pages, "waiting", PAGE, links) or [blocks.section(lists.NOTHING_WAITS)]
    made += incomplete(contents.waiting)
    made.append(blocks.header(lists.counted(lists.OWN, len(contents.own))))
    made += _page(contents.own, pages, "own", PAGE, links) or [blocks.section(lists.NOTHING_ASKED)]
    made.append(blocks.header(lists.LATELY))
    made += _page(contents.lately, pages, "lately", FEW, links) or [blocks.section(lists.NOTHING_LATELY)]
    if contents.grants:
        made += [blocks.header(lists.GRANTS), *grants(contents.grants, pages)]
    made += [blocks.divider(), *blocks.sections(help_text)]
    return {"type": "home", "blocks": made}


def _page(approvals: Sequence[Approval], pages: Pages, which: str, size: int, links: Links) -> list[Block]:
    last = max(0, (len(approvals) - 1) // size)
    page = min(getattr(pages, which), last)
    own = which == "own"
    made = [row(each, links, own=own) for each in approvals[page * size : (page + 1) * size]]
    if last:
        turns = [
            blocks.button(label, f"{HOME_PAGE}_{which}_{to}", str(replace(pages, **{which: to})))
            for label, to in (("Previous", page - 1), ("Next", page + 1))
            if 0 <= to <= last
        ]
        made += [blocks.context(f"Page {page + 1} of {last + 1}"), blocks.actions(f"pages:{which}", turns)]
    return made


def grants(found: Sequence[Grant], pages: Pages) -> list[Block]:
    """Grants, each with a button to revoke it."""
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
    agent = mrkdwn_line(grant.agent, 80)
    return f"*{mrkdwn_line(what, HEADLINE)}*\nAllowed for {agent} until {when(grant.until)}"
