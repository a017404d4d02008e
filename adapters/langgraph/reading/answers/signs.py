"""Lists the words and truth values that usually mean yes or no.

They prove nothing: see `groups` and `polarity`.
"""

from collections.abc import Iterable, Iterator

from adapters.langgraph.reading.answers.candidates import has_value, value_at
from adapters.langgraph.reading.answers.probe import Probed
from adapters.langgraph.reading.code.values import TEXT, Path

APPROVING = frozenset(("approve", "approved", "accept", "accepted", "yes", "y", "ok", "okay", "true", "confirm"))
REJECTING = frozenset(("reject", "rejected", "deny", "denied", "decline", "declined", "no", "n", "false"))
# fmt: off
YES_ELSEWHERE = frozenset({"ja", "oui", "si", "sí", "sim", "да", "是", "批准", "同意", "はい"})
NO_ELSEWHERE = frozenset({"nein", "non", "não", "нет", "否", "拒绝", "不", "いいえ"})
YES, NO = APPROVING | YES_ELSEWHERE, REJECTING | NO_ELSEWHERE
GOING = YES | {
    "go", "go ahead", "proceed", "continue", "ship", "run", "execute", "send", "publish", "deploy", "apply", "allow",
    "allowed", "do", "do it", "lgtm", "sure", "grant", "pass",
}
HALTING = NO | {
    "stop", "cancel", "cancelled", "canceled", "abort", "skip", "hold", "halt", "block", "blocked", "quit", "exit",
    "drop", "discard", "refuse", "refused", "veto", "revoke", "disallow", "keep",
}
# fmt: on
_APPROVING_KEYS = frozenset(("approved", "approve", "is_approved", "accepted", "accept", "confirmed", "confirm", "ok"))


def signs_of(candidate: object, probed: Probed) -> Iterable[bool]:
    """Return the signs of a candidate's values at the places that the code tests."""
    return (sign for _, sign in signs_with_places(candidate, probed, YES, NO))


def signs_with_places(
    candidate: object, probed: Probed, going: frozenset[str], halting: frozenset[str]
) -> Iterator[tuple[Path, bool]]:
    """Return the same signs with their places."""
    for path, constant in probed.demands:
        value = value_at(candidate, path) if has_value(candidate, path) else None
        if value is None or value is TEXT or repr(value) != constant:
            continue
        if isinstance(value, bool):
            key = str(path[-1]).lower() if path else ""
            worded = any(at == path and other[:1] in "'\"" for at, other in probed.demands)
            if path == () and not (value or probed.takes_true):
                continue  # it stands for a missing answer: `interrupt(...) or {}`
            if path == () or key in _APPROVING_KEYS:
                yield path, value
            elif going is GOING and not worded:
                yield from ((path, value is sign) for sign in _sign_of_key(key))
        elif isinstance(value, str) and value.strip().lower() in going | halting:
            yield path, value.strip().lower() in going


def _sign_of_key(key: str) -> Iterable[bool]:
    """Read a true value at a key by the words of its name; nothing if they say nothing: `{"night": True}`."""
    words = frozenset(key.replace("-", "_").split("_"))
    if bool(words & HALTING) is not bool(words & GOING):
        yield bool(words & GOING)
