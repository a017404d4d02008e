"""Nothing secret leaves in words: one place that knows what a secret looks like.

What is masked: Slack's tokens (https://docs.slack.dev/authentication/tokens), passwords in URLs, the URLs that Slack
hands out as a capability (`response_url`, Socket Mode's), keys of model providers, bearer tokens, and `name=value` of a
name that says that it is secret. Every repeat is bounded where a pattern could otherwise start over at each character.
"""

import re
from collections.abc import Iterable

MASK = "•••"

SECRET_NAMES = re.compile(r"token|secret|passw|authorization|api_?key|cookie|credential", re.IGNORECASE)
"""The names of keys whose values are never shown."""

_PATTERNS = (
    (re.compile(r"\b(xox[a-z]|xapp|xwfp)[-.][A-Za-z0-9.-]{4,}"), rf"\1-{MASK}"),
    (re.compile(r"(?<=://)([^/\s:@]{0,128}):[^\s@]{1,512}(?=@)"), rf"\1:{MASK}"),
    (re.compile(r"\b(sk|lsv2|ghp|gho)[-_][A-Za-z0-9_-]{8,}"), rf"\1-{MASK}"),
    (re.compile(r"\b(bearer)\s{1,4}\S{6,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"(hooks\.slack\.com/)[^\s\"'<>]+"), rf"\1{MASK}"),
    (re.compile(r"([?&](?:ticket|app_id)=)[^&\s\"']+"), rf"\1{MASK}"),
    (
        re.compile(r"((?:token|secret|password|api_?key)(?:=|[\"']\s*:\s*[\"']))[^\s\"',;&]+", re.IGNORECASE),
        rf"\1{MASK}",
    ),
)


def masked(text: str, known: Iterable[str] = ()) -> str:
    """The text with everything in it that looks like a secret replaced, and every secret of `known`."""
    for secret in known:
        text = text.replace(secret, MASK)
    for pattern, mask in _PATTERNS:
        text = pattern.sub(mask, text)
    return text
