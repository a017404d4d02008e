"""Tells which fields of a graph's input hold a decision: the person who asks for an action must not take it.

A field whose name, description or type looks like one is never filled from a message: it is left for the operator. A
harmless field that is taken for a decision costs a line of `app.yaml`; the reverse is an approval that nobody gave.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, Literal, get_args, get_origin

_DEEPEST = 6
"""Levels of a type that are looked at: an alias may hold itself."""
_STEMS = re.compile(
    r"approv|authori[sz]|bypass|clearance|confirm|consent|decid|decision|dry_?run|endorse|go_?ahead|granted|is_?admin|"
    r"no_?op(?:_|$)|overrid|override|permi(?:t|ss)|privileg|reviewe[dr]|sign_?off|sudo|unattended|unsupervised|verdict|"
    r"verif|vetted|yes_?no|(?:human|manual|peer)_?review|review_?(?:by|mode|need|outcome|require|result|state)|^(?:always|can|do|dont|has|is|may|must|needs?|never|not|requires?|should|without)_|"
    r"^no_(?!of_)|(?:^|_)checks?(?:_(?!in|out)|$)"
)
"""Parts of names, wherever they stand: `preapproved`, `skip_verification`."""
# fmt: off
_NAMES = frozenset({
    "accept", "accepted", "accepts", "access", "ack", "acked", "acknowledged", "acl", "admin", "administrator",
    "agree", "agreed", "agrees", "allow", "allowed", "allowlist", "allowlisted", "allows", "auth",
    "authed", "authenticated", "auto", "autoaccept", "automatic", "automatically", "autonomous", "autopilot",
    "autorun", "blacklist", "block", "blocked", "certified", "checked", "cleared", "confidence",
    "denied", "deny", "denylist", "disable", "disabled", "disabling", "disallow", "disallowed", "elevate", "elevated",
    "eligible", "emergency", "enable", "enabled", "enforce", "enforced", "enforcement", "entitled", "entitlement",
    "escalate", "escalated", "exempt", "exempted", "exemption", "exempts", "flag", "flagged", "forbid", "forbidden",
    "force", "forced", "grant", "grants", "greenlight", "guard", "guarded", "hitl", "ignore", "ignored",
    "interactive", "interrupt", "judged", "judgement", "judgment", "lgtm", "nocheck", "noninteractive", "ok", "okay",
    "outcome", "passed", "passes", "proceed", "prohibited", "protected", "ratified", "refuse", "refused", "reject",
    "rejected", "rejection", "restricted", "risk", "risky", "root", "ruling", "safe", "safety",
    "sanctioned", "sensitive", "signed", "simulate", "simulated", "simulation", "skip", "skipped", "skipping",
    "status", "superuser", "supervised", "threshold", "trust", "trusted", "trusts", "unblock", "unchecked", "unlock",
    "unlocked", "unprotected", "unrestricted", "unreviewed", "unsafe", "unverified", "valid", "validated", "veto",
    "vote", "voted", "votes", "waive", "waived", "waiver", "waives", "whitelist", "whitelisted", "whitelisting",
    "yes", "yolo",
})
"""Words of names: `force_push`, `reviewStatus`."""
_VALUES = frozenset({
    "0", "1", "admin", "auto", "false", "n", "nay", "no", "none", "off", "on", "owner", "true", "y", "yea", "yes",
    "fail", "failed", "pass", "manual",
})
# fmt: on
"""Values, beside the words of names."""
_DESCRIBED = re.compile(
    r"\b(?:acknowledged|agreed|approv(?:ed?|es|als?|ers?)|authori[sz]\w+|bypass\w*|cleared|clearance|confirm\w*|"
    r"consent\w*|decision|decided|dry[- ]run|granted|(?:is|are|was|were) allowed|overrid\w+|permission|permitted|"
    r"privileg\w+|reject(?:ed|s|ion)?|reviewed|reviewers?|sign(?:ed|s)?[- ]?off|skip(?:s|ped|ping)?|true if|verdict|"
    r"verified|verification|whether|without asking|yes(?:,| or| if|/)|(?:is|are|was|were) (?:ok|okay|safe|trusted))",
    re.IGNORECASE,
)


def is_decision(name: str, kind: Any, description: str = "") -> bool:
    """Tell whether a field may hold a decision or a flag: `reviewed`, `dry_run`, "approve or reject"."""
    if _has_such_a_word(name) or _DESCRIBED.search(description):
        return True
    values = [*_values_of(kind)]
    if len(values) > 2:  # noqa: PLR2004 - a digit or a letter of two is a yes or no, of more it is a choice
        values = [each for each in values if len(str(each)) > 1]
    return any(_is_verdict(each) for each in values)


def _values_of(kind: Any, depth: int = 0) -> Iterator[Any]:
    """The values that a type names, at any depth: those of bool are True and False, those of a pattern its words."""
    if depth == _DEEPEST:
        return
    if kind is bool:
        yield from (True, False)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        yield from (value for each in kind for value in {each.name, str(each.value)})
    elif get_origin(kind) is Literal:
        yield from get_args(kind)
    elif get_origin(kind) is Annotated:
        yield from _values_of(get_args(kind)[0], depth + 1)
        patterns = (getattr(each, "pattern", None) for each in kind.__metadata__)
        yield from (word for each in patterns if each for word in re.findall(r"[A-Za-z]{2,}", str(each)))
    else:
        for each in get_args(kind):
            yield from _values_of(each, depth + 1)


def _is_verdict(value: Any) -> bool:
    return isinstance(value, bool) or _spelled(str(value)) in _VALUES or _has_such_a_word(str(value))


def _has_such_a_word(text: str) -> bool:
    spelled = _spelled(text)
    return bool(_STEMS.search(spelled)) or not _NAMES.isdisjoint(spelled.split("_"))


def _spelled(name: str) -> str:
    """A name in lower case, with `_` between its words: `autoApprove` is `auto_approve`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", parted.casefold()).strip("_")
