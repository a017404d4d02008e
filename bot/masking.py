"""Masks secrets in text. Only this module knows what a secret looks like, and which ones this process has.

There are two strengths, because a mask also hides text from the person who decides:

* `masked` is for reports: errors, failures, logs, dead letters. It removes every known secret, every key of a known
  format, and the values in the usual places of secrets (`password=...`, `Bearer ...`, `//user:...@host`).
* `concealed` is for what people decide on and what agents say: cards, forms, replies, the audit. It removes known
  secrets and keys of a known format, and nothing else. A pattern like `token=...` could hide part of a command, so it
  is not applied there: what runs must be what was shown (P4). For the same reason a secret that is a common word
  (`POSTGRES_PASSWORD=postgres`) stays.

Known secrets are the values of all variables whose names look secret, in the environment and in `.env`, and the values
given to `remember`: as they are, URL-encoded, in base64 (also behind `user:`), and as JSON and Python spell them. Of a
value that holds several (a list of keys, `user:password`, JSON, the lines of a key file) each one is known. The
environment is looked at each time, because graphs load keys of their own when they are imported; it is read again only
if it has changed, since to read it decodes every name and value, and each card masks dozens of texts.

Each text of each log line comes through here, so a pattern is tried only where a text that it cannot do without stands.

Sources: https://docs.slack.dev/authentication/tokens, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
(key ids), https://www.rfc-editor.org/rfc/rfc7468 (PEM), https://www.rfc-editor.org/rfc/rfc7519 (JWT),
https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github.
Every repeat is bounded where a pattern could otherwise start over at each character.
"""

import base64
import html
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, quote_plus, unquote, urlsplit

MASK = "•••"

SECRET_NAMES = re.compile(
    r"token(?!s|iz)|secret|passw|passphrase|authorization|(?:api|access|private|signing|master|encryption|account)[_-]?key"
    r"|cookie|credential|(?:^|[_-])(?:key|pwd|pass|pat|dsn|jwt|webhook|salt)(?:$|[_-]|\d)",
    re.IGNORECASE,
)
"""The names of keys whose values are never shown."""
_ALSO_SECRET_NAMES = re.compile(
    r"(?:api|app|access|auth|bot|service|user)[_-]?tokens$|(?:basic|cli|http|proxy|registry)[_-]?auth$", re.IGNORECASE
)
"""Names of secret variables only: among the fields of a log line `tokens` is a count."""
_NOT_SECRET_NAMES = re.compile(
    r"[_-](?:mode|type|file|path|dir|name|id|header|limit|count|ttl|timeout|expiry|seconds|enabled|sock|version|region)$|^pwd$",
    re.IGNORECASE,
)
"""Suffixes of names that hold no secret but something about one; PWD is the folder that a shell stands in."""
_SHORTEST_SECRET = 6
_SHORTEST_NUMBER = 12
"""A short number under a secret name (`MAX_KEY=100000`) is a setting, and amounts on cards must stay readable."""
_PASSWORDS = re.compile("pass|secret|pwd", re.IGNORECASE)
_LONGEST_WORD = 12
_SHORTEST_PART = 8
"""A part of a value, or its core in base64, that is shorter may be anything."""
_SHORTEST_BEGINNING = 4
_DASHES_OF_A_KEY = 4

