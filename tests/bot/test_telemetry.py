"""Logs that can be read by people and machines and hold no secrets; metrics that count what happened."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.config.problems import ConfigProblem
from bot.masking import MASK, masked, remember
from bot.telemetry import Metrics, set_up_logs

TOKEN = "xoxb-123-456-abcDEF"


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """A stream that everything is logged to; what was set up before is put back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    set_up_logs(stream=stream, json=True)
    remember(["kept-back-in-logs-alone", None])
    yield stream
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def rows(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_what_it_is_about(logs: io.StringIO) -> None:
    log = structlog.get_logger("bot.outbound.outbox")
    with structlog.contextvars.bound_contextvars(thread="T1:C1:1.2", approval="T1:C1:1.2#ab", run="r1"):
        log.info("resumed", attempt=2)
    log.info("idle")
    first, second = rows(logs)
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "event": "resumed",
        "level": "info",
        "logger": "bot.outbound.outbox",
        "attempt": 2,
        "thread": "T1:C1:1.2",
        "approval": "T1:C1:1.2#ab",
        "run": "r1",
    }
    assert "thread" not in second


def test_libraries_speak_from_warning_on_in_the_same_form(logs: io.StringIO) -> None:
    library = logging.getLogger("slack_bolt.App")
    library.info("chatter")
    library.warning("refused %s", TOKEN)
    (row,) = rows(logs)
    assert (row["event"], row["level"], row["logger"]) == (f"refused xoxb-{MASK}", "warning", "slack_bolt.App")


def test_secrets_are_masked_wherever_they_stand(logs: io.StringIO) -> None:
    structlog.get_logger("bot").info(
        f"calling with {TOKEN}",
        signing_secret="short",
        headers={"Authorization": "Bearer abc", "X-Other": ["xapp-1-A0-9f"]},
        url="redis://user:pa:ss@host:6379/0",
        raw="kept-back-in-logs-alone inside",
        thing=ValueError(TOKEN),
        tokens_left=3,
    )
    text = logs.getvalue()
    (row,) = rows(logs)
    assert row["event"] == f"calling with xoxb-{MASK}"
    assert row["headers"] == {"Authorization": MASK, "X-Other": [f"xapp-{MASK}"]}
    assert row["url"] == f"redis://user:{MASK}@host:6379/0"
    assert row["raw"] == f"{MASK} inside"
    assert row["tokens_left"] == 3
    assert not any(secret in text for secret in ("abcDEF", "short", "Bearer", "9f", "pa:ss", "abcdef"))


def test_tracebacks_are_masked_and_show_no_variables(logs: io.StringIO) -> None:
    def fail() -> None:
        payload = "what the agent wanted"
        raise ValueError(f"{TOKEN} of {len(payload)}")

    try:
        fail()
    except ValueError:
        structlog.get_logger("bot").exception("it broke")
        logging.getLogger("aiohttp").exception("it broke there")
    for row in rows(logs):
        assert row["exception"].endswith(f"ValueError: xoxb-{MASK} of 21")
    assert "agent wanted" not in logs.getvalue().replace('payload = \\"what the agent wanted\\"', "")


def test_what_an_agent_says_cannot_steer_a_terminal(logs: io.StringIO) -> None:
    set_up_logs(stream=logs, json=False)
    structlog.get_logger("bot").info("said", text="\x1b[2J\x9b1m\rgone")
    assert "\\x1b[2J" in logs.getvalue()
    assert not {"\x1b", "\x9b", "\r"} & set(logs.getvalue())


def test_setting_up_again_does_not_log_twice(logs: io.StringIO) -> None:
    set_up_logs(stream=logs, json=True)
    structlog.get_logger("bot").info("once")
    assert len(rows(logs)) == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("SLACK_BOT_TOKEN: is not set. Copy it (xoxb-).", "SLACK_BOT_TOKEN: is not set. Copy it (xoxb-)."),
        ("token=abcdef&x=1", f"token={MASK}&x=1"),
        ('{"client_secret": "abcdef"}', f'{{"client_secret": "{MASK}"}}'),
        ("wss://wss-primary.slack.com/link/?ticket=abc-def&app_id=xyz", f"link/?ticket={MASK}&app_id={MASK}"),
        ("https://hooks.slack.com/actions/T1/2/abc", f"https://hooks.slack.com/{MASK}"),
        ("xoxe.xoxp-1-abcdef", f"xoxe-{MASK}"),
        ("redis://:secret@h", f"redis://:{MASK}@h"),
        ("http://127.0.0.1:8080/a?b", "http://127.0.0.1:8080/a?b"),
        ("alice@example.org at 10:30", "alice@example.org at 10:30"),
    ],
)
def test_what_is_a_secret_and_what_is_not(text: str, shown: str) -> None:
    assert masked(text).endswith(shown)


@given(st.from_regex(r"(xox[abeprs]|xapp)-[A-Za-z0-9-]{6,60}", fullmatch=True), st.text(max_size=20))
def test_no_token_survives(token: str, around: str) -> None:
    assert token not in masked(f"{around} {token} {around}")


def test_a_fault_is_one_line_without_secrets() -> None:
    assert str(ConfigProblem("REDIS_URL", "redis://u:pw@h\nis down", "start it")) == (
        f"REDIS_URL: redis://u:{MASK}@h is down. Start it."
    )


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_clicks_are_counted_with_their_result() -> None:
    metrics = Metrics()
    metrics.clicked("approve", "counted")
    metrics.clicked("approve", "own_request")
    metrics.clicked("reject", "own_request")
    assert sample(metrics, "signoff_clicks_total", choice="approve", result="counted") == 1
    assert sample(metrics, "signoff_clicks_total", choice="approve", result="refused") == 1
    assert sample(metrics, "signoff_refusals_total", code="own_request") == 2
    assert sample(metrics, "signoff_refusals_total", code="counted") is None


def test_approvals_and_dead_letters_are_counted() -> None:
    metrics = Metrics()
    metrics.opened("tool_call")
    metrics.closed("expired", 90)
    metrics.set_aside()
    assert sample(metrics, "signoff_approvals_opened_total", kind="tool_call") == 1
    assert sample(metrics, "signoff_approvals_closed_total", outcome="expired") == 1
    assert sample(metrics, "signoff_approval_decision_seconds_bucket", outcome="expired", le="60.0") == 0
    assert sample(metrics, "signoff_approval_decision_seconds_bucket", outcome="expired", le="300.0") == 1
    assert sample(metrics, "signoff_dead_letters_total") == 1


def test_open_approvals_are_shown_once_they_are_known() -> None:
    metrics = Metrics()
    assert sample(metrics, "signoff_approvals_open") is None
    metrics.show_waiting(7, {})
    assert sample(metrics, "signoff_approvals_open") == 7


def test_runs_are_timed_also_when_they_fail() -> None:
    metrics = Metrics()
    with metrics.run(), metrics.ack():
        assert sample(metrics, "signoff_runs_active") == 1
    with pytest.raises(ZeroDivisionError), metrics.run():
        _ = 1 / 0
    assert sample(metrics, "signoff_runs_active") == 0
    assert sample(metrics, "signoff_run_seconds_count") == 2
    assert sample(metrics, "signoff_ack_seconds_count") == 1


def test_two_bots_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.set_aside()
    assert sample(other, "signoff_dead_letters_total") == 0
