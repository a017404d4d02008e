"""The rules: what must be true of every history, whatever was killed, stopped, frozen, repeated or late.

Each rule is a function that yields what breaks it, with the lines of the history that prove it. A click that was not
acked may count or not: Slack showed its author a warning sign, and did not deliver it again. One that was acked counts,
unless somebody else had decided before; then its author was told so.

What is not there may still come where the bot was not done with a case when the run ended: that is `unfinished`, which
proves nothing either way. What must not be there is broken in any case.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from bench.chaos.checker.history import About, Card, Click, Fact, Gate, History, Json, Ran, Row

VOTES: Final = ("voted", "edited", "answered")
CLOSING: Final = ("decided", "answered", "expired", "stopped", "withdrawn", "undeliverable")
RUNS: Final = ("approve", "edit", "answer")
"""The verdicts after which a graph does what was asked; not after `reject`, which an expiry is as well."""
NOT_LOOKED_UP: Final = "roster_unknown"
"""The reason of a refusal: Slack did not say who somebody is."""
NOBODY: Final = "nobody"
"""The verdict of a request that was decided without a vote."""
SAYS: Final = {
    "approve": ("Approved by",),
    "edit": ("Approved with changes by",),
    "reject": ("Rejected by", "Nobody decided"),
    "answer": ("Answered by",),
}
"""What a card says at the end: one of these."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A broken rule: about which gate or case, what is wrong, and the lines that prove it."""

    rule: str
    about: str
    what: str
    lines: tuple[int, ...]
    unfinished: bool = False
    """The bot was not done with it."""

    @property
    def column(self) -> str:
        """The column of the table that counts it."""
        return UNFINISHED if self.unfinished else _COLUMN_OF[self.rule]

    def __str__(self) -> str:
        rule = f"{self.rule} ({UNFINISHED})" if self.unfinished else self.rule
        return f"{rule}: {self.about}: {self.what} (lines {', '.join(map(str, self.lines)) or 'none'})"


class Missing(str):
    """What is wrong: something is not there, and may still come."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome that the audit has for a gate."""

    verdict: str
    value: Json
    row: Row
    votes: tuple[Row, ...]


Found = Iterator[tuple[str, Sequence[Fact]]]
OfGate = Callable[[History, Gate, About], Found]


def outcome_of(about: About) -> Outcome | None:
    """Read the outcome from the audit; None where it is not decided, or more than once."""
    closing = about.rows(*CLOSING)
    if len(closing) != 1:
        return None
    votes = tuple(about.rows(*VOTES))
    (row,) = closing
    if row.what not in ("decided", "answered"):
        return Outcome("reject" if row.what == "expired" else row.what, None, row, ())
    if not votes or votes[-1].choice == "reject":
        return Outcome("reject" if votes else NOBODY, None, row, votes[-1:])
    edited = [each for each in votes if each.choice in ("edit", "answer")]
    return Outcome(edited[-1].choice if edited else "approve", edited[-1].value if edited else None, row, votes)


# A request, and its one outcome ---------------------------------------------------------------------------------------


def acked_start_asks(history: History, gate: Gate, about: About) -> Found:
    """A message that was acked starts its agent, which asks."""
    if history.starts[gate.case].acked and not about.rows("asked"):
        yield Missing("its start was acked, and it was never asked"), [history.starts[gate.case], gate]


def asked_once(_: History, __: Gate, about: About) -> Found:
    """One request is made of one interrupt, however often its run was repeated."""
    asked = about.rows("asked")
    if len(asked) > 1:
        yield "it was asked more than once", asked


def decided_in_the_end(_: History, __: Gate, about: About) -> Found:
    """People clicked until each request was decided, so it has an outcome."""
    if (asked := about.rows("asked")) and not about.rows(*CLOSING):
        yield Missing("it has no outcome"), [*asked, *about.clicks()]


def decided_once(_: History, __: Gate, about: About) -> Found:
    """A request has one outcome, which reaches its graph once."""
    for whats in (CLOSING, ("delivered",)):
        if len(rows := about.rows(*whats)) > 1:
            yield f"it has {len(rows)} rows {'/'.join(sorted({each.what for each in rows}))}", rows


def counted_once(_: History, __: Gate, about: About) -> Found:
    """A person's vote counts once, however often they clicked and Slack repeated it.

    Who approved may still reject: that vote takes the place of the first.
    """
    counted = defaultdict[tuple[str | None, bool], list[Row]](list)
    for vote in about.rows(*VOTES):
        counted[vote.who, vote.choice == "reject"].append(vote)
    for (who, _rejects), votes in counted.items():
        if len(votes) > 1:
            yield f"{who} was counted {len(votes)} times", votes


# Who decided ----------------------------------------------------------------------------------------------------------