_AWS = ("AKIA", "ASIA", "AGPA", "AIDA", "AROA", "AIPA", "ANPA", "ANVA", "ABIA", "ACCA")
_KEYS = (
    (("xox", "xapp", "xwfp"), re.compile(r"\b(xox[a-z]|xapp|xwfp)[-.][A-Za-z0-9.-]{10,}"), rf"\1-{MASK}"),
    (_AWS, re.compile(rf"\b({'|'.join(_AWS)})[A-Z0-9]{{16}}\b"), rf"\1{MASK}"),
    (("AIza",), re.compile(r"\b(AIza)[A-Za-z0-9_-]{35}"), rf"\1{MASK}"),
    (("ya29.",), re.compile(r"\b(ya29\.)[A-Za-z0-9_-]{20,}"), rf"\1{MASK}"),
    (("ghp_", "gho_", "ghs_", "ghu_", "ghr_"), re.compile(r"\b(gh[opsur]_)[A-Za-z0-9]{30,}"), rf"\1{MASK}"),
    (("github_pat_",), re.compile(r"\b(github_pat_)[A-Za-z0-9_]{30,}"), rf"\1{MASK}"),
    (("glpat-",), re.compile(r"\b(glpat-)[A-Za-z0-9_-]{20,}"), rf"\1{MASK}"),
    (("_live_", "_test_"), re.compile(r"\b((?:sk|rk|pk)_(?:live|test)_)[A-Za-z0-9]{16,}"), rf"\1{MASK}"),
    (("whsec_",), re.compile(r"\b(whsec_)(?=[A-Za-z+/=]{0,64}[0-9])[A-Za-z0-9+/=]{24,}"), rf"\1{MASK}"),
    (("dop_v1_", "doo_v1_", "dor_v1_"), re.compile(r"\b(do[opr]_v1_)[a-f0-9]{64}\b"), rf"\1{MASK}"),
    (
        ("sk-",),
        re.compile(r"\b(sk-(?:proj-|ant-|svcacct-)?)(?=[A-Za-z_-]{0,64}[0-9])[A-Za-z0-9_-]{20,}"),
        rf"\1{MASK}",
    ),
    (("lsv2_",), re.compile(r"\b(lsv2_[a-z]{2}_)[A-Za-z0-9_]{16,}"), rf"\1{MASK}"),
    (("npm_", "pypi-", "hf_", "SG."), re.compile(r"\b(npm_|pypi-|hf_|SG\.)[A-Za-z0-9_-]{30,}"), rf"\1{MASK}"),
    (
        ("eyJ",),
        re.compile(r"\b(eyJ)[A-Za-z0-9_-]{10,2048}\.eyJ[A-Za-z0-9_-]{4,8192}\.[A-Za-z0-9_-]{10,}"),
        rf"\1{MASK}",
    ),
    (
        ("-----BEGIN",),
        re.compile(
            r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)(?:[A-Za-z0-9+/=\s:,\\]|-(?!-)){16,}-----END [A-Z ]{0,40}-----"
        ),
        rf"\1{MASK}",
    ),
    (("hooks.slack.com/",), re.compile(r"(hooks\.slack\.com/)[A-Za-z0-9/_-]{8,}"), rf"\1{MASK}"),
    (
        ("/api/webhooks/",),
        re.compile(r"(\bdiscord(?:app)?\.com/api/webhooks/\d{1,32}/)[A-Za-z0-9_-]{20,}"),
        rf"\1{MASK}",
    ),
    (("api.telegram.org/bot",), re.compile(r"(\bapi\.telegram\.org/bot\d{6,16}:)[A-Za-z0-9_-]{30,}"), rf"\1{MASK}"),
)
"""Keys of a known make, in letters that no command is written in; each pattern behind a text that it cannot do without,
because looking for one takes no time."""

