"""From a verdict to what is done: the ways in which a node goes on, with all that stands beside them."""

from collections.abc import Sequence

from support.made_answers import Reading, Verdict, test_of
from support.made_source import Maker, Place, block

EXTRAS = {"revise": ("revise", "rework", "nachbessern"), "escalate": ("escalate", "ask_boss")}


def branches(maker: Maker, condition: str, act: list[str], refuse: list[str], *, acts_if: bool) -> list[str]:
    """Two ways on; each ends with a `return`."""
    yes, no = (act, refuse) if acts_if else (refuse, act)
    ways = ["if else", "early", "turned", "named", "finally", "while", "match"]
    if len(act) == len(refuse) == 1:
        ways += ["ternary", "ternary"]
    match maker.pick("branches", *ways):
        case "early":
            return [f"if {condition}:", block(yes), *no]
        case "turned":
            return [f"if not ({condition}):", block(no), *yes]
        case "named":
            return [f"go_on = {condition}", "if go_on:", block(yes), "else:", block(no)]
        case "while":
            return ["while True:", block([f"if {condition}:", block(yes), "break"]), *no]
        case "match":
            return [f"match bool({condition}):", "    case True:", block(yes, 2), "    case _:", block(no, 2)]
        case "ternary":
            whole = f"{yes[0].removeprefix('return ')} if {condition} else {no[0].removeprefix('return ')}"
            return [f"return {whole}"]
        case "finally":
            maker.use("agent", "world", "ROWS")
            inner = [f"if {condition}:", block(yes), *no]
            return ["try:", block(inner), "finally:", "    ROWS.append('end')"]
    return [f"if {condition}:", block(yes), "else:", block(no)]


def condition_of(
    maker: Maker, place: Place, reading: Reading, verdict: Verdict, acts: Sequence[object]
) -> tuple[str, bool]:
    """A condition, and whether it acts where that is true."""
    told = maker.pick("told by", "acting", "acting", "acting", "refusing")
    maker.told = told
    tokens = verdict.refuses if told == "refusing" else acts
    condition = test_of(maker, place, reading, tokens, verdict)
    more = maker.pick("more", "{}", "{}", "{}", "({}) or False", "True and ({})", "({}) is not False")
    plain = told == "acting" and "value" not in condition
    return more.format(
        f"bool({condition})" if "is not" in more else condition
    ) if plain else condition, told == "acting"


def several(maker: Maker, place: Place, reading: Reading, verdict: Verdict, parts: "Parts") -> list[str]:
    """A way for each verdict: the acting ones, the refusing ones, one more perhaps, and what is none of them."""
    match "elif" if parts.loops else maker.pick("several", "elif", "match", "router", "guard"):
        case "match" if reading.member is None:
            lines = [f"match {reading.token}:"]
            for words, body in parts.ways:
                lines += [f"    case {' | '.join(map(repr, words))}:", block(body, 2)]
            return [*lines, "    case _:", block(parts.other, 2)]
        case "router" if reading.member is None and maker.pick("routes", "yes", "no") == "yes":
            names, lines = {}, list[str]()
            for words, body in [*parts.ways, ((), parts.other)]:
                name = maker.fresh("way", "on")
                names[words] = name
                lines += [f"def {name}(value):", block(body)]
            pairs = ", ".join(f"{word!r}: {names[words]}" for words, _ in parts.ways for word in words)
            return [*lines, f"return {{{pairs}}}.get({reading.token}, {names[()]})(value)"]
        case "guard" if reading.member is None:
            known = [word for words, _ in parts.ways for word in words]
            lines = [f"if {reading.token} not in {tuple(known)!r}:", block(parts.other)]
            return [*lines, *_elifs(maker, place, reading, verdict, parts)]
    return _elifs(maker, place, reading, verdict, parts)


def _elifs(maker: Maker, place: Place, reading: Reading, verdict: Verdict, parts: "Parts") -> list[str]:
    lines = list[str]()
    for number, (words, body) in enumerate(parts.ways):
        condition = test_of(maker, place, reading, list(words), verdict)
        lines += [f"{'elif' if number else 'if'} {condition}:", block(body)]
    return [*lines, *parts.other]


class Parts:
    """What is done for each verdict, and for what is none of them."""

    def __init__(self, ways: list[tuple[tuple[object, ...], list[str]]], other: list[str], *, loops: bool) -> None:
        self.ways = ways
        self.other = other
        self.loops = loops
