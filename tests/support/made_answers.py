"""Ways in which a node takes its answer apart: where its verdict stands, and what the verdict is compared with."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from support.made_source import Maker, Place

WORDS: tuple[tuple[str, str], ...] = (
    ("approve", "reject"),
    ("approved", "rejected"),
    ("yes", "no"),
    ("go", "no_go"),
    ("ship it", "hold"),
    ("ok", "cancel"),
    ("ja", "nein"),
    ("oui", "non"),
    ("да", "нет"),
    ("はい", "いいえ"),
    ("continue", "abort"),
    # What sounds like the one and is the other.
    ("cancel", "keep"),
    ("stop", "continue"),
    ("delete", "proceed"),
    ("unlock", "leave"),
    ("no", "yes"),
    ("deny", "accept"),
)
CONTRADICTING = frozenset(("no", "deny", "reject"))
"""Acting words that say the opposite of the button: what the code says is then taken for unknown."""
NEUTRAL = frozenset(("да", "ship it", "cancel", "stop", "delete", "unlock"))
"""Acting words that do not sound like going on."""
OPAQUE: Mapping[str, tuple[str, str, str]] = {
    "length": ("len(str({t})) > 3", "good", "bad"),
    "pattern": (r"bool(re.search(r'^\w\w\w\w', str({t})))", "good", "..."),
    "hash": (f"hashlib.sha256(str({{t}}).encode()).hexdigest() == {sha256(b'1234').hexdigest()!r}", "1234", "4321"),
    "eval": ("eval('bool(said)', {{'said': {t}}})", "any", ""),
    "sum": ("sum(map(ord, str({t}))) % 2 == 0", "b", "a"),
}
"""Tests that nobody can follow by reading, with a word that passes each and one that does not."""
KEYS = ("decision", "action", "verdict", "choice", "type", "status", "response", "urteil", "d", "human choice")
FLAGS = ("approved", "ok", "allowed", "confirmed", "go_ahead", "accept", "freigabe", "is_approved")
TURNED_FLAGS = ("keep", "cancelled", "hold", "skip")
REASONS = ("reason", "feedback", "comment", "note", "why", "remarks", "begruendung", "message")


@dataclass
class Verdict:
    """What the decision is made with: the values that act, those that refuse, one for an edit."""

    domain: str
    acts: list[Any]
    refuses: list[Any]
    edits: str = ""
    extra: str = ""
    opaque: str = ""
    """A test that cannot be followed."""

    @property
    def known(self) -> list[Any]:
        """All that the node knows."""
        return [*self.acts, *self.refuses, *[each for each in (self.edits, self.extra) if each]]


@dataclass
class Reading:
    """An answer taken apart.

    `lines` stand before `token`, the expression of the verdict; `field` gives the expression of another field beside
    it; `build` makes the answer that a client sends.
    """

    lines: list[str]
    token: str
    build: Callable[[Any, dict[str, Any]], Any]
    field: Callable[[str, str], str] | None = None
    """(name, default) -> expression"""
    checked: bool = False
    """It raises by itself for a verdict that it does not know."""
    member: Callable[[Any], str] | None = None
    """How a verdict is written in a comparison, where that is not its own constant."""
    opaque: bool = False


DOMAINS = ("bool", "word", "word", "word", "word", "word", "int", "turned bool", "opaque")


def verdict_of(maker: Maker) -> Verdict:
    """What the decision is made with."""
    match maker.pick("domain", *DOMAINS):
        case "bool":
            return Verdict("bool", [True], [False])
        case "turned bool":
            return Verdict("bool", [False], [True])
        case "int":
            acts, refuses = maker.pick("codes", (1, 0), (200, 403), (7, 8), (2, 1))
            return Verdict("int", [acts], [refuses])
        case "opaque":
            test, good, bad = OPAQUE[maker.pick("opaque", *OPAQUE)]
            return Verdict("opaque", [good], [bad], opaque=test)
    go, stop = maker.pick("words", *WORDS)
    edits = maker.pick("edit word", "edit", "modify", "changes", "update", "ändern")
    return Verdict("word", [go], [stop], edits)


# Where it stands ------------------------------------------------------------------------------------------------------

SHAPES = (
    "bare", "get", "item", "get default", "nested item", "nested get", "nested or", "list", "list of dict", "pair",
    "word or dict", "dict or bare", "model", "model of **", "dataclass", "enum", "model enum", "json", "walrus",
    "literal model", "typed dict", "str of",
)  # fmt: skip


def reading_of(maker: Maker, place: Place, verdict: Verdict, answer: str, more: Sequence[str]) -> Reading:
    """The answer, in the variable `answer`, taken apart; `more` are the fields beside the verdict."""
    shapes = [each for each in SHAPES if _suits(each, verdict, more)]
    shape = maker.pick("shape", *shapes)
    keys = KEYS if verdict.domain in ("word", "int", "opaque") else FLAGS if verdict.acts[0] else TURNED_FLAGS
    key = maker.pick("key", *keys)
    if shape in ("model", "model of **", "dataclass", "model enum", "literal model"):
        return _modelled(maker, place, verdict, answer, more, shape, key.replace(" ", "_"))
    if shape in ("bare", "list", "pair", "enum", "str of", "walrus"):
        return _bare(maker, place, verdict, answer, shape)
    return _in_dict(maker, place, verdict, answer, shape, key)


def _suits(shape: str, verdict: Verdict, more: Sequence[str]) -> bool:
    if verdict.domain == "opaque":
        return shape in ("get", "item") or (shape == "bare" and not more)
    if more and shape in ("bare", "list", "pair", "enum", "walrus", "str of"):
        return False
    if shape in ("word or dict", "enum", "model enum", "literal model", "str of"):
        return verdict.domain == "word"
    return True


def _bare(maker: Maker, place: Place, verdict: Verdict, answer: str, shape: str) -> Reading:
    match shape:
        case "list":
            return Reading([], f"{answer}[0]", lambda token, _: [token])
        case "pair":
            return Reading([f"said, rest = {answer}"], "said", lambda token, _: [token, None])
        case "str of":
            return Reading([], f"str({answer})", lambda token, _: token)
        case "walrus":
            return Reading([f"if (said := {answer}) is None:", "    said = False"], "said", lambda token, _: token)
        case "enum":
            enum = _enum(maker, verdict)
            name = maker.use(place.module, "words", enum)
            return Reading([], f"{name}({answer})", lambda token, _: token, checked=True, member=_member(name, verdict))
    return Reading([], answer, lambda token, _: token)


def _in_dict(maker: Maker, place: Place, verdict: Verdict, answer: str, shape: str, key: str) -> Reading:
    written = place.const(key)

    def flat(token: Any, more: dict[str, Any]) -> Any:
        return {key: token, **more}

    def beside(name: str, default: str) -> str:
        return f"{answer}.get({name!r}{', ' + default if default else ''})"

    match shape:
        case "item" | "typed dict":
            return Reading([], f"{answer}[{written}]", flat, beside)
        case "get default":
            standing = maker.pick("default", "refuses", "empty", "acts")
            held = {
                "refuses": verdict.refuses[0],
                "acts": verdict.acts[0],
                "empty": "" if verdict.domain == "word" else None,
            }
            return Reading([], f"{answer}.get({written}, {held[standing]!r})", flat, beside)
        case "nested item" | "nested get" | "nested or":
            outer = maker.pick("outer", "response", "review", "payload", "data")
            inner = {
                "nested item": f"{answer}[{outer!r}]",
                "nested get": f"{answer}.get({outer!r}, {{}})",
                "nested or": f"({answer}.get({outer!r}) or {{}})",
            }[shape]
            return Reading(
                [f"inner = {inner}"],
                f"inner.get({written})",
                lambda token, more: {outer: {key: token, **more}},
                lambda name, default: f"inner.get({name!r}{', ' + default if default else ''})",
            )
        case "list of dict":
            return Reading(
                [f"first = {answer}[0]"],
                f"first[{written}]",
                lambda token, more: [{key: token, **more}],
                lambda name, default: f"first.get({name!r}{', ' + default if default else ''})",
            )
        case "word or dict":
            lines = [f"if isinstance({answer}, str):", f"    {answer} = {{{written}: {answer}}}"]
            return Reading(lines, f"{answer}.get({written}, '')", flat, beside)
        case "dict or bare":
            token = f"{answer}.get({written}) if isinstance({answer}, dict) else {answer}"
            lines = [f"said = {token}", f"more = {answer} if isinstance({answer}, dict) else {{}}"]
            return Reading(
                lines, "said", flat, lambda name, default: f"more.get({name!r}{', ' + default if default else ''})"
            )
        case "json":
            maker.modules[place.module].needs("import json")
            return Reading(
                [f"told = json.loads({answer})"],
                f"told[{written}]",
                lambda token, more: json.dumps({key: token, **more}),
                lambda name, default: f"told.get({name!r}{', ' + default if default else ''})",
                opaque=True,
            )
    return Reading([], f"{answer}.get({written})", flat, beside)


def _modelled(
    maker: Maker, place: Place, verdict: Verdict, answer: str, more: Sequence[str], shape: str, key: str
) -> Reading:
    words = maker.modules["words"]
    name = maker.fresh("Reply", "Review")
    kind = {"bool": "bool", "int": "int", "word": "str"}[verdict.domain]
    member: Callable[[Any], str] | None = None
    if shape == "literal model":
        words.needs("from typing import Any, Literal")
        kind = f"Literal[{', '.join(map(repr, verdict.known))}]"
    if shape == "model enum":
        kind = _enum(maker, verdict)
        member = _member(maker.use(place.module, "words", kind), verdict)
    fields = [f"    {key}: {kind}", *[f"    {each}: Any = None" for each in more]]
    words.needs("from typing import Any, Literal")
    if shape == "dataclass":
        words.needs("from dataclasses import dataclass")
        words.add("@dataclass", f"class {name}:", *fields)
    else:
        words.needs("from pydantic import BaseModel")
        words.add(f"class {name}(BaseModel):", *fields)
    maker.use(place.module, "words", name)
    spread = shape in ("model of **", "dataclass")
    made = f"{name}(**{answer})" if spread else f"{name}.model_validate({answer})"
    return Reading(
        [f"reply = {made}"],
        f"reply.{key}",
        lambda token, rest: {key: token, **rest},
        lambda field, default: f"(reply.{field} or {default})" if default else f"reply.{field}",
        checked=shape in ("literal model", "model enum"),
        member=member,
    )


def _enum(maker: Maker, verdict: Verdict) -> str:
    words = maker.modules["words"]
    words.needs("from enum import Enum, StrEnum")
    base = maker.pick("enum", "Enum", "str, Enum", "StrEnum")
    name = maker.fresh("Verdict", "Choice")
    words.add(f"class {name}({base}):", *[f"    M{number} = {each!r}" for number, each in enumerate(verdict.known)])
    return name


def _member(name: str, verdict: Verdict) -> Callable[[Any], str]:
    return lambda token: f"{name}.M{verdict.known.index(token)}"


# What it is compared with ---------------------------------------------------------------------------------------------


def test_of(maker: Maker, place: Place, reading: Reading, tokens: Sequence[Any], verdict: Verdict) -> str:
    """A condition that is true for these verdicts, and for no other that the node knows."""
    token, write, domain = reading.token, reading.member, verdict.domain
    if domain == "opaque":
        for each in ("re", "hashlib"):
            maker.modules[place.module].needs(f"import {each}")
        test = verdict.opaque.format(t=token)
        return test if tokens[0] in verdict.acts else f"not ({test})"
    if write is not None:
        return _of_members(maker, reading, tokens)
    if domain == "bool":
        (value,) = tokens
        if value:
            return maker.pick("test", "{}", "{} is True", "bool({})", "{} == True", "not not {}").format(token)
        return maker.pick("test", "not {}", "{} is False", "not bool({})", "{} == False").format(token)
    written = [place.const(each) for each in tokens]
    if len(tokens) == 1:
        ways = ["{t} == {w}", "{w} == {t}", "{t} in ({w},)", "{t} in [{w}]", "{t} in {{{w}}}", "not ({t} != {w})"]
        ways += ["{t} in frozenset(({w},))", "{t} is not None and {t} == {w}", "{t} in {{{w}: 1}}"]
        if domain == "word":
            ways += ["str({t}).lower() == {w}.lower()", "str({t}).strip().lower() in ({w}.lower(), 'zzz')"]
            ways += ["({t} or '').strip() == {w}", "isinstance({t}, str) and {t}.casefold() == {w}.casefold()"]
            ways += ["{t} and {t} == {w}", "str({t}).startswith({w})"]
        else:
            ways += ["int({t}) == {w}"]
        return maker.pick("test", *ways).format(t=token, w=written[0])
    ways = ["{t} in ({all})", "{t} in {{{all}}}", "{or_}", "{t} in [{all}]", "any({t} == each for each in ({all}))"]
    return maker.pick("test", *ways).format(
        t=token, all=", ".join(written), or_=" or ".join(f"{token} == {each}" for each in written)
    )


def _of_members(maker: Maker, reading: Reading, tokens: Sequence[Any]) -> str:
    assert reading.member is not None
    written = [reading.member(each) for each in tokens]
    if len(written) == 1:
        return maker.pick("test", "{} is {}", "{} == {}", "{} in ({},)").format(reading.token, written[0])
    return maker.pick("test", "{} in ({})", "{} in {{{}}}").format(reading.token, ", ".join(written))
