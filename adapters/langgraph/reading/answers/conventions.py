"""What is sent for each choice, made of what was found out about a question.

A `Convention` has for each choice that is known what `answers:` in app.yaml could say just as well, so that it is
encoded, bound by the digest and stored in the same way. `$reason` is a rejection's reason, in words that cannot be
taken for another answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from adapters.langgraph.reading.answers.corrections import corrects
from adapters.langgraph.reading.answers.groups import (
    APPROVING,
    REJECTING,
    AnswerGroup,
    Polarity,
    grouped,
    polarity,
    signs_of,
    skeleton,
    texts_of,
)
from adapters.langgraph.reading.answers.options import all_named, is_short, ways, word_of
from adapters.langgraph.reading.answers.probe import Behaviour, Probed, got, has, mark, put, text_places
from adapters.langgraph.reading.answers.proofs import proof
from adapters.langgraph.reading.code.classes import hints_of
from adapters.langgraph.reading.code.run import ASKS
from adapters.langgraph.reading.code.values import (
    FREE,
    TEXT,
    Atom,
    Known,
    Listed,
    Made,
    Mapped,
    Path,
    Unknown,
    Value,
    atoms_of,
    leaves,
)
from engine.asks import templates
from engine.asks.ask import Choice, Json, canonical
from engine.asks.templates import Word

_REASONS = ("reason", "feedback", "comment", "note", "why", "explanation", "message", "text", "instruction")
OTHER_WORD = "rejected"
"""Stands for any word but those that the code compares with."""
_MOST_FIELDS = 12
_MOST_BASES = 16


@dataclass(frozen=True)
class Further:
    """A further choice of the node: its word, what is sent, what the node calls a person's words, and the proof."""

    word: str
    sends: Json
    asks_for: str
    proof: str


@dataclass(frozen=True)
class Convention:
    """What a question takes. `proofs` say for each choice where the code goes."""

    templates: Mapping[Choice, Json] = field(default_factory=dict)
    proofs: Mapping[Choice, str] = field(default_factory=dict)
    edited: tuple[Path, ...] = ()
    """The fields of the payload that an edit changes."""
    filled: tuple[Path, ...] = ()
    """Those of them that stay as they are where the new value is empty, or counts as false."""
    options: tuple[Further, ...] = ()
    """The node's further choices; `all_named` is true where every way that it can go has a word or a button."""
    all_named: bool = False
    own_words: Mapping[Choice, str] = field(default_factory=dict)
    """What the node calls the choices of our buttons, where it calls them something else."""
    reserved: frozenset[str] = frozenset()
    is_question: bool = False
    """Every answer goes the same way, and is passed on."""
    wants_words: bool = False
    """Whether what is passed on is a text."""
    acts_anyway: bool = False
    """Whether something is done in which the answer has no part."""
    decides: bool = False
    """Whether there are answers with which the node does something else."""
    proven: bool = False
    why: str = ""

    @property
    def sends(self) -> tuple[Mapping[Choice, Json], Mapping[str, Json]]:
        """All that can be sent."""
        return self.templates, {each.word: each.sends for each in self.options}

    @property
    def is_known(self) -> bool:
        """Whether anything can be sent."""
        return bool(self.templates or self.options)


