"""Real Bolt on the local workspace: what people do reaches the desk, and "ok" is said when it is durable."""

from dataclasses import replace
from typing import Any

import pytest
from fakes.people import Message, PeopledSlack, wait_until
from slack_bolt.request.async_request import AsyncBoltRequest
from structlog.testing import capture_logs
from support.slack_app import Bot, NoChannels, NoOverview, NoTravel, serving
from support.slack_samples import ARGUMENTS, SCHEMA, RecordingDesk, action, approval, ask, policy, question

from adapters.slack.cards import card as cards
from adapters.slack.inbound.bolt import build_app
from adapters.slack.inbound.commands import Commands
from adapters.slack.inbound.handlers import Handlers
from adapters.slack.inbound.socket_mode import sockets
from adapters.slack.outbound.chat import SlackChat
from adapters.slack.workspace import patience
from adapters.slack.workspace.client import PacedClient
from adapters.slack.workspace.errors import SlackRefused
from adapters.slack.workspace.identity import whoami
from engine.approvals.approval import Approval, State
from engine.asks.ask import Ask, Choice, Kind, ValueProblem
from engine.ids import UserId


async def asked(
    bot: Bot, what: Ask | None = None, *, requester: str = "alice", **more: Any
) -> tuple[Approval, Message]:
    """An approval that stands in #deploys, as bob sees it."""
    place = await bot.place("#deploys")
    root = await bot.slack.person(requester).say("#deploys", "please")
    place = replace(place, thread_ts=root.ts)  # type: ignore[arg-type]
    one = approval(what, place=place, requester=UserId(await bot.user(requester)), **more)
    card = await bot.chat.draw(one, 1)
    assert card is not None
    one = bot.desk.keep(replace(one, card=card))
    seen = await bot.slack.person("bob").expect_message("#deploys")
    return one, seen


async def redrawn(bot: Bot, one: Approval) -> None:
    await bot.chat.draw(bot.desk.kept[one.id], 1)


@pytest.mark.promise("P1")
async def test_an_approve_reaches_the_desk_before_it_is_acked(bot: Bot) -> None:
    one, card = await asked(bot)
    outcome = await card.click("Approve")
    assert outcome.acked
    assert [(click.choice, click.action, click.revision) for click in bot.desk.clicks] == [(Choice.APPROVE, 0, 1)]
    assert bot.desk.clicks[0].by == await bot.user("bob")
    assert bot.desk.calls == ["choose"]
    assert bot.desk.kept[one.id].state is State.DECIDED


@pytest.mark.promise("P8")
async def test_a_decided_card_says_who_decided_and_has_no_buttons(bot: Bot) -> None:
    one, card = await asked(bot)
    await card.click("Approve")
    await redrawn(bot, one)
    await card.becomes("Approved by", buttons=[])


@pytest.mark.promise("P1")
@pytest.mark.parametrize("ack_timeout", [0.5])
@pytest.mark.usefixtures("ack_timeout")
@pytest.mark.parametrize("label", ["Approve", "Withdraw"])
async def test_a_click_that_could_not_be_saved_is_not_acked_and_its_author_is_told(bot: Bot, label: str) -> None:
    _, card = await asked(bot)
    bot.desk.failing = ConnectionError("redis is gone")
    outcome = await card.click(label)
    assert not outcome.acked
    told = await bot.slack.person("bob").expect_message("#deploys", containing="doesn't count", ephemeral=True)
    assert told.ephemeral


@pytest.mark.promise("P1")
async def test_a_click_that_takes_too_long_is_not_acked_and_its_author_is_told(
    slack: PeopledSlack, client: PacedClient, transport: str
) -> None:
    async with serving(slack, client, transport, patience=0.1, ack_timeout=0.5) as bot:
        _, card = await asked(bot)
        bot.desk.hanging = True
        assert not (await card.click("Approve")).acked
        await slack.person("bob").expect_message("#deploys", containing="doesn't count", ephemeral=True)


