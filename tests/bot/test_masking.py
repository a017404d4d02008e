"""Nothing secret leaves in words."""

import pytest

from bot.masking import MASK, masked


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("the token is xoxb-123-456-abcdef", "123-456"),
        ("app token xapp-1-A0-9-abcdef", "A0-9"),
        ("redis://user:hunter22@db:6379/0 is down", "hunter22"),
        ("postgres://u:p4ss@w0rd@db/x", "p4ss"),
        ("OpenAI says no: sk-proj-abcdefgh1234", "abcdefgh1234"),
        ("lsv2_pt_0123456789", "0123456789"),
        ("Authorization: Bearer abcdef123456", "abcdef123456"),
        ('{"api_key": "abcdef"}', "abcdef"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, secret: str) -> None:
    assert secret not in masked(text)
    assert MASK in masked(text)


@pytest.mark.parametrize(
    "text", ["ship billing 2.4.1", "see https://example.com/a:b", "mail me at a@b.example", "ask-me"]
)
def test_words_of_people_stay(text: str) -> None:
    assert masked(text) == text


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", ["://", "://a:", "a:", "?ticket=", "token=", "xoxb-", "sk-", "bearer "])
def test_hostile_text_is_read_in_time(unit: str) -> None:
    assert masked("x" + unit * 40_000)
