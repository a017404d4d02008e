"""Problems that an operator has to fix, in one line each: where, what, and how to fix it (P10).

Everything that is checked before the bot starts reports all of its problems at once: nobody fixes one only to meet the
next.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from bot.masking import masked

_LONGEST_LIST = 8


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One problem, in `app.yaml` or in what it names.

    `where` is the file, line and key (`app.yaml:12: agents.deploy.graph`), or an environment variable; `what` is a
    phrase, and `fix` a sentence or a question ("Did you mean ...?").
    """

    where: str
    what: str
    fix: str

    def __str__(self) -> str:
        fix = self.fix[:1].upper() + self.fix[1:]
        return masked(" ".join(f"{self.where}: {_sentence(self.what)} {_sentence(fix)}".split()))


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "?", "!")) else f"{text}."


class ProblemsError(Exception):
    """One or several problems, each printing as one line."""

    def __init__(self, problems: Iterable[ConfigProblem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(map(str, self.problems)))


class ConfigError(ProblemsError):
    """The configuration is wrong, so nothing starts."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    lowered = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), lowered, n=1)
    return lowered[near[0]] if near else None


def suggestion(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Suggest a fix for an unknown name: the nearest known name, else `otherwise`, else all known ones."""
    names = list(dict.fromkeys(known))
    if (near := nearest(word, names)) is not None:
        return f'Did you mean "{near}"?'
    if otherwise or not names:
        return otherwise
    more = ", ..." if len(names) > _LONGEST_LIST else ""
    return f"Known are: {', '.join(names[:_LONGEST_LIST])}{more}."