def convention_of(probed: Probed) -> Convention:
    """What each choice sends."""
    groups = grouped(probed)
    decided = polarity(groups)
    words = _words(probed, groups, decided.acts)
    reserved = probed.reserved
    if decided.acts is None and decided.apart:
        found = _set_apart(probed, groups, decided)
        if found is not None:
            return found
    if decided.acts is None or _is_mere_question(groups, decided.acts):
        answers = {Choice.ANSWER: words} if words is not None else {}
        question = words is not None and len(groups) == 1 and _follows_words(probed)
        proofs = {Choice.ANSWER: "the words are passed on"} if answers else {}
        return Convention(
            answers,
            proofs,
            reserved=reserved,
            is_question=question,
            wants_words=question and wants_words(probed),
            acts_anyway=acts_anyway(probed),
            proven=question,
            why=decided.why,
        )
    acting = decided.acts
    members = approvable(acting)
    if not members:
        return Convention(reserved=reserved, why="what approves is made of a person's words")
    approving = best(members, probed)
    templates: dict[Choice, Json] = {Choice.APPROVE: template(approving.candidate, probed, "$text")}
    proofs = {Choice.APPROVE: proof(approving)}
    edit = _edit(probed, acting, approving)
    edited: tuple[Path, ...] = ()
    filled: tuple[Path, ...] = ()
    if edit is not None:
        templates[Choice.EDIT], edited, filled = edit
    refusal = _refusal(probed, acting, decided.refuse) if decided.proven else None
    if refusal is not None:
        templates[Choice.REJECT], proofs[Choice.REJECT] = refusal[0], proof(refusal[1])
    if words is not None and str(templates.get(Choice.EDIT)).startswith("$value"):
        words = None  # they take the place of what is shown: that is an edit
    if words is not None:
        templates[Choice.ANSWER], proofs[Choice.ANSWER] = words, "the words are passed on"
    ours = [*acting.members, *(_beside(refusal[1], groups) if refusal is not None else ())]
    return Convention(
        templates,
        proofs,
        edited,
        filled,
        options=_further(probed, ours, templates),
        own_words=_own_words(probed, templates),
        reserved=reserved,
        decides=len(groups) > 1,
        proven=decided.proven,
        why=decided.why,
    )


# The node's own words -------------------------------------------------------------------------------------------------


def _set_apart(probed: Probed, groups: Sequence[AnswerGroup], decided: Polarity) -> Convention | None:
    """Where each way is known and none of them is known to approve: each under its own word, if there are several."""
    refusal = _refusal(probed, None, decided.refuse)
    refusing = _beside(refusal[1], groups) if refusal is not None else ()
    templates: dict[Choice, Json] = {} if refusal is None else {Choice.REJECT: refusal[0]}
    options = _further(probed, refusing, templates)
    if len(options) < 2:  # noqa: PLR2004 - one way alone is no choice
        return None
    others = [each for each in groups if not any(one in refusing for one in each.members)]
    return Convention(
        templates,
        {} if refusal is None else {Choice.REJECT: proof(refusal[1])},
        options=options,
        all_named=all_named(others, probed),
        own_words=_own_words(probed, templates),
        reserved=probed.reserved,
        decides=True,
        why=decided.why,
    )


def _beside(each: Behaviour, groups: Sequence[AnswerGroup]) -> Sequence[Behaviour]:
    """All that do the same."""
    return next((group.members for group in groups if each in group.members), (each,))


def _further(probed: Probed, taken: Sequence[Behaviour], templates: Mapping[Choice, Json]) -> tuple[Further, ...]:
    found = []
    for way in ways(probed, taken, templates.values()):
        asks_for = "" if way.words_at is None else str(way.words_at[-1] if way.words_at else way.word)
        found.append(Further(way.word, template(way.candidate, probed, "$text"), asks_for, proof(way.behaviour)))
    return tuple(found)


_SAME: Mapping[Choice, frozenset[str]] = {
    Choice.APPROVE: APPROVING,
    Choice.EDIT: frozenset(("edit", "edited", "update", "modify", "change")) | APPROVING,
    Choice.REJECT: REJECTING,
}
"""Words that say what our button says."""


def _own_words(probed: Probed, templates: Mapping[Choice, Json]) -> Mapping[Choice, str]:
    words = {choice: word_of(templates.get(choice), probed) for choice in _SAME}
    found = {choice: named[1] for choice, named in words.items() if named and is_short(named[1])}
    return {choice: word for choice, word in found.items() if word.strip().lower() not in _SAME[choice]}


def wants_words(probed: Probed) -> bool:
    """Whether the answer goes to a model as a tool's result, into a person's message, or into a field of text."""
    prompts = [each for path, each in leaves(probed.payload) if isinstance(each, Unknown) and len(path) <= 1]
    if probed.entry.is_tool and any(each.origin.startswith("argument ") for each in prompts):
        return True  # the model words the question
    texts = _fields_of_text(probed.entry.chain[-1][0])
    kept = [pair for each in probed.behaviours for trace in each.traces for pair in trace.kept]
    return any((value.given and key in texts) or _is_said(value) for key, value in kept)


def _fields_of_text(graph: Any) -> set[str]:
    schema = getattr(getattr(graph, "builder", None), "state_schema", None)
    return {name for name, kind in hints_of(schema).items() if kind is str or set(get_args(kind)) == {str, type(None)}}