_NAMES = r"(?:token|secret|password|passwd|pwd|passphrase|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)"
_NAMED = ("token", "secret", "passw", "pwd", "passphrase", "key", "credential")
_PLACES = (
    (("xox", "xapp", "xwfp"), re.compile(r"\b(xox[a-z]|xapp|xwfp)[-.][A-Za-z0-9.-]{4,}"), rf"\1-{MASK}"),
    (
        ("-----begin",),
        re.compile(r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)[A-Za-z0-9+/=\s:,\\-]{8,}"),
        rf"\1{MASK}",
    ),
    (("://",), re.compile(r"(?<=://)([^/\s:@]{0,128}):[^\s@]{1,512}(?=@)"), rf"\1:{MASK}"),
    (("sk", "lsv2", "ghp", "gho"), re.compile(r"\b(sk|lsv2|ghp|gho)[-_][A-Za-z0-9_-]{8,}"), rf"\1-{MASK}"),
    (("bearer",), re.compile(r"\b(bearer)\s{1,4}[^\s\"',;]{6,}", re.IGNORECASE), rf"\1 {MASK}"),
    (
        ("authorization",),
        re.compile(r"(authorization[\"']?\s{0,2}[:=]\s{0,2}[\"']?[a-z]{0,16}\s{1,4})[^\s\"',;]{3,}", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (("hooks.slack.com/",), re.compile(r"(hooks\.slack\.com/)[^\s\"'<>]+"), rf"\1{MASK}"),
    (("accountkey=",), re.compile(r"(\bAccountKey=)[A-Za-z0-9+/=]{16,}"), rf"\1{MASK}"),
    (
        ("ticket=", "app_id=", "key=", "sig=", "signature="),
        re.compile(r"([?&](?:ticket|app_id|key|sig|signature|access_key)=)[^&\s\"']+", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (
        ("x-amz-",),
        re.compile(r"([?&]X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s\"']+", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (
        _NAMED,
        re.compile(rf"({_NAMES}[\"']?\s{{0,2}}[:=]\s{{0,2}}([\"']))(?:\\.|(?!\2).){{1,1024}}", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (
        _NAMED,
        re.compile(rf"({_NAMES}\s{{0,2}}=\s{{0,2}})(?![\s•\"'])[^\s\"',;&]{{3,}}", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (_NAMED, re.compile(rf"({_NAMES}:\s{{1,2}})(?=\S{{0,200}}\d)[^\s\"',;&]{{6,}}", re.IGNORECASE), rf"\1{MASK}"),
    (
        ("export",),
        re.compile(
            r"(\bexport\s{1,4}[A-Za-z0-9_]{0,64}(?:KEY|TOKEN|SECRET|PASS|PWD)[A-Za-z0-9_]{0,64}=[\"']?)[^\s\"']+"
        ),
        rf"\1{MASK}",
    ),
)
"""The usual places of secrets. Anything may stand there, so this is not used on what people decide on. Each
pattern stands behind the texts of which it needs one, in lower case."""

_remembered: set[str] = set()


def remember(secrets: Iterable[str | None]) -> None:
    """Mask these from now on, besides the secrets of the environment."""
    _remembered.update(filter(None, secrets))


def masked(text: str) -> str:
    """Remove secrets, known or only likely: for reports."""
    spelled = _in(text, _secrets().all)
    known = [(_any_of(spelled), MASK)] if spelled else []
    return _without(text, (*known, *_keys_in(text), *_places_in(text)))


def concealed(text: str) -> str:
    """Remove known secrets and keys of a known format, and nothing else: for what people decide on."""
    conceal = _concealer(text, text)
    return conceal(text) if conceal else text


def concealer(document: str) -> Callable[[str], str] | None:
    """`concealed` for the texts of a JSON document; None where none of them holds anything secret.

    The document is searched at once, then each text only for what was found: there may be a hundred thousand texts.
    """
    return _concealer(document, _ESCAPES.sub(" ", document))


_ESCAPES = re.compile(r'\\(?:u[0-9a-f]{4}|["\\/bfnrt])')


def _concealer(text: str, read: str) -> Callable[[str], str] | None:
    """`read` is the text with nothing before or after a key that is not there in truth."""
    spelled = _in(text, _secrets().no_words)
    keys = [(pattern, mask) for pattern, mask in _keys_in(read) if pattern.search(read)]
    if spelled:
        keys.insert(0, (_any_of(spelled), MASK))
    return (lambda each: _without(each, keys)) if keys else None


def concealed_so_far(text: str) -> str:
    """`concealed` for a text that is still being written: an end that may become a secret is held back."""
    text = concealed(text)
    begun = text.rfind("-----BEGIN")
    if begun >= 0 and MASK not in text[begun:] and text.count("-----", begun) < _DASHES_OF_A_KEY:
        return text[:begun]
    last = text[len(text.rstrip()) :] or re.split(r"\s", text)[-1]
    if any(mark in last and MASK not in last for marks, _, _ in _KEYS for mark in marks):
        return text[: len(text) - len(last)]
    return text[: len(text) - max((_beginning(text, each) for each in _secrets().no_words), default=0)]


def _beginning(text: str, secret: str) -> int:
    """Count the characters at the end of a text that are the beginning of a secret."""
    longest = min(len(secret) - 1, len(text))
    return next((size for size in range(longest, _SHORTEST_BEGINNING - 1, -1) if text.endswith(secret[:size])), 0)


def _without(text: str, patterns: Iterable[tuple[re.Pattern[str], str]]) -> str:
    for likely, mask in patterns:
        text = likely.sub(mask, text)
    return text


def _any_of(spelled: Sequence[str]) -> re.Pattern[str]:
    """`spelled` are the longest first: where one secret begins another, the longer one is masked."""
    return re.compile("|".join(map(re.escape, spelled)))


def _in(text: str, spelled: Sequence[str]) -> Sequence[str]:
    return [each for each in spelled if each in text]


_Patterns = Sequence[tuple[tuple[str, ...], re.Pattern[str], str]]


def _keys_in(text: str) -> Sequence[tuple[re.Pattern[str], str]]:
    return _marked(text, _MARKS_OF_KEYS, _KEYS)


def _places_in(text: str) -> Sequence[tuple[re.Pattern[str], str]]:
    if not text.isascii():  # among other letters are some that a pattern takes for a plain one, such as the long s
        return [(pattern, mask) for _, pattern, mask in _PLACES]
    return _marked(text.lower(), _MARKS_OF_PLACES, _PLACES)


def _marked(text: str, marks: Sequence[tuple[str, int]], patterns: _Patterns) -> Sequence[tuple[re.Pattern[str], str]]:
    """The patterns that may find something in a text, in their order."""
    found = {number for mark, number in marks if mark in text}
    return [patterns[number][1:] for number in sorted(found)]


def _marks_of(patterns: _Patterns) -> Sequence[tuple[str, int]]:
    """Each mark with the number of its pattern: one flat list is searched twice as fast."""
    return [(mark, number) for number, (marks, _, _) in enumerate(patterns) for mark in marks]


_MARKS_OF_KEYS, _MARKS_OF_PLACES = _marks_of(_KEYS), _marks_of(_PLACES)


# What this process knows ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Secrets:
    """Every spelling of the known secrets, and of those that are no common word; the longest first."""

    all: Sequence[str]
    no_words: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was known of secrets under this environment; `variables` as `_variables` gives them."""

    variables: Mapping[Any, Any]
    remembered: frozenset[str]
    secrets: _Secrets


_reading = _Reading({}, frozenset(), _Secrets((), ()))


def _secrets() -> _Secrets:
    global _reading  # noqa: PLW0603 - one environment, one reading of it
    if _variables() != _reading.variables or _remembered != _reading.remembered:
        seen = dict(_variables()), frozenset(_remembered)  # first: what a thread changes meanwhile is read next time
        known = {*_remembered, *secret_variables(os.environ)}
        found = _Secrets(_spelled(known), _spelled(each for each in known if not _is_word(each)))
        _reading = _Reading(*seen, found)
    return _reading.secrets


def _variables() -> Mapping[Any, Any]:
    """The environment as the system spells it, in bytes: Python keeps it, and compares it without decoding it."""
    found: Mapping[Any, Any] = getattr(os.environ, "_data", os.environ)
    return found


def secret_variables(environ: Mapping[str, str]) -> Iterable[str]:
    """The values of variables with secret names, and the secrets in addresses."""
    for name, value in environ.items():
        if is_secret_name(name) and not _is_setting(name, value):
            yield value
        if "://" in value:
            yield from _in_address(value)


@lru_cache(maxsize=4_096)
def is_secret_name(name: str) -> bool:
    """Tell whether the value under this name is never shown."""
    looks_so = SECRET_NAMES.search(name) or _ALSO_SECRET_NAMES.search(name)
    return looks_so is not None and _NOT_SECRET_NAMES.search(name) is None


def _is_setting(name: str, value: str) -> bool:
    if value.startswith("/"):  # such as GOOGLE_APPLICATION_CREDENTIALS: where the secret lies is none
        return os.path.exists(value)  # noqa: PTH110 - Path raises for what is too long to be one
    return _is_amount(value) and not _PASSWORDS.search(name)


def _is_amount(value: str) -> bool:
    return value.isdigit() and len(value) < _SHORTEST_NUMBER


def _is_word(secret: str) -> bool:
    return secret.isalpha() and secret[1:].islower() and len(secret) <= _LONGEST_WORD


@lru_cache(maxsize=256)
def _in_address(url: str) -> Sequence[str]:
    """The password of an address, and the values in its query that have secret names."""
    try:
        split: SplitResult = urlsplit(url)
        named = [
            value for name, value in parse_qsl(split.query) if is_secret_name(name) and not _is_setting(name, value)
        ]
    except ValueError:
        return ()
    return [split.password or "", *named]


def _spelled(known: Iterable[str]) -> Sequence[str]:
    """Every spelling of every secret, the longest first."""
    spelled = {each for secret in known for part in (secret, *_parts(secret)) for each in _spellings(part)}
    return sorted(spelled, key=lambda each: (-len(each), each))


def _parts(value: str) -> Iterable[str]:
    """The secrets that one value holds."""
    try:
        inner = json.loads(value)
    except (ValueError, RecursionError):
        inner = None
    if isinstance(inner, dict):
        found = [each for name, each in inner.items() if isinstance(each, str) and is_secret_name(name)]
    elif isinstance(inner, list):
        found = [each for each in inner if isinstance(each, str)]
    else:
        lines = re.split(r"\r?\n|\\n", value)
        _, _, behind = value.partition(":")  # user:password
        found = [*lines, *re.split("[,;]", value), behind]
    stripped = (each.strip() for each in found)
    return (each for each in stripped if len(each) >= _SHORTEST_PART and not _is_word(each) and not _is_amount(each))


def _spellings(secret: str) -> Iterable[str]:
    for each in (secret, secret.strip(), unquote(secret), secret.replace("\\n", "\n")):
        if len(each) < _SHORTEST_SECRET:
            continue
        yield from (each, json.dumps(each)[1:-1], json.dumps(each, ensure_ascii=False)[1:-1], repr(each)[1:-1])
        yield from (ascii(each)[1:-1], repr(each.encode("utf-8", "replace"))[2:-1], *_in_base64(each))
        yield html.escape(each)
        for encoded in (
            quote(each, "", errors="replace"),
            quote(each, errors="replace"),
            quote_plus(each, errors="replace"),
        ):
            yield from (encoded, re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), encoded))


def _in_base64(secret: str) -> Iterable[str]:
    """The base64 of a secret behind 0, 1 and 2 other bytes: the characters that depend on the secret alone."""
    raw = secret.encode("utf-8", "replace")
    for before in range(3):
        spelled = base64.b64encode(b"\0" * before + raw).decode()
        core = spelled[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        if len(core) >= _SHORTEST_PART:
            yield from (core, core.replace("+", "-").replace("/", "_"))
