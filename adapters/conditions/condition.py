"""A condition: checked when app.yaml is read, evaluated when an agent acts."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from adapters.conditions import arguments, cel, clock, effort, literals
from adapters.extras import install_command
from engine.asks.ask import Json
from engine.rules.conditions import Circumstances, Condition, Finding, Mistake, Name, Verdict

LONGEST: Final = 2_000
"""Characters of a condition: longer logic belongs in the tool."""

_UNDECLARED = re.compile(r"undeclared reference to '(.*)' \(in container ''\)")
_OVERLOAD = re.compile(r"found no matching overload for '_?(.*?)_?' applied to '\((.*)\)'")
_IN_CEL = "Write && for and, || for or, ! for not, == for equal, and texts in quotes: args.env == 'production'."
_SPLIT = "Split it into several rules."


class CelConditions:
    """The port `Conditions`."""

    def compiled(self, text: str, zone: str) -> Condition | Sequence[Mistake]:
        """Compile a condition, or give all its mistakes."""
        try:
            condition = _condition(text, zone)
            return literals.mistakes(text) or condition
        except cel.NotInstalledError:
            fix = f"Run: {install_command('rules')}, or remove if."
            return (Mistake(1, 1, "conditions need a package that is not installed", fix),)
        except cel.RefusedError as error:
            return tuple(_mistake(text, each) for each in error.refusals)
        except _MistakeError as error:
            return (error.mistake,)


class _MistakeError(Exception):
    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.mistake = Mistake(1, 1, what, fix)


def _condition(text: str, zone: str) -> "CelCondition":
    if len(text) > LONGEST:
        raise _MistakeError(f"this condition has more than {LONGEST} characters", _SPLIT)
    if not cel.compiled(text).is_truth:
        raise _MistakeError("this is not always true or false", "Compare it with a value: args.force == true.")
    if not clock.is_known(zone):
        raise _MistakeError(f"this machine knows no time zone {zone}", "Write one such as Europe/Berlin.")
    names = frozenset(each for each in Name if not _compiles_without(each, text))
    return CelCondition(text, zone, names, clock.in_zone(text, zone))


def _compiles_without(name: Name, text: str) -> bool:
    try:
        cel.compiled(text, [each for each in Name if each is not name])
    except cel.RefusedError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class CelCondition:
    """The port `Condition`."""

    text: str
    zone: str
    names: frozenset[Name]
    _program: cel.Program

    @property
    def groups(self) -> frozenset[str]:
        """The handles that it looks for among the requester's groups."""
        return literals.handles(self.text)

    def mistakes(self, tool: str, schema: Mapping[str, Json]) -> Sequence[Mistake]:
        """Find the mistakes for this tool; none where its schema allows undeclared arguments."""
        declared = _declared(schema)
        if Name.ARGS not in self.names or declared is None:
            return ()
        try:
            cel.compiled(self.text, arguments=declared)
        except cel.RefusedError as error:
            return tuple(_mistake(self.text, each, tool, declared) for each in error.refusals)
        return ()

    def judge(self, args: Json, schema: Mapping[str, Json] | None, asked: Circumstances) -> Finding:
        """Evaluate it."""
        known = _known(asked)
        if Name.ARGS in self.names and isinstance(args, dict):
            if why := self._too_long(args, schema) or arguments.problem_of(args, schema):
                return _unknown(why)
            known[Name.ARGS] = args
        try:
            holds = self._program.evaluate(known)
        except cel.UnevaluatedError as error:
            return _unknown(str(error))
        return Finding(Verdict.HOLDS if holds else Verdict.FAILS)

    def _too_long(self, args: Json, schema: Mapping[str, Json] | None) -> str:
        size = effort.size_of(args, effort.MOST_VALUES if schema is None else effort.MOST_TYPED)
        if size is None:
            return "the arguments are too large to check"
        if effort.is_too_much(size, effort.loops_in(self.text), self.text.count(",")):
            return "the arguments are too large for its loops"
        return ""


