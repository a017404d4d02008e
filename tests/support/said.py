"""The sentences that the code says to people: what pages quote and pictures show is compared with them."""

import ast
import re
from functools import cache

from support.pages import ROOT

ROOMS = ("bot", "adapters", "engine")


@cache
def sentences() -> tuple[str, ...]:
    """All texts in the code, the longest first; `…` stands for what is filled in."""
    trees = (ast.parse(file.read_text(encoding="utf-8")) for room in ROOMS for file in (ROOT / room).rglob("*.py"))
    found = {text for tree in trees for node in ast.walk(tree) if (text := _text(node))}
    return tuple(sorted((each for each in found if len(re.findall(r"[a-z]", each)) >= 5), key=len, reverse=True))


def _text(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return _plain(text)
        case ast.JoinedStr(values=values):
            return _plain("".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in values))
    return ""


def _plain(text: str) -> str:
    """Without the markup of mentions and bold; several things that are filled in after one another are one."""
    text = re.sub(r"<[@#]…>|[*`]", lambda found: "…" if "…" in found[0] else "", " ".join(text.split()))
    return re.sub(r"…(?:[ .]*…)+", "…", text)


def unknown_part(quote: str) -> str:
    """What is left of a quotation without the texts of the code; "" where all of it is said by the code."""
    left = _plain(quote)
    pieces = [piece.strip(" .:") for piece in left.split("…")]
    if any(re.search(".*".join(map(re.escape, pieces)), text) for text in sentences()):
        return ""
    for text in sentences():
        left = left.replace(text.rstrip(". "), "\0")
    return re.sub(r"[\0\s.:,()…]|\b[A-Z_]+\b|\bSlack\b|app\.yaml|graph:", "", left)


def is_said(line: str) -> bool:
    """Whether all of a line is a text of the code, with something filled in where the text has `…`."""
    plain = _plain(line).rstrip(". :")
    return any(
        plain.startswith(pieces[0])
        and plain.endswith(pieces[-1])
        and re.fullmatch(".*".join(map(re.escape, pieces)), plain)
        for pieces in _templates()
    )


@cache
def _templates() -> tuple[list[str], ...]:
    """The texts of the code, each as what stands between the things that are filled in."""
    return tuple([piece.strip() for piece in text.rstrip(". ").split("…")] for text in sentences())
