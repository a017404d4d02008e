"""Nothing secret leaves in words: the one place that knows what a secret looks like, and which ones this process has.

Two strengths, because a mask hides what it covers from the person who decides:

* `masked` is for what is told about: errors, failures, logs, dead letters. It takes out every known secret, every key
  of a known make, and whatever stands where secrets usually do (`password=...`, `Bearer ...`, `//user:...@host`).
* `concealed` is for what people decide on and what agents say: cards, forms, replies, the audit. It takes out known
  secrets and keys of a known make, and nothing else. A pattern such as `token=...` could hide a command in plain sight,
  so it is not applied there: what runs must be what was shown (P4). For the same reason a secret that is a mere word
  (`POSTGRES_PASSWORD=postgres`) stays.

Known are the values of all variables whose names look secret, in the environment and in `.env`, and what was handed to
`remember`; each whole, URL-encoded, and as JSON and Python spell it. The environment is read anew each time, because
graphs load keys of their own when they are imported.

Sources: https://docs.slack.dev/authentication/tokens, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
(key ids), https://www.rfc-editor.org/rfc/rfc7468 (PEM), https://www.rfc-editor.org/rfc/rfc7519 (JWT),
https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github.
Every repeat is bounded where a pattern could otherwise start over at each character.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK = "•••"

SECRET_NAMES = re.compile(
    r"token(?!s|iz)|secret|passw|passphrase|authorization|(?:api|access|private|signing|master|encryption|account)[_-]?key"
    r"|cookie|credential|(?:^|[_-])(?:key|pwd|pass|pat|dsn|webhook|salt)(?:$|[_-]|\d)",
    re.IGNORECASE,
)
"""The names of keys whose values are never shown."""
_NOT_SECRET_NAMES = re.compile(
    r"[_-](?:mode|type|file|path|dir|name|id|header|limit|count|ttl|timeout|expiry|seconds|enabled|sock|version|region)$",
    re.IGNORECASE,
)
"""What is said about a secret is none."""
_SHORTEST_SECRET = 6
_SHORTEST_NUMBER = 12
"""A short number under a secret name (`MAX_KEY=100000`) is a setting, and amounts on cards must stay readable."""
_PASSWORDS = re.compile("pass|secret|pwd", re.IGNORECASE)
_LONGEST_WORD = 12

_KEYS = (
    (re.compile(r"\b(xox[a-z]|xapp|xwfp)[-.][A-Za-z0-9.-]{10,}"), rf"\1-{MASK}"),
    (re.compile(r"\b(A(?:KI|SI|GP|ID|RO|IP|NP|NV|BI|CC)A)[A-Z0-9]{16}\b"), rf"\1{MASK}"),
    (re.compile(r"\b(AIza)[A-Za-z0-9_-]{35}"), rf"\1{MASK}"),
    (re.compile(r"\b(ya29\.)[A-Za-z0-9_-]{20,}"), rf"\1{MASK}"),
    (re.compile(r"\b(gh[opsur]_)[A-Za-z0-9]{30,}"), rf"\1{MASK}"),
    (re.compile(r"\b(github_pat_)[A-Za-z0-9_]{30,}"), rf"\1{MASK}"),
    (re.compile(r"\b(glpat-)[A-Za-z0-9_-]{20,}"), rf"\1{MASK}"),
    (re.compile(r"\b((?:sk|rk|pk)_(?:live|test)_)[A-Za-z0-9]{16,}"), rf"\1{MASK}"),
    (re.compile(r"\b(sk-(?:proj-|ant-|svcacct-)?)(?=[A-Za-z_-]{0,64}[0-9])[A-Za-z0-9_-]{20,}"), rf"\1{MASK}"),
    (re.compile(r"\b(lsv2_[a-z]{2}_)[A-Za-z0-9_]{16,}"), rf"\1{MASK}"),
    (re.compile(r"\b(npm_|pypi-|hf_|SG\.)[A-Za-z0-9_-]{30,}"), rf"\1{MASK}"),
    (re.compile(r"\b(eyJ)[A-Za-z0-9_-]{10,2048}\.eyJ[A-Za-z0-9_-]{4,8192}\.[A-Za-z0-9_-]{10,}"), rf"\1{MASK}"),
    (
        re.compile(
            r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)(?:[A-Za-z0-9+/=\s:,\\]|-(?!-)){16,}-----END [A-Z ]{0,40}-----"
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"(hooks\.slack\.com/)[A-Za-z0-9/_-]{8,}"), rf"\1{MASK}"),
)
"""Keys of a known make, in letters that no command is written in."""

_NAMES = r"(?:token|secret|password|passwd|pwd|passphrase|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)"
_PLACES = (
    (re.compile(r"\b(xox[a-z]|xapp|xwfp)[-.][A-Za-z0-9.-]{4,}"), rf"\1-{MASK}"),
    (re.compile(r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)[A-Za-z0-9+/=\s:,\\-]{8,}"), rf"\1{MASK}"),
    (re.compile(r"(?<=://)([^/\s:@]{0,128}):[^\s@]{1,512}(?=@)"), rf"\1:{MASK}"),
    (re.compile(r"\b(sk|lsv2|ghp|gho)[-_][A-Za-z0-9_-]{8,}"), rf"\1-{MASK}"),
    (re.compile(r"\b(bearer)\s{1,4}[^\s\"',;]{6,}", re.IGNORECASE), rf"\1 {MASK}"),
    (
        re.compile(r"(authorization[\"']?\s{0,2}[:=]\s{0,2}[\"']?[a-z]{0,16}\s{1,4})[^\s\"',;]{3,}", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (re.compile(r"(hooks\.slack\.com/)[^\s\"'<>]+"), rf"\1{MASK}"),
    (re.compile(r"([?&](?:ticket|app_id|key|sig|signature|access_key)=)[^&\s\"']+", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(r"([?&]X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s\"']+", re.IGNORECASE), rf"\1{MASK}"),
    (
        re.compile(rf"({_NAMES}[\"']?\s{{0,2}}[:=]\s{{0,2}}([\"']))(?:\\.|(?!\2).){{1,1024}}", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (re.compile(rf"({_NAMES}\s{{0,2}}=\s{{0,2}})(?![\s•\"'])[^\s\"',;&]{{3,}}", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(rf"({_NAMES}:\s{{1,2}})(?=\S{{0,200}}\d)[^\s\"',;&]{{6,}}", re.IGNORECASE), rf"\1{MASK}"),
    (
        re.compile(
            r"(\bexport\s{1,4}[A-Za-z0-9_]{0,64}(?:KEY|TOKEN|SECRET|PASS|PWD)[A-Za-z0-9_]{0,64}=[\"']?)[^\s\"']+"
        ),
        rf"\1{MASK}",
    ),
)
"""Where secrets usually stand. What stands there may be anything, so this is not for what people decide on."""

_remembered: set[str] = set()


def remember(secrets: Iterable[str | None]) -> None:
    """Know these secrets for as long as the process lives, besides those of the environment."""
    _remembered.update(filter(None, secrets))


def masked(text: str) -> str:
    """The text without secrets, known or only likely: for what is told about."""
    return _without(text, _known(), (*_KEYS, *_PLACES))


def concealed(text: str) -> str:
    """The text without known secrets and keys of a known make, and otherwise whole: for what people decide on."""
    return _without(text, (each for each in _known() if not _is_word(each)), _KEYS)


def _without(text: str, known: Iterable[str], patterns: Iterable[tuple[re.Pattern[str], str]]) -> str:
    pattern = _pattern(frozenset(known))
    text = pattern.sub(MASK, text) if pattern else text
    for likely, mask in patterns:
        text = likely.sub(mask, text)
    return text


def _known() -> Iterable[str]:
    return {*_remembered, *_secrets_of(os.environ)}


def _secrets_of(environ: Mapping[str, str]) -> Iterable[str]:
    """The values of variables with secret names, and the passwords in addresses."""
    for name, value in environ.items():
        if _is_secret(name) and not _is_setting(name, value):
            yield value
        elif "://" in value and "@" in value:
            yield _password(value)


@lru_cache(maxsize=4_096)
def _is_secret(name: str) -> bool:
    return SECRET_NAMES.search(name) is not None and _NOT_SECRET_NAMES.search(name) is None


def _is_setting(name: str, value: str) -> bool:
    return value.isdigit() and len(value) < _SHORTEST_NUMBER and not _PASSWORDS.search(name)


def _is_word(secret: str) -> bool:
    return secret.isalpha() and secret[1:].islower() and len(secret) <= _LONGEST_WORD


@lru_cache(maxsize=256)
def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""


@lru_cache(maxsize=8)
def _pattern(known: frozenset[str]) -> re.Pattern[str] | None:
    """One pattern for every spelling of every secret, the longest first."""
    spelled = {each for secret in known for each in _spellings(secret)}
    if not spelled:
        return None
    return re.compile("|".join(map(re.escape, sorted(spelled, key=lambda each: (-len(each), each)))))


def _spellings(secret: str) -> Iterable[str]:
    for each in (secret, secret.strip(), unquote(secret)):
        if len(each) < _SHORTEST_SECRET:
            continue
        yield from (each, json.dumps(each)[1:-1], json.dumps(each, ensure_ascii=False)[1:-1], repr(each)[1:-1])
        for encoded in (
            quote(each, "", errors="replace"),
            quote(each, errors="replace"),
            quote_plus(each, errors="replace"),
        ):
            yield from (encoded, re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), encoded))