def _is_said(value: Value) -> bool:
    items = value.items if isinstance(value, Listed) else [value]
    return any(
        isinstance(each, Made) and getattr(each.cls, "__name__", "") == "HumanMessage" and _own(each) for each in items
    )


def acts_anyway(probed: Probed) -> bool:
    """Whether there is an effect in which the answer has no part."""
    effects = (effect for each in probed.behaviours for trace in each.traces for effect in trace.effects)
    done = (effect.what for effect in effects if not effect.where.startswith(ASKS))
    return any(not any(kind == "answer" for kind, _ in what) for what in done)


# Approve --------------------------------------------------------------------------------------------------------------


def approvable(group: AnswerGroup) -> list[Behaviour]:
    """The members that nobody has to make words up for: an approval comes without any."""
    probed = group.probed

    def needs_words(each: Behaviour, path: Path) -> bool:
        tested = any(at == path and constant in ("True", "False") for at, constant in probed.demands)
        acted_on = not group.uses and any(kind == "answer" and at[: len(path)] == path for kind, at in each.flows)
        return tested or acted_on

    return [e for e in group.members if not any(needs_words(e, path) for path in text_places(e.candidate))]


def best(members: Sequence[Behaviour], probed: Probed) -> Behaviour:
    """The plainest member: named or true rather than not, with the fewest fields, and nothing made up."""

    def rank(each: Behaviour) -> tuple[object, ...]:
        signs = set(signs_of(each.candidate, probed))
        made_up = len(list(text_places(each.candidate)))
        passes_on = any(kind == "answer" for kind, _ in each.flows | each.returned)
        unnamed = 0 if True in signs else len(_compared(each.candidate, probed))
        return (False in signs, True not in signs, passes_on, made_up, unnamed, len(each.reads), _size(each.candidate))

    return min(members, key=rank)


def _compared(candidate: Any, probed: Probed) -> list[Path]:
    """Where a candidate has a text that the code compares with."""
    places = {path for path, _ in probed.demands}
    return [path for path in places if isinstance(got(candidate, path), str)]


def _size(candidate: Any) -> int:
    """How many values a candidate has."""
    return 1 + sum(map(_size, candidate.values())) if isinstance(candidate, dict) else 1


def template(candidate: Any, probed: Probed, words: str, path: Path = ()) -> Json:
    """A candidate as a template: words that are compared with something become a word that is none of it."""
    if candidate is TEXT:
        compared = any(at == path and constant[:1] in "'\"" for at, constant in probed.demands)
        return OTHER_WORD if compared and path and OTHER_WORD not in probed.reserved else words
    if isinstance(candidate, dict):
        return {str(key): template(each, probed, words, (*path, key)) for key, each in candidate.items()}
    if isinstance(candidate, list):
        return [template(each, probed, words, (*path, number)) for number, each in enumerate(candidate)]
    if isinstance(candidate, Word):
        return str(candidate)
    return templates.literal(candidate)


# Words ----------------------------------------------------------------------------------------------------------------


def _words(probed: Probed, groups: Sequence[AnswerGroup], acting: AnswerGroup | None) -> Json:
    """The template of an answer in words, where words reach something and no test of their truth decides."""
    for each in probed.behaviours:
        places = [path for path in text_places(each.candidate) if each.takes(path)]
        open_to_it = any(trace.direct for trace in each.traces) or _may_act(each, groups, acting)
        if len(places) != 1 or probed.raises(each) or open_to_it:
            continue
        (path,) = places
        if any(at == path and constant in ("True", "False") for at, constant in probed.demands):
            continue
        if path and any(at[: len(path)] != path for at, _ in probed.demands):
            continue  # a field beside the one that decides: a reason, not an answer
        if _is_tested_out_of_sight(probed, each):
            continue
        made = template(each.candidate, probed, "$text") if path else "$text"
        if "$text" in canonical(made):
            return made
    return None


def _is_tested_out_of_sight(probed: Probed, words: Behaviour) -> bool:
    """Whether a call that is not followed may test the truth of the answer: then "no" may count as a yes.

    What raises for a truth value works on texts.
    """
    if not any(trace.open and trace.handed for trace in words.traces):
        return False
    return any(each.candidate is True and not probed.raises(each) for each in probed.behaviours)


