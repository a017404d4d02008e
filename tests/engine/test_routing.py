"""Routing of an ask: who decides, where, and by when; and the digest that binds decisions to it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from contracts.samples import BOB, CAROL, NOW, PLACE, a_conversation, a_policy, an_ask, any_ask
from hypothesis import given
from hypothesis import strategies as st

from engine.approvals.approval import Place
from engine.asks.ask import Ask, Json, Kind, canonical, digest_of
from engine.authority.policy import CHANNEL, REQUESTER, Deadlines, OnExpiry
from engine.conversation import Conversation
from engine.ids import ChannelId, InterruptId, ThreadId, approval_id, thread_of
from engine.rules.conditions import Circumstances
from engine.rules.routing import Route, Rule, Rulebook
from engine.rules.routing import route as routed_by
from engine.sources import Source

TALK = a_conversation()
ELSEWHERE = ChannelId("C9")
SHORT, LONG = timedelta(minutes=5), timedelta(hours=5)


def rule(name: str, **more: object) -> Rule:
    return Rule(name, replace(a_policy(BOB, CAROL), rule=name), **more)  # type: ignore[arg-type]


def route(ask: Ask, conversation: Conversation, rules: Sequence[Rule]) -> Route:
    asked = Circumstances(conversation.agent, conversation.place.channel, conversation.requester, NOW)
    return routed_by(ask, conversation, Rulebook(tuple(rules)), asked)


def governed_by(ask: Ask, *rules: Rule) -> list[str]:
    return [policy.rule for policy in route(ask, TALK, rules).policies]


def test_the_first_rule_that_matches_governs() -> None:
    rules = (rule("other", agent="refunds"), rule("deploys", tool="deploy*"), rule("all"))
    assert governed_by(an_ask("deploy_web"), *rules) == ["deploys"]
    assert governed_by(an_ask("get"), *rules) == ["all"]
    assert governed_by(an_ask("Deploy_web"), *rules) == ["all"]


def test_each_action_of_a_batch_is_matched_alone() -> None:
    rules = (rule("harmless", tool="get_*"), rule("dangerous", tool="delete_*"))
    assert governed_by(an_ask("get_a", "delete_b", "get_c"), *rules) == ["harmless", "dangerous", "harmless"]
    assert governed_by(an_ask("get_a", "other"), *rules)[1].startswith("default: any other member")


def test_a_rule_for_tools_governs_nothing_else() -> None:
    assert governed_by(an_ask("deploy", kind=Kind.APPROVAL), rule("tools", tool="*")) == governed_by(
        an_ask("deploy", kind=Kind.APPROVAL)
    )


@pytest.mark.parametrize("kind", [Kind.QUESTION, Kind.FORM])
def test_only_a_rule_for_questions_governs_a_question(kind: Kind) -> None:
    assert governed_by(an_ask(kind=kind), rule("all")) == ["default: the requester answers"]
    assert governed_by(an_ask(kind=kind), rule("all"), rule("questions", question=True)) == ["questions"]
    assert governed_by(an_ask(), rule("questions", question=True))[0].startswith("default")


@pytest.mark.promise("P6")
def test_no_rule_governs_a_notice_which_whoever_is_there_may_say_they_have_seen() -> None:
    rules = (rule("all"), rule("questions", question=True))
    (policy,) = route(an_ask(kind=Kind.NOTICE), TALK, rules).policies
    assert (policy.sources, policy.own_requests, policy.quorum) == ((CHANNEL,), True, 1)
    (policy,) = route(an_ask(kind=Kind.NOTICE), a_conversation(direct=True), rules).policies
    assert policy.is_requesters


@pytest.mark.promise("P6")
def test_without_a_rule_the_conversation_says_who_decides() -> None:
    def approvers(ask: Ask, *, direct: bool) -> Source:
        (policy,) = route(ask, a_conversation(direct=direct), ()).policies
        assert (policy.quorum, policy.own_requests) == (1, False)
        (source,) = policy.sources
        return source

    assert approvers(an_ask(), direct=False) is CHANNEL
    assert approvers(an_ask(), direct=True) is REQUESTER
    assert approvers(an_ask(kind=Kind.QUESTION), direct=False) is REQUESTER


def test_without_deadlines_it_waits() -> None:
    assert route(an_ask(), TALK, ()).deadlines == Deadlines()


def test_a_batch_takes_the_soonest_deadlines() -> None:
    rules = (
        rule("a", tool="a", deadlines=Deadlines((SHORT,), LONG)),
        rule("b", tool="b", deadlines=Deadlines((LONG,), SHORT)),
        rule("c", tool="c"),
    )
    assert route(an_ask("a", "b", "c"), TALK, rules).deadlines == Deadlines((SHORT,), SHORT)
    assert route(an_ask("a", "c"), TALK, rules).deadlines == Deadlines((SHORT,), LONG)
    assert route(an_ask("c", "d"), TALK, rules).deadlines == Deadlines()


@pytest.mark.promise("P5")
def test_a_batch_fails_on_expiry_where_one_of_its_rules_says_so() -> None:
    rules = (
        rule("a", tool="a", deadlines=Deadlines((), LONG, OnExpiry.FAIL)),
        rule("b", tool="b", deadlines=Deadlines((), SHORT)),
        rule("never", tool="c", deadlines=Deadlines(on_expiry=OnExpiry.FAIL)),
    )
    assert route(an_ask("a", "b"), TALK, rules).deadlines == Deadlines((), SHORT, OnExpiry.FAIL)
    assert route(an_ask("b", "c"), TALK, rules).deadlines == Deadlines((), SHORT, OnExpiry.REJECT)


def test_a_card_stands_in_the_conversation_unless_a_rule_names_a_channel() -> None:
    there, here = rule("there", tool="b", post_to=ELSEWHERE), rule("here", tool="c", post_to=PLACE.channel)
    assert route(an_ask("a"), TALK, (there,)).place == PLACE
    assert route(an_ask("a", "b"), TALK, (there,)).place == Place(PLACE.team, ELSEWHERE)
    assert route(an_ask("c", "b"), TALK, (there, here)).place == PLACE


# Digests and ids ------------------------------------------------------------------------------------------------------


@pytest.mark.promise("P4")
def test_another_payload_graph_or_value_is_another_question() -> None:
    ask = an_ask("a", "b")
    changed = [
        replace(ask, dialect="other"),
        replace(ask, payload={"x": 1}),
        replace(ask, actions=ask.actions[::-1]),
        replace(ask, actions=(replace(ask.actions[0], value={"of": "c"}), ask.actions[1])),
        replace(ask, actions=(replace(ask.actions[0], name="c"), ask.actions[1])),
    ]
    digests = [digest_of(each, "print") for each in (ask, *changed)] + [digest_of(ask, "another print")]
    assert len(set(digests)) == len(digests)


@pytest.mark.promise("P4")
@given(any_ask)
def test_any_ask_has_one_digest(ask: Ask) -> None:
    assert digest_of(ask, "p") == digest_of(replace(ask), "p")
    assert len(digest_of(ask, "p")) == 64


@given(st.dictionaries(st.text(max_size=3), st.integers(), max_size=4))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    backwards = dict(reversed(value.items()))
    assert canonical(dict(value)) == canonical(dict(backwards))


@pytest.mark.promise("P4")
def test_types_of_values_matter() -> None:
    values: list[Json] = [1, 1.0, True, "1", None, "null", [], {}, ""]
    spellings = {canonical(value) for value in values}
    assert len(spellings) == 9


def test_an_ask_without_actions_cannot_be() -> None:
    with pytest.raises(ValueError, match="at least one action"):
        Ask("d", Kind.TOOL_CALL, "", (), None)


def test_an_approvals_id_holds_its_thread_and_is_the_same_each_time() -> None:
    thread = ThreadId("T1:C1:1.1")
    made = approval_id(thread, InterruptId("i"), "d")
    assert made == approval_id(thread, InterruptId("i"), "d")
    assert thread_of(made) == thread
    assert len({made, approval_id(thread, InterruptId("j"), "d"), approval_id(thread, InterruptId("i"), "e")}) == 3


@pytest.mark.parametrize("text", ["", "no hash sign", "#only"])
def test_what_is_no_approvals_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an approval's id"):
        thread_of(text)  # type: ignore[arg-type]