def votes_were_given(_: History, __: Gate, about: About) -> Found:
    """Each vote was given: its author clicked that choice, with that value."""
    for vote in about.rows(*VOTES):
        if not any(_gave(each, vote) for each in about.clicks()):
            yield f"{vote.who} never sent {vote.choice} {vote.value!r}", [vote]


def voters_were_allowed(_: History, gate: Gate, about: About) -> Found:
    """Only those decide who may."""
    for vote in about.rows(*VOTES):
        if vote.who not in gate.may:
            yield f"{vote.who} may not decide it", [vote, gate]


def enough_people(_: History, gate: Gate, about: About) -> Found:
    """An approval has as many people as its rule wants."""
    outcome = outcome_of(about)
    if outcome is None or outcome.verdict not in (*RUNS, NOBODY):
        return
    people = {each.who for each in outcome.votes}
    if len(people) < gate.quorum:
        yield f"{len(people)} of {gate.quorum} people approved it", [outcome.row, *outcome.votes, gate]


def expired_when_it_may(_: History, gate: Gate, about: About) -> Found:
    """Only a request with a deadline expires, and nobody withdraws or stops one here."""
    for row in about.rows("expired", "stopped", "withdrawn", "undeliverable"):
        if row.what != "expired" or not gate.expires:
            yield f"it was {row.what}, which nothing here asks for", [row, gate]


# Nothing is lost ------------------------------------------------------------------------------------------------------


def acked_clicks_count(history: History, gate: Gate, about: About) -> Found:
    """An acked click counts, or its author is told why it does not."""
    for click in about.clicks():
        if not click.acked or any(_gave(click, vote) for vote in about.rows(*VOTES)):
            continue
        if not any(each.who == click.by for each in about.rows("refused")):
            yield Missing(f"the acked {click.choice} of {click.by} neither counts nor is refused"), [click]
        elif not history.told(gate.case, click.by):
            yield Missing(f"{click.by} was not told that the acked {click.choice} did not count"), [click]


def first_acked_click_wins(_: History, gate: Gate, about: About) -> Found:
    """What decides was sent before enough other clicks were acked: an acked one does not make room for a later one.

    Except where Slack did not say who its author is: nobody decides who could not be looked up. It is refused, its
    author is told why, and the next one counts.
    """
    outcome = outcome_of(about)
    acked = sorted((each for each in about.clicks() if each.acked and each.by in gate.may), key=lambda each: each.done)
    enough = _enough(_looked_up(acked, about), gate.quorum)
    if outcome is None or not outcome.votes or not enough:
        return
    for vote in outcome.votes:
        given = [each for each in about.clicks() if _gave(each, vote)]
        if given and min(each.sent for each in given) > enough[-1].done:
            yield f"{vote.who} decided after enough clicks of others were acked", [*enough, *given, vote]


def _looked_up(acked: Iterable[Click], about: About) -> Iterator[Click]:
    """Leave out as many clicks of a person, the first ones, as were refused because they could not be looked up."""
    unknown = Counter(each.who for each in about.rows("refused") if each.why == NOT_LOOKED_UP)
    for click in acked:
        if unknown[click.by]:
            unknown[click.by] -= 1
        else:
            yield click


def _enough(acked: Iterable[Click], quorum: int) -> list[Click]:
    """The first acked clicks that are enough to decide; empty if there are not enough."""
    approving: dict[str, Click] = {}
    for click in acked:
        if click.choice == "reject":
            return [click]
        approving.setdefault(click.by, click)
        if len(approving) >= quorum:
            return [*approving.values()]
    return []


# What the graph got, and did ------------------------------------------------------------------------------------------


def resumed_with_the_outcome(_: History, gate: Gate, about: About) -> Found:
    """The graph gets the outcome, the same at each repetition, and nothing before there is one."""
    outcome = outcome_of(about)
    if outcome is None:
        if about.got():
            yield "a graph got an answer without one outcome", [*about.got(), *about.rows(*CLOSING)]
        return
    if not about.got():
        yield Missing("the graph never got its answer"), [outcome.row]
    wanted = gate.amount if outcome.value is None else outcome.value
    for got in about.got():
        if got.verdict != outcome.verdict or (got.verdict in RUNS and got.amount != wanted):
            said = f"{outcome.verdict} {wanted!r}"
            yield f"the graph got {got.verdict} {got.amount!r} of {said}", [got, outcome.row, *outcome.votes]


def done_as_decided(_: History, gate: Gate, about: About) -> Found:
    """What was approved is done, with the decided value; what was rejected is never done."""
    outcome = outcome_of(about)
    if outcome is None or outcome.verdict not in RUNS:
        if about.did():
            yield "it was done without an approval", [*about.did(), *about.rows(*CLOSING)]
        return
    if not about.did():
        yield Missing("it was approved and never done"), [outcome.row]
    wanted = gate.amount if outcome.value is None else outcome.value
    for did in about.did():
        if did.amount != wanted:
            yield f"it was done with {did.amount!r}, and decided with {wanted!r}", [did, outcome.row, *outcome.votes]