def _may_act(each: Behaviour, groups: Sequence[AnswerGroup], acting: AnswerGroup | None) -> bool:
    """Whether words may do what is approved elsewhere, as far as it is known what that is."""
    if len(groups) <= 1 and (acting is None or _is_mere_question(groups, acting)):
        return False
    if acting is None:
        return not each.is_known or bool(each.sites)
    acts = not AnswerGroup((each,), acting.probed).avoids(acting)
    return acts or (not each.is_known and (not each.is_followed or bool(each.sites & acting.sites)))


def _empty_places(candidate: Any, path: Path = ()) -> Iterator[Path]:
    if candidate == {} and path:
        yield path
    elif isinstance(candidate, dict):
        for key, each in candidate.items():
            yield from _empty_places(each, (*path, key))


def _follows_words(probed: Probed) -> bool:
    """Whether it is known what any words do: a test of them that cannot be followed may be what decides."""
    heard = (each for each in probed.behaviours if any(each.takes(path) for path in text_places(each.candidate)))
    return any(each.is_known and not probed.raises(each) for each in heard)


def _is_mere_question(groups: Sequence[AnswerGroup], acting: AnswerGroup) -> bool:
    """Whether all there is to it is words: every answer goes the same way, and the words are passed on."""
    return (
        len(groups) == 1
        and not any(not list(text_places(e.candidate)) for e in acting.members if not e.takes(()))
        and any(each.takes(path) for each in acting.members for path in text_places(each.candidate))
    )


# Edit -----------------------------------------------------------------------------------------------------------------


def _edit(
    probed: Probed, acting: AnswerGroup, approving: Behaviour
) -> tuple[Json, tuple[Path, ...], tuple[Path, ...]] | None:
    """The template of an edit, the fields of the payload that it changes, and those of them that must not be empty."""
    best_found: tuple[int, Json, dict[Path, Path], Any] | None = None
    for base in _bases(probed, acting):
        fields: dict[Path, Path] = {}
        places = [*base.reads, *text_places(base.candidate), *_empty_places(base.candidate)]
        for path in dict.fromkeys(sorted(places[:_MOST_FIELDS], key=len)):
            if has(base.candidate, path) and got(base.candidate, path) not in (TEXT, {}):
                continue
            if any(path[: len(each)] == each for each in fields):
                continue  # it is within a field that is taken as a whole
            for place in _deepest(probed, base.candidate, path):
                target = _target(probed, base.candidate, place, approving)
                if target is not None:
                    fields[place] = target
        if not fields:
            continue
        shaped = base.candidate
        for path, target in fields.items():
            shaped = put(shaped, path, _pick(target))
        if any(template(TEXT, probed, "$text", path) == "$text" for path in text_places(shaped)):
            continue  # an edit has no words of its own
        if best_found is None or len(fields) > best_found[0]:
            best_found = (len(fields), template(shaped, probed, "$text"), fields, base.candidate)
    if best_found is None:
        return None
    _, made, fields, candidate = best_found
    filled = [target for path, target in fields.items() if not _takes_empty(probed, candidate, path, target)]
    return made, tuple(dict.fromkeys(fields.values())), tuple(dict.fromkeys(filled))


_EMPTY: Mapping[type, Json] = {str: "", bool: False, int: 0, float: 0.0, list: [], dict: {}}


def _takes_empty(probed: Probed, candidate: Any, path: Path, target: Path) -> bool:
    """Whether a new value that is empty or counts as false reaches the node, as does any other."""
    value = dict(leaves(probed.payload))[target]
    kind: Any = {Mapped: dict, Listed: list}.get(type(value), type(value.value) if isinstance(value, Known) else None)
    tried = [_EMPTY[kind]] if kind in _EMPTY else list(_EMPTY.values())
    blank = [" "] if "" in tried else []
    return all(probed.try_(put(candidate, path, each)).takes(path) for each in [*tried, *blank])


def _deepest(probed: Probed, candidate: Any, path: Path) -> list[Path]:
    """A field of the answer, or the fields within it that the code reads one by one."""
    tried = probed.try_(put(candidate, path, FREE))
    return [each for each in tried.reads if each[: len(path)] == path and len(each) > len(path)] or [path]