def _unknown(why: str) -> Finding:
    return Finding(Verdict.UNKNOWN, f"The rule's condition could not be checked: {why}.")


def _known(asked: Circumstances) -> dict[str, cel.Known]:
    """Give the values by name. A value that could not be looked up is missing, and using it is an error."""
    found: dict[str, cel.Known] = {
        Name.REQUESTER: asked.requester,
        Name.AGENT: asked.agent,
        Name.CHANNEL: asked.channel,
        Name.NOW: asked.now,
    }
    if asked.requester_groups is not None:
        found[Name.REQUESTER_GROUPS] = [*sorted(asked.requester_groups)]
    if asked.requester_is_guest is not None:
        found[Name.REQUESTER_IS_GUEST] = asked.requester_is_guest
    return found


# Mistakes -------------------------------------------------------------------------------------------------------------


def _declared(schema: Mapping[str, Json]) -> Mapping[str, str] | None:
    """Give the arguments of a tool with their types; None if it also takes others.

    Only texts are declared: a number may be whole or not, and of several types the comparison decides.
    """
    properties = schema.get("properties", {})
    if schema.get("additionalProperties", False) is not False or not isinstance(properties, dict):
        return None
    return {
        name: cel.TEXT if isinstance(each, dict) and each.get("type") == "string" else cel.ANY
        for name, each in properties.items()
    }


def _mistake(text: str, refusal: cel.CelRefusal, tool: str = "", declared: Mapping[str, str] | None = None) -> Mistake:
    """Say a refusal in our words; where we have none, in the library's."""
    for_tool = f" for {tool}" if tool else ""
    if found := _UNDECLARED.fullmatch(refusal.message):
        return _of_name(found[1], _at_its_start(text, refusal, found[1]), tool, declared)
    if found := _OVERLOAD.fullmatch(refusal.message):
        what = f"{found[1]} takes no values of these types{for_tool}: {found[2]}"
        return Mistake(refusal.line, refusal.column, what, "Compare values of the same type.")
    if refusal.message.startswith("Syntax error: "):
        said = refusal.message.removeprefix("Syntax error: ").partition(" expecting ")[0]
        return Mistake(refusal.line, refusal.column, f"this is not CEL ({said})", _IN_CEL)
    if "recursion" in refusal.message:
        return Mistake(refusal.line, refusal.column, "this condition is nested too deeply", _SPLIT)
    return Mistake(refusal.line, refusal.column, f"CEL refuses this{for_tool}: {refusal.message}", _IN_CEL)


def _of_name(name: str, refusal: cel.CelRefusal, tool: str, declared: Mapping[str, str] | None) -> Mistake:
    line, column = refusal.line, refusal.column
    if declared is not None and name == Name.ARGS:
        return Mistake(line, column, f"{tool} has a schema, so each argument is named", "Write args.NAME.")
    if declared is not None and name.startswith(f"{Name.ARGS}."):
        what = f'{tool} has no argument "{name.removeprefix(f"{Name.ARGS}.")}"'
        return Mistake(line, column, what, _suggestion(name, (f"{Name.ARGS}.{each}" for each in declared)))
    return Mistake(line, column, f'there is no name "{name}" here', _suggestion(name, Name))


def _suggestion(name: str, known: Iterator[str] | type[Name]) -> str:
    names = [str(each) for each in known]
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"Did you mean {near[0]}?"
    return f"Known are: {', '.join(names)}." if names else "It has no arguments."


def _at_its_start(text: str, refusal: cel.CelRefusal, name: str) -> cel.CelRefusal:
    """Move the column of a dotted name to its start: the library reports its last dot."""
    line = text.split("\n")[refusal.line - 1 : refusal.line]
    start = refusal.column - 1 - name.rfind(".")
    if "." in name and line and line[0][start : start + len(name)] == name:
        return replace(refusal, column=start + 1)
    return refusal