def repeated_for_a_cause(history: History, _: Gate, about: About) -> Found:
    """A node runs again only where something failed since its last run began: LangGraph repeats what was cut off."""
    for runs in (about.got(), about.did()):
        for first, second in pairwise(runs):
            if not any(each.since <= second.at and each.until >= first.at for each in history.troubles):
                yield "a node ran again, and nothing had failed", [first, second]


def audited_before_done(_: History, __: Gate, about: About) -> Found:
    """When the graph is resumed, and when it does what was approved, the audit has the outcome already."""
    runs: list[Ran] = [*about.got(), *about.did()]
    for run in runs:
        if run.seen is not None and not any(each.place < run.seen for each in about.rows(*CLOSING)):
            yield "the audit did not have the outcome at that moment", [run]


# What people see ------------------------------------------------------------------------------------------------------


def cards_are_true(_: History, __: Gate, about: About) -> Found:
    """In the end each card tells the outcome, and none can be clicked."""
    outcome = outcome_of(about)
    for card in about.cards():
        if card.live:
            yield Missing("a card has buttons in the end"), [card]
        elif outcome is not None and not _tells(card, outcome):
            yield Missing(f"a card does not tell that it is {outcome.verdict}"), [card, outcome.row]
    if outcome is not None and not about.cards() and not about.deleted():
        yield Missing("it has no card"), [outcome.row]


def _tells(card: Card, outcome: Outcome) -> bool:
    return any(each in card.text for each in SAYS.get(outcome.verdict, ()))


GATE_RULES: Final[dict[OfGate, str]] = {
    acked_start_asks: "lost",
    acked_clicks_count: "lost",
    first_acked_click_wins: "lost",
    decided_in_the_end: "lost",
    asked_once: "decided twice",
    decided_once: "decided twice",
    counted_once: "decided twice",
    votes_were_given: "decided by nobody",
    voters_were_allowed: "decided by nobody",
    enough_people: "decided by nobody",
    expired_when_it_may: "decided by nobody",
    resumed_with_the_outcome: "resumed wrongly",
    done_as_decided: "resumed wrongly",
    repeated_for_a_cause: "resumed wrongly",
    audited_before_done: "effects without a row",
    cards_are_true: "false cards",
}
"""Each rule, with the column of the table that counts it."""
UNFINISHED: Final = "unfinished"
OTHER_RULES: Final = {
    "replies_are_said": "lost",
    "nothing_is_given_up": "lost",
    "all_work_is_done": UNFINISHED,
    "history_is_whole": "unknown",
}
_COLUMN_OF: Final = {**{each.__name__: column for each, column in GATE_RULES.items()}, **OTHER_RULES}
COLUMNS: Final = tuple(dict.fromkeys(_COLUMN_OF.values()))


def broken(history: History) -> list[Broken]:
    """All broken rules."""
    found = [*_whole(history), *_rest(history)]
    if any(each.rule == "history_is_whole" for each in found):
        return found
    for name, gate in history.gates.items():
        for rule in GATE_RULES:
            for what, facts in rule(history, gate, history.of(name)):
                unfinished = isinstance(what, Missing) and gate.case in history.unfinished
                found.append(Broken(rule.__name__, name, what, _lines(facts), unfinished))
    for case, start in history.starts.items():
        found += _replies(history, case, start)
    return found


def _whole(history: History) -> Iterator[Broken]:
    if len(history.ends) != 1:
        yield Broken("history_is_whole", "the history", f"it has {len(history.ends)} ends", _lines(history.ends))
    if history.unknown:
        what = f"facts about what nobody began, the first is {history.unknown[0]}"
        yield Broken("history_is_whole", "the history", what, _lines(history.unknown))


def _rest(history: History) -> Iterator[Broken]:
    for end in history.ends:
        if end.waiting:
            yield Broken("all_work_is_done", "the end", f"{end.waiting} pieces of work wait", (end.line,))
        if end.dead:
            yield Broken("nothing_is_given_up", "the end", f"{end.dead} pieces of work were given up", (end.line,))


def _replies(history: History, case: str, start: Fact) -> Iterator[Broken]:
    """A run that ends says so."""
    outcomes = [outcome_of(history.of(gate.gate)) for gate in history.gates_of(case)]
    if any(each is None for each in outcomes):
        return
    if not any(case in each.text for each in history.said(case)):
        what, unfinished = "its run ended and nobody was told", case in history.unfinished
        yield Broken("replies_are_said", case, what, (start.line,), unfinished)


def _gave(click: Click, vote: Row) -> bool:
    return (click.by, click.choice, click.value) == (vote.who, vote.choice, vote.value)


def _lines(facts: Iterable[Fact]) -> tuple[int, ...]:
    return tuple(sorted({each.line for each in facts}))