def _target(probed: Probed, candidate: Any, path: Path, approving: Behaviour) -> Path | None:
    """The field of the payload that a field of the answer changes, where the node then acts, or asks once more."""
    used = frozenset(a for a in approving.flows | approving.returned if probed.shows(a))
    plain = skeleton(approving, probed)
    whole = [each.fields for at, each in leaves(probed.payload) if at and isinstance(each, Mapped)]
    for new in (FREE, TEXT, *(dict.fromkeys(each, FREE) for each in whole)) if path else (TEXT,):
        tried = probed.try_(put(candidate, path, new))
        shown_again = tried.only_asks_again and not approving.only_asks_again
        goes_on = skeleton(tried, probed) == plain or shown_again or corrects(probed, tried, approving)
        goes_on = goes_on or _does_the_same(probed, tried, approving)
        if tried.traces and not probed.raises(tried) and goes_on:
            found = _replaced(probed, tried, path, used)
            if found is not None and _fits(probed, candidate, path, found, approving):
                return found
    return None


def _does_the_same(probed: Probed, one: Behaviour, other: Behaviour) -> bool:
    """Whether two branches make the same calls: one sends the draft, the other sends an edited draft."""
    first, second = AnswerGroup((one,), probed), AnswerGroup((other,), probed)
    same = bool(first.deeds) and (first.deeds, first.nodes) == (second.deeds, second.nodes)
    return same and one.is_known and one.ends == other.ends


def _fits(probed: Probed, candidate: Any, path: Path, target: Path, approving: Behaviour) -> bool:
    """Whether the node can read a field of the payload where it reads an edit: its kind, and the fields within it."""
    value = dict(leaves(probed.payload))[target]
    tried = probed.try_(put(candidate, path, _like(value)))
    if probed.raises(tried) or not tried.takes(path):
        return False
    size = len(path)
    within = {each[size] for trace in tried.traces for each in trace.reads if each[:size] == path and len(each) > size}
    if isinstance(value, Unknown):
        used = {("from", f"{value.origin}.{key}") for key in within}
        return used <= approving.flows | approving.returned
    return not within or (isinstance(value, Mapped) and within <= value.fields.keys())


def _like(value: Value) -> Any:
    """A candidate of the same kind as a value of the payload."""
    match value:
        case Known(value=str()):
            return TEXT
        case Known(value=bool() | int() | float()):
            return value.value
        case Mapped(rest=None):
            return {key: _like(each) for key, each in value.fields.items()}
        case Listed(before=None) if value.items:
            return [_like(each) for each in value.items]
    return FREE


def _bases(probed: Probed, acting: AnswerGroup) -> list[Behaviour]:
    """Candidates that act, ask again, say nothing, or lack a field; the plainest first."""
    known = [
        each
        for each in probed.behaviours
        if each in acting.members
        or each.only_asks_again
        or each.candidate is TEXT
        or each.candidate == {}
        or _does_the_same(probed, each, acting.members[0])
    ]

    def rank(each: Behaviour) -> tuple[int, ...]:
        told = mark(each.candidate)
        return (told.count("TEXT"), told.count("True"), len(told))

    return sorted(known, key=rank)[:_MOST_BASES]


def _pick(target: Path) -> Word:
    return Word("value", tuple(key if isinstance(key, int) else str(key) for key in target))


def _replaced(probed: Probed, tried: Behaviour, path: Path, used: frozenset[Atom]) -> Path | None:
    """The field of the payload in whose place, or into which, a field of the answer goes."""
    if tried.only_asks_again:
        again = next((trace.again for trace in tried.traces if trace.again is not None), None)
        found = list(leaves(again)) if again is not None else []
        places = [
            at for at, each in found if _is_it(each, path) or (_named(at, path) and ("answer", path) in _own(each))
        ]
        return max(places, key=len) if places else None
    with_it = [e.what for t in tried.traces for e in t.effects if ("answer", path) in _tops(e.what)]
    if not with_it and not any(t.effects for t in tried.traces):
        with_it = [frozenset(trace.returned) for trace in tried.traces if ("answer", path) in _tops(trace.returned)]
    if not with_it:
        return None
    named = [at for at, _ in leaves(probed.payload) if at and at[-1] == (path[-1] if path else None)]
    if len(named) == 1:
        return named[0]
    lost = used - tried.flows - tried.returned
    mixed = lost or frozenset(atom for what in with_it for atom in what if probed.shows(atom))
    return _smallest(probed, mixed) if mixed else None