@pytest.mark.promise("P1")
@pytest.mark.parametrize("ack_timeout", [0.5])
@pytest.mark.usefixtures("ack_timeout")
async def test_a_message_that_could_not_be_saved_is_not_acked_and_is_one_line(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    bot.desk.failing = ConnectionError("redis is gone")
    with capture_logs() as said:
        assert not (await bot.slack.person("alice").say("#deploys", "@signoff ship it")).acked
    assert {(each["event"], each["kind"], each["error"]) for each in said} == {
        ("event_not_kept", "IncomingMessage", "ConnectionError")
    }
    assert not [each for each in caplog.records if each.exc_info]


async def test_an_edit_opens_a_form_with_the_arguments_and_sends_typed_values(bot: Bot) -> None:
    one, card = await asked(bot, ask(action(schema=SCHEMA)))
    form = await card.open_form("Edit")
    assert form.fields == ["service", "version", "replicas", "dry_run"]
    outcome = await form.submit({"replicas": "5"})
    assert outcome.acked
    assert not outcome.errors
    await form.gone()
    assert bot.desk.clicks[0].value == {**ARGUMENTS, "replicas": 5}  # type: ignore[dict-item]
    await redrawn(bot, one)
    await card.becomes("3 → 5", buttons=[])


async def test_a_wrong_value_is_shown_at_its_field_and_nothing_is_sent(bot: Bot) -> None:
    _, card = await asked(bot, ask(action(schema=SCHEMA)))
    bot.desk.objections = lambda click: (
        [ValueProblem(("replicas",), "At most 20.")] if click.value["replicas"] > 20 else []  # type: ignore[index,call-overload,operator]
    )
    form = await card.open_form("Edit")
    outcome = await form.submit({"replicas": "99"})
    assert outcome.errors == {"field:/replicas": "At most 20."}
    assert bot.desk.clicks == []
    assert not (await form.submit({"replicas": "7"})).errors
    assert bot.desk.clicks[0].choice is Choice.EDIT


async def test_a_rejection_carries_its_reason(bot: Bot) -> None:
    one, card = await asked(bot)
    form = await card.open_form("Reject")
    assert (await form.submit({"Reason": "  "})).errors
    await form.submit({"Reason": "not on a friday"})
    assert (bot.desk.clicks[0].choice, bot.desk.clicks[0].text) == (Choice.REJECT, "not on a friday")
    await redrawn(bot, one)
    await card.becomes("not on a friday", buttons=[])


@pytest.mark.promise("P2")
async def test_a_form_sent_after_the_decision_changes_nothing_and_says_so(bot: Bot) -> None:
    one, card = await asked(bot)
    form = await card.open_form("Reject")
    await card.click("Approve", by=bot.slack.person("carol"))
    await form.submit({"Reason": "too late"})
    assert "already approved" in (await bot.slack.person("bob").expect_form(title="Too late")).text
    assert bot.desk.kept[one.id].state is State.DECIDED


@pytest.mark.promise("P2")
async def test_a_form_button_of_a_decided_card_is_refused_at_once(bot: Bot) -> None:
    _, card = await asked(bot)
    await card.click("Approve", by=bot.slack.person("carol"))
    assert (await card.click("Edit")).acked
    assert [refusal.code for refusal in bot.desk.refused] == ["already_decided"]
    assert (await bot.slack.person("bob").state())["view"] is None


@pytest.mark.promise("P6")
async def test_who_is_not_an_approver_gets_no_form_and_the_try_is_recorded(bot: Bot) -> None:
    carol = UserId(await bot.user("carol"))
    _, card = await asked(bot, rule=policy(carol))
    assert (await card.click("Reject")).acked
    assert [refusal.code for refusal in bot.desk.refused] == ["not_an_approver"]
    assert (await bot.slack.person("bob").state())["view"] is None


@pytest.mark.promise("P4")
async def test_an_edit_of_a_revision_that_has_passed_is_refused(bot: Bot) -> None:
    names = [UserId(await bot.user(name)) for name in ("bob", "carol")]
    one, card = await asked(bot, rule=policy(*names, quorum=2))
    first = await card.open_form("Edit")
    other = await card.open_form("Edit", by=bot.slack.person("carol"))
    await other.submit({"replicas": "4"})
    outcome = await first.submit({"replicas": "5"})
    (told,) = outcome.errors.values()  # the form stays open
    assert "Copy what you wrote" in told
    assert "<" not in told, "Slack shows no mention there"
    assert [refusal.code for refusal in bot.desk.refused] == ["changed"]
    assert bot.desk.kept[one.id].reviews[0].value == {**ARGUMENTS, "replicas": 4}  # type: ignore[dict-item]


@pytest.mark.parametrize("label", ["Approve", "Edit"])
async def test_a_click_on_a_card_that_nobody_keeps_is_told_so(bot: Bot, label: str) -> None:
    _, card = await asked(bot)
    bot.desk.kept.clear()
    assert (await card.click(label)).acked
    await bot.slack.person("bob").expect_message("#deploys", containing="no longer stored", ephemeral=True)


async def test_a_question_is_answered_with_its_form(bot: Bot) -> None:
    _, card = await asked(bot, question())
    form = await card.open_form("Answer", by=bot.slack.person("alice"))
    await form.submit({"Answer": "the small one"})
    assert (bot.desk.clicks[0].choice, bot.desk.clicks[0].text) == (Choice.ANSWER, "the small one")


async def test_a_form_is_answered_with_values(bot: Bot) -> None:
    schema = {"type": "object", "properties": {"nights": {"type": "integer"}, "breakfast": {"type": "boolean"}}}
    what = ask(action(None, name="booking", choices=(Choice.ANSWER,), schema=schema), kind=Kind.FORM, prompt="Book?")
    _, card = await asked(bot, what)
    form = await card.open_form("Answer", by=bot.slack.person("alice"))
    await form.submit({"nights": "3"})
    assert bot.desk.clicks[0].value == {"nights": 3}


@pytest.mark.promise("P4")
async def test_show_all_shows_what_the_card_could_not(bot: Bot) -> None:
    long = "\n".join(f"line {number}" for number in range(3_000))
    _, card = await asked(bot, ask(action({"script": long})))
    assert "Show all" in card.buttons
    assert "line 2999" not in card.text
    await card.click("Show all")
    assert "line 2999" in (await bot.slack.person("bob").expect_form(title="Full request")).text


async def cut(bot: Bot, **more: Any) -> tuple[Approval, Message]:
    """A card that cannot show all of its request."""
    return await asked(bot, ask(action({"script": "\n".join(f"line {number}" for number in range(3_000))})), **more)


@pytest.mark.promise("P4")
async def test_an_approval_of_what_is_cut_is_asked_for_once_more_with_the_rest_one_button_away(bot: Bot) -> None:
    one, card = await cut(bot)
    assert (await card.click("Approve")).acked
    bob = bot.slack.person("bob")
    form = await bob.expect_form(title="Approve?")
    shown, total = cards.seen(one, 0)
    assert f"{shown:,} of {total:,} characters" in form.text
    assert bot.desk.clicks == []
    assert (await form.click("Full request")).acked
    everything = await bob.expect_form(title="Full request")
    assert "line 2999" in everything.text
    await everything.close()
    await (await bob.expect_form(title="Approve?")).submit()
    assert [(click.choice, click.revision) for click in bot.desk.clicks] == [(Choice.APPROVE, 1)]
    assert bot.desk.kept[one.id].state is State.DECIDED


@pytest.mark.promise("P4")
async def test_no_press_of_the_first_button_approves_what_is_cut_however_often(bot: Bot) -> None:
    one, card = await cut(bot)
    for _ in range(3):
        assert (await card.click("Approve")).acked
    assert bot.desk.clicks == []
    assert bot.desk.kept[one.id].state is State.PENDING


@pytest.mark.promise("P2")
@pytest.mark.promise("P4")
async def test_the_second_question_approves_the_revision_that_it_was_asked_of(bot: Bot) -> None:
    names = [UserId(await bot.user(name)) for name in ("bob", "carol")]
    one, card = await cut(bot, rule=policy(*names, quorum=2))
    await card.click("Approve")
    form = await bot.slack.person("bob").expect_form(title="Approve?")
    other = await card.open_form("Edit", by=bot.slack.person("carol"))
    await other.submit({"script (new value)": "rm -rf"})
    await form.submit()
    assert [refusal.code for refusal in bot.desk.refused] == ["changed"]
    assert bot.desk.kept[one.id].state is State.PENDING


@pytest.mark.promise("P1")
async def test_a_second_answer_that_could_not_be_saved_says_so(bot: Bot) -> None:
    _, card = await cut(bot)
    await card.click("Approve")
    bob = bot.slack.person("bob")
    form = await bob.expect_form(title="Approve?")
    bot.desk.failing = ConnectionError("redis is gone")
    await form.submit()
    assert "doesn't count" in (await bob.expect_form(title="No effect")).text


@pytest.mark.promise("P1")
async def test_a_form_of_the_last_row_that_could_not_be_saved_says_so(bot: Bot) -> None:
    _, card = await asked(bot)
    bob = bot.slack.person("bob")
    form = await card.open_form("Extend deadline…", by=bob)
    bot.desk.failing = ConnectionError("redis is gone")
    await form.submit()
    assert "doesn't count" in (await bob.expect_form(title="No effect")).text


@pytest.mark.promise("P6")
async def test_who_may_not_approve_is_refused_before_anything_is_asked_once_more(bot: Bot) -> None:
    _, card = await cut(bot, rule=policy(UserId(await bot.user("carol"))))
    await card.click("Approve")
    assert [refusal.code for refusal in bot.desk.refused] == ["not_an_approver"]
    assert (await bot.slack.person("bob").state())["view"] is None


# Messages -------------------------------------------------------------------------------------------------------------


async def heard(bot: Bot, count: int = 1) -> None:
    async def look() -> bool | None:
        return True if len(bot.desk.said) >= count else None

    await wait_until(look, instead=lambda: f"the desk heard {bot.desk.said}")


async def test_a_mention_starts_a_thread_of_its_own(bot: Bot) -> None:
    outcome = await bot.slack.person("alice").say("#deploys", "@signoff ship billing & <search>")
    await heard(bot)
    said = bot.desk.said[0]
    assert outcome.acked
    assert (said.text, said.mentioned, said.direct) == ("ship billing & <search>", True, False)
    assert said.place == replace(await bot.place("#deploys"), thread_ts=said.ts)
    assert (said.user, said.team) == (await bot.user("alice"), bot.identity.team)
    assert len({(each.place, each.ts, each.text, each.mentioned) for each in bot.desk.said}) == 1


async def test_a_direct_message_stands_at_the_root(bot: Bot) -> None:
    await bot.slack.person("alice").say("dm", "plan a trip")
    await heard(bot)
    said = bot.desk.said[0]
    assert (said.text, said.direct, said.place.thread_ts) == ("plan a trip", True, None)


@pytest.mark.promise("P1")
@pytest.mark.parametrize("ack_timeout", [0.5])
@pytest.mark.usefixtures("ack_timeout")
async def test_a_message_that_could_not_be_saved_is_delivered_again(bot: Bot) -> None:
    bot.desk.failing = ConnectionError("redis is gone")
    await bot.slack.person("alice").say("dm", "plan a trip")
    bot.desk.failing = None
    await heard(bot)
    assert bot.desk.calls.count("hear") >= 2


async def test_what_the_bot_says_itself_is_not_heard(bot: Bot) -> None:
    place = await bot.place("alice")
    await bot.chat.say(place, "hello", "k1", speaker="", attempt=1)
    await bot.slack.person("alice").say("dm", "hi")
    await heard(bot)
    assert [said.text for said in bot.desk.said] == ["hi"]


async def test_the_command_and_the_home_tab_say_what_there_is(bot: Bot) -> None:
    alice = bot.slack.person("alice")
    assert (await alice.command("#deploys", "/signoff", "help")).acked
    await alice.expect_message("#deploys", containing="ships services")
    await alice.open_home()

    async def look() -> bool | None:
        home = (await alice.state())["home"]
        return True if home and "ships services" in str(home) else None

    await wait_until(look)


@pytest.mark.promise("P1")
async def test_bolt_runs_no_listener_so_nothing_is_polled_and_nothing_acked_early(chatting: Bot) -> None:
    assert chatting.app._async_listeners == []
    assert type(chatting.app._async_middleware_list[-1]).__name__ == "AnswerMiddleware"
    assert any(getattr(each, "auth_test_result", None) for each in chatting.app._async_middleware_list)


@pytest.mark.promise("P1")
@pytest.mark.parametrize("fault", [{"error": "internal_error"}, {"status": 500}])
async def test_an_app_that_cannot_tell_who_it_is_does_not_start(
    slack: PeopledSlack, client: PacedClient, fault: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "SECONDS", 0.0)
    handlers = await _handlers(client)
    await slack.people.fault(method="auth.test", times=3, **fault)
    with pytest.raises(SlackRefused):
        await build_app(client, handlers)


@pytest.mark.parametrize("fault", [{"error": "internal_error"}, {"status": 500}, {"status": 429, "retry_after": 1}])
async def test_an_app_waits_for_a_slack_that_is_broken_for_a_moment(
    slack: PeopledSlack, client: PacedClient, fault: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.01)
    handlers = await _handlers(client)
    await slack.people.fault(method="auth.test", times=2, **fault)
    await build_app(client, handlers)


async def test_a_token_that_slack_refuses_is_not_waited_for(slack: PeopledSlack, client: PacedClient) -> None:
    await slack.people.fault(method="auth.test", times=1, error="token_revoked")
    with pytest.raises(SlackRefused, match="token_revoked"):
        await patience.patiently(lambda: whoami(client))


async def _handlers(client: PacedClient) -> Handlers:
    identity, desk = await whoami(client), RecordingDesk()
    return Handlers(
        client=client,
        identity=identity,
        desk=desk,
        chat=SlackChat(client, identity.user),
        time_travel=NoTravel(),
        channels=NoChannels(),
        commands=Commands(client, desk, NoOverview(), help_text="help", base=identity.url),
    )


async def test_http_without_a_signature_is_refused(chatting: Bot) -> None:
    request = AsyncBoltRequest(body='{"type": "event_callback"}', headers={"content-type": "application/json"})
    assert (await chatting.app.async_dispatch(request)).status == 401


# Broken connections ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["refresh", 1])
async def test_a_click_arrives_while_a_socket_is_replaced(
    slack: PeopledSlack, client: PacedClient, how: str | int
) -> None:
    async with serving(slack, client, "sockets") as bot:
        _, card = await asked(bot)
        await slack.people.fault(disconnect=how)
        assert (await card.click("Approve")).acked
        assert len(bot.desk.clicks) == 1


async def test_the_call_that_checks_the_token_opens_the_first_socket(
    slack: PeopledSlack, chatting: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack promises one such call a minute, and several workers start at once."""
    given: list[str] = []
    ticket = slack.workspace.sockets.ticket

    def noted() -> str:
        given.append(found := ticket())
        return found

    monkeypatch.setattr(slack.workspace.sockets, "ticket", noted)
    async with sockets(chatting.app, slack.environment()["SLACK_APP_TOKEN"], connections=2) as opened:
        assert await opened.ready()
    assert len(given) == 2


async def test_sockets_that_broke_without_a_word_are_opened_again(slack: PeopledSlack, chatting: Bot) -> None:
    async with sockets(chatting.app, slack.environment()["SLACK_APP_TOKEN"], look_after=0.1) as opened:
        before = [handler.client.wss_uri for handler in opened.handlers]
        await slack.people.fault(disconnect=True)

        async def reopened() -> bool | None:
            new = [handler.client.wss_uri not in before for handler in opened.handlers]
            return True if all(new) and await opened.ready() else None

        await wait_until(reopened)
        await slack.person("alice").say("dm", "still there?")
        await heard(chatting)


async def test_a_message_that_is_delivered_twice_is_the_same_message(bot: Bot) -> None:
    await bot.slack.people.fault(duplicate=1)
    await bot.slack.person("alice").say("dm", "plan a trip")
    await heard(bot, 2)
    assert len(set(bot.desk.said)) == 1


async def test_a_form_that_slack_will_not_open_is_told(bot: Bot) -> None:
    _, card = await asked(bot)
    await bot.slack.people.fault(method="views.open", error="expired_trigger_id")
    assert (await card.click("Reject")).acked
    await bot.slack.person("bob").expect_message("#deploys", containing="press the button again", ephemeral=True)


async def test_a_form_that_could_not_be_saved_keeps_what_was_typed(bot: Bot) -> None:
    _, card = await asked(bot)
    form = await card.open_form("Reject")
    bot.desk.failing = ConnectionError("redis is gone")
    outcome = await form.submit({"Reason": "too risky"})
    assert "doesn't count" in outcome.errors["text"]
    bot.desk.failing = None
    assert not (await form.submit({"Reason": "too risky"})).errors
    assert bot.desk.clicks[0].text == "too risky"
