"""Home and the answers of commands, as they are drawn: whole, valid, and without anybody's markup."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.slack_samples import BOB, CAROL, NOW, action, approval, ask, policy, text_in

from adapters.blockkit import check_home, check_message
from adapters.slack.cards import home, request_list
from adapters.slack.cards.home import HomeContents
from adapters.slack.cards.request_list import Links
from adapters.slack.drawing.actions import Pages
from engine.ids import ApprovalId, GrantId, MessageTs, UserId
from engine.ports import SourcePeople, Waiting
from engine.rules.grants import Grant
from engine.sources import Origin, Source

LINKS = Links("https://x.slack.com/")
NASTY = "<!channel> *bold* <https://evil|click> `x` \u202e"


def many(count: int) -> tuple:  # type: ignore[type-arg]
    asked = ask(action({"note": NASTY * 100}, name=f"deploy {NASTY}"), prompt=NASTY * 50)
    one = approval(asked, rule=policy(BOB, CAROL, quorum=2), card=MessageTs("1700000000.000200"))
    return tuple(replace(one, id=ApprovalId(f"{one.thread}#{number:016x}")) for number in range(count))


def a_grant(number: int) -> Grant:
    one = many(1)[0]
    return Grant(
        id=GrantId(f"grant-{number}"),
        thread=one.thread,
        agent=one.agent,
        tool=f"tool {NASTY}",
        args={"note": NASTY * 100},
        fields=(),
        by=(BOB,),
        policy=one.reviews[0].policy,
        approval=one.id,
        given_at=NOW,
        until=NOW + timedelta(hours=1),
    )


@pytest.mark.parametrize("pages", [Pages(), Pages(3, 3, 3), Pages(99, 99, 99)])
@pytest.mark.parametrize("count", [0, 1, 20, 21, 500])
def test_home_is_valid_however_much_there_is_on_every_page(count: int, pages: Pages) -> None:
    found = many(count)
    seen = HomeContents(
        Waiting(found, unsure=3, cut=True), found, found, [a_grant(number) for number in range(min(count, 50))]
    )
    view = home.home(seen, pages, LINKS, "*deploy* in <#C1>: ships\n" * 60)
    assert check_home(view) == []
    text = text_in(view["blocks"])
    for markup in ("<!channel>", "<https://evil", "*bold*", "\u202e"):
        assert markup not in text
    if pages == Pages():
        assert text.count("|Open>") == min(count, 20) * 2 + min(count, 10)


def test_lists_fit_a_message() -> None:
    for made in (
        request_list.waiting(Waiting(many(500), unsure=1, cut=True), LINKS),
        request_list.mine(many(21), LINKS),
        request_list.described(many(1)[0], LINKS),
        home.grants([a_grant(number) for number in range(50)], Pages()),
    ):
        assert check_message({"text": "x", "blocks": made}) == []


def test_who_can_decide_says_why_for_each_source_and_what_failed() -> None:
    one = many(1)[0]
    crowd = tuple(UserId(f"U{number:03}") for number in range(700))
    found = [
        SourcePeople(Source(Origin.USER, BOB), (BOB,)),
        SourcePeople(Source(Origin.GROUP, "S1", "sre"), crowd),
        SourcePeople(Source(Origin.ON_CALL, "pay"), (BOB, CAROL), tiers={BOB: 1}),
        SourcePeople(Source(Origin.ON_CALL, "ops"), (), "PagerDuty answered 500 <!channel>"),
        SourcePeople(Source(Origin.CHANNEL, ""), ()),
    ]
    made = request_list.who_can_decide(one, found)
    assert check_message({"text": "x", "blocks": made}) == []
    text = text_in(made)
    assert "<@U0BOB>, named by the rule" in text
    assert "and 680 more, in the group sre" in text
    assert "<@U0BOB> (tier 1), <@U0CAROL>, on call: pay" in text
    assert "on call: ops: couldn't be checked right now. PagerDuty answered 500 &lt;!channel&gt;" in text
    assert "any full member of <#C0DEPLOYS>" in text


@pytest.mark.parametrize(
    ("link", "means"),
    [
        ("<https://x.slack.com/archives/C1/p1700000000000200>", "C1/1700000000.000200"),
        ("https://x.slack.com/archives/C1/p1700000000000200?thread_ts=1.1&cid=C1", "C1/1700000000.000200"),
        ("<https://x.slack.com/archives/C1/p1700000000000200|open>", "C1/1700000000.000200"),
        ("a1b2c3d4", "a1b2c3d4"),
        ("https://x.slack.com/archives/C1", "https://x.slack.com/archives/C1"),
        ("https://x.slack.com/archives/C1/pnonsense", "https://x.slack.com/archives/C1/pnonsense"),
    ],
)
def test_a_link_to_a_card_means_the_card(link: str, means: str) -> None:
    assert request_list.card_of(link) == means


@pytest.mark.parametrize("spelled", ["", "1.2", "1.2.x", "-1.0.0", "1.2.3.4"])
def test_what_is_no_page_is_refused(spelled: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Pages.read(spelled)
    assert Pages.read(str(Pages(1, 2, 3))) == Pages(1, 2, 3)