def _is_it(value: Value, path: Path) -> bool:
    """Whether it is the very value of the answer: what is made of it may be anything."""
    return value.given and value.path == path


def _named(at: Path, path: Path) -> bool:
    return bool(at) and bool(path) and at[-1] == path[-1]


def _tops(atoms: frozenset[Atom] | set[Atom]) -> set[Atom]:
    """Each place of the answer, with those above it."""
    return {("answer", at[:size]) for kind, at in atoms if kind == "answer" for size in range(len(at) + 1)}


def _own(value: Any) -> set[Atom]:
    return _tops(atoms_of(value))


def _smallest(probed: Probed, atoms: frozenset[Atom]) -> Path | None:
    """The smallest part of the payload that has all of these."""
    asked = frozenset(atom for atom in atoms if atom in probed.shown)
    places = [at for at, each in leaves(probed.payload) if asked and _is_all(asked, each, probed)]
    places = [at for at in places if at or not isinstance(probed.payload, Mapped)]
    return max(places, key=len) if places else None


def _is_all(atoms: frozenset[Atom], value: Value, probed: Probed) -> bool:
    """Whether a part of the payload has these; a text has them alone, as a sentence is not what stands within it."""
    held = atoms_of(value)
    return atoms <= held and (isinstance(value, Mapped | Listed) or held & probed.shown <= atoms)


# Reject ---------------------------------------------------------------------------------------------------------------


def _refusal(
    probed: Probed, acting: AnswerGroup | None, refusing: Sequence[AnswerGroup]
) -> tuple[Json, Behaviour] | None:
    """The template of a rejection, and what it does; None where the run is stopped instead."""
    found: list[tuple[tuple[object, ...], Json, Behaviour]] = []
    known = {path for each in acting.members for path in each.reads} if acting is not None else set()
    for group in refusing:
        for each in group.members:
            reasoned, reasons = _with_reason(probed, each, known)
            signs = set(signs_of(each.candidate, probed))
            spare = len(list(text_places(each.candidate))) - reasons
            rank = (
                not reasons,
                True in signs,
                False not in signs,
                spare,
                "True" in mark(each.candidate),
                len(each.sites),
                _size(each.candidate),
            )
            found.append((rank, reasoned, each))
    if not found:
        return None
    _, made, behaviour = min(found, key=lambda each: each[0])
    return made, behaviour


def _is_reason(path: Path) -> bool:
    return any(word in str(path[-1]).lower() for word in _REASONS)


def _goes_the_same_way(tried: Behaviour, each: Behaviour, path: Path, probed: Probed) -> bool:
    """Whether a field changes nothing of what is done; a reason may take the place of the text for none."""
    if skeleton(tried, probed) == skeleton(each, probed):
        return True
    same = (tried.sites, tried.nodes, tried.ends) == (each.sites, each.nodes, each.ends)
    told, before = texts_of(tried, probed), texts_of(each, probed)
    return same and _is_reason(path) and all(any(text in whole for whole in before) for text in told)


def _with_reason(probed: Probed, each: Behaviour, known: set[Path]) -> tuple[Json, int]:
    """A candidate of a refusing group with `$reason` where the node passes words on; and in how many places."""
    made = each.candidate
    free = [path for path in text_places(made) if template(TEXT, probed, "$reason", path) == "$reason"]
    places = sum(each.takes(path) for path in free)
    taking = []
    for path in [path for path in each.reads if not has(made, path)][:_MOST_FIELDS]:
        tried = probed.try_(put(made, path, TEXT))
        if not probed.raises(tried) and _goes_the_same_way(tried, each, path, probed) and tried.takes(path):
            taking.append(path)
    only_here = [path for path in taking if path not in known]
    named = [path for path in only_here or taking if _is_reason(path)]
    chosen = (named or only_here or taking)[:2] if not places else []
    for path in chosen:
        made = put(made, path, TEXT)
    return template(made, probed, "$reason"), places + len(chosen)
