"""Runs a made-up project through the real adapter, choice by choice, and says what is wrong with what it saw."""

import copy
import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from support.graph_talk import AGENT, Talk, error_of, talking
from support.made_nodes import NEW, WHY, Made

from engine.asks.ask import Action, Choice, Decision, Json
from engine.ids import ThreadId
from engine.ports import Asked, Resumed, RunResult, Stale

_numbers = count()
WORDS = ("no", "no, do not", "nein", "stop", "do it tomorrow", "false", "cancel", "0", "いいえ")


@dataclass
class Seen:
    """What one project was offered, and what was wrong."""

    made: Made
    choices: tuple[Choice, ...] = ()
    stops: bool = False
    faults: list[str] = field(default_factory=list)


@contextmanager
def project(made: Made, folder: Path) -> Iterator[ModuleType]:
    """The project as an imported package."""
    name = f"made_{next(_numbers)}"
    home = folder / name
    home.mkdir()
    for file, text in made.files.items():
        (home / file).write_text(text, encoding="utf-8")
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield importlib.import_module(f"{name}.agent")
    finally:
        sys.path.remove(str(folder))
        for each in [each for each in sys.modules if each.split(".")[0] == name]:
            del sys.modules[each]


class Trial:
    """One project, asked again for each choice."""

    def __init__(self, made: Made, agent: ModuleType) -> None:
        self.made = made
        self.agent = agent
        self.world: Any = sys.modules[f"{agent.__package__}.world"]
        self.seen = Seen(made)
        self._threads = count()

    async def run(self) -> Seen:
        """Try everything."""
        await self._check_oracle()
        async with talking(self.agent.graph, input=self.made.input, reply="@") as talk:
            asked = await self._ask(talk)
            (action,) = asked.ask.actions
            self.seen.choices, self.seen.stops = action.choices, action.reject_stops
            for choice in action.choices:
                match choice:
                    case Choice.APPROVE:
                        await self._approve(talk)
                    case Choice.REJECT:
                        await self._reject(talk)
                    case Choice.EDIT:
                        await self._edit(talk)
                    case Choice.ANSWER:
                        await self._answer(talk)
                    case Choice.OPTION:
                        for each in action.options:
                            await self._option(talk, each.word)
            if Choice.REJECT not in action.choices and not asked.ask.is_question:
                self._fault("no Reject on a decision")
        return self.seen

    def _fault(self, text: str) -> None:
        self.seen.faults.append(text)

    def _clear(self) -> None:
        for each in (self.world.DONE, self.world.SAID, self.world.ROWS, self.world.OTHER):
            each.clear()

    # The generator itself ---------------------------------------------------------------------------------------------

    async def _check_oracle(self) -> None:
        """The node does what the generator believes it does."""
        made = self.made
        assert await self._direct(made.act) == [made.shown], "it does not act"
        assert await self._direct(made.refuse) == [], "it does not refuse"
        if made.edit is not None:
            (done,) = await self._direct(made.edit, *([made.act] if made.is_shown_again else []))
            assert done == self._edited(), done
        if made.reason is not None:
            await self._direct(made.reason)
            assert self.world.SAID == [WHY], "the reason is not read"

    def _edited(self) -> Any:
        return (
            {**self.made.shown, "title": NEW}
            if "edit:merged" in self.made.traits and isinstance(self.made.shown, dict)
            else NEW
        )

    async def _direct(self, *answers: Any) -> list[Any]:
        graph = self.agent.graph
        saver = InMemorySaver()
        if hasattr(graph, "compile"):
            graph = graph.compile(checkpointer=saver)
        else:
            graph = copy.copy(graph)
            graph.checkpointer = saver
        self._clear()
        config = {"configurable": {"thread_id": "1"}}
        await graph.ainvoke(self.made.input, config)
        assert self.world.DONE == [], "it acts before it asks"
        for each in answers:
            await graph.ainvoke(Command(resume=each), config)
        return copy.deepcopy(self.world.DONE)

    # Choice by choice -------------------------------------------------------------------------------------------------

    async def _ask(self, talk: Talk) -> Asked:
        talk.thread = ThreadId(f"T:C:{next(self._threads)}")
        self._clear()
        result = await talk.say()
        (asked,) = result.asked
        return asked

    async def _decide(self, talk: Talk, asked: Asked, decision: Decision) -> RunResult | None:
        """What follows a decision; None where it is refused as it is made."""
        if talk.graphs.problems(AGENT, asked.ask, 0, decision):
            return None
        outcome = await talk.deliver(asked, decision)
        if decision.choice is Choice.REJECT and self.seen.stops:
            assert isinstance(outcome, Stale), outcome  # it is never sent: the run ends instead
            return None
        assert isinstance(outcome, Resumed), outcome
        if error := error_of(outcome.result):
            self._fault(f"{decision.choice} raises: {error.splitlines()[0][:90]}")
        return outcome.result

    async def _approve(self, talk: Talk) -> None:
        asked = await self._ask(talk)
        await self._decide(talk, asked, Decision(Choice.APPROVE))
        if [self.made.shown] != self.world.DONE:
            self._fault(f"Approve did {self.world.DONE!r}")
        self._nothing_else("Approve")

    def _nothing_else(self, choice: str) -> None:
        """A third way on is taken by its own word alone."""
        if self.world.OTHER:
            self._fault(f"{choice} did {self.world.OTHER!r} besides")

    async def _option(self, talk: Talk, option: str) -> None:
        asked = await self._ask(talk)
        await self._decide(talk, asked, Decision(Choice.OPTION, option=option, text="more of it"))
        if self.made.extra and option == self.made.extra and not self.world.OTHER:
            self._fault(f"the option {option} did nothing of its own")
        if self.world.DONE and option not in (self.made.edit_word, self.made.act_word):
            self._fault(f"UNSOUND: the option {option} did {self.world.DONE!r}")

    async def _reject(self, talk: Talk) -> None:
        for reason in ("", WHY, *self.made.words) if not self.seen.stops else ("",):
            asked = await self._ask(talk)
            after = await self._decide(talk, asked, Decision(Choice.REJECT, text=reason))
            if self.world.DONE:
                self._fault(f"UNSOUND: Reject with {reason!r} did {self.world.DONE!r}")
            self._nothing_else("Reject")
            if after is not None and after.asked and not error_of(after):
                self._fault("Reject is asked again")
            if reason == WHY and self.made.reads_reason and not self.seen.stops and self.world.SAID != [WHY]:
                self._fault(f"the reason does not arrive: {self.world.SAID!r}")

    async def _edit(self, talk: Talk) -> None:
        asked = await self._ask(talk)
        (action,) = asked.ask.actions
        takes = list(_inputs(action))
        if not takes:
            self._fault("Edit has no field")
        for path in takes:
            before = _at(action.value, path)
            new: Any = before + 1 if type(before) is int else [NEW] if isinstance(before, list) else NEW
            for each in (new, type(before)()):  # what counts as false is a value too
                await self._edit_to(talk, path, each)

    async def _edit_to(self, talk: Talk, path: tuple[Any, ...], new: Any) -> None:
        asked = await self._ask(talk)
        (action,) = asked.ask.actions
        after = await self._decide(talk, asked, Decision(Choice.EDIT, _with(action.value, path, new)))
        if after is None:
            return
        if self.made.is_shown_again and not self.world.DONE and after.asked:
            await self._decide(talk, after.asked[0], Decision(Choice.APPROVE))
        inner = self._inner(path, action)
        if inner is None:
            self._fault(f"Edit of {path} that the node does not take: did {self.world.DONE!r}")
        elif [_with(self.made.shown, inner, new)] != self.world.DONE:
            self._fault(f"Edit to {new!r} did {self.world.DONE!r}")

    def _inner(self, path: tuple[Any, ...], action: Action) -> tuple[Any, ...] | None:
        """Where in what is acted on the changed field stands."""
        at = self.made.at
        for size in range(len(at) + 1):
            rest = at[size:]
            if path[: len(rest)] == rest and _at(action.value, rest) == self.made.shown:
                return path[len(rest) :]
        return None

    async def _answer(self, talk: Talk) -> None:
        asked = await self._ask(talk)
        for words in (*WORDS, *self.made.words):
            if _is_raw(asked):
                problems = talk.graphs.problems(AGENT, asked.ask, 0, Decision(Choice.ANSWER, text=words))
                if not problems and not _is_json(words):
                    self._fault("UNSOUND: words are sent where nothing is known")
                continue
            if words == self.made.act_word and Choice.APPROVE not in self.seen.choices and not asked.ask.is_question:
                continue  # an approver who writes the node's very own word does so on purpose
            if await self._decide(talk, asked, Decision(Choice.ANSWER, text=words)) is None:
                continue  # refused as it is written: nothing was sent
            if self.made.says_words and [words] != self.world.SAID:
                self._fault(f"the words {words!r} do not arrive: {self.world.SAID!r}")
            if self.world.DONE:
                self._fault(f"UNSOUND: the words {words!r} did {self.world.DONE!r}")
            asked = await self._ask(talk)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _is_raw(asked: Asked) -> bool:
    """Whether an answer is sent as it is written, as JSON: nobody knows then what the node makes of it."""
    encoding = asked.ask.encoding
    return isinstance(encoding, dict) and encoding.get("answer") == {"resume": "$json"}


def _inputs(action: Action) -> Iterator[tuple[Any, ...]]:
    """The fields that a form would let a person change."""
    yield from _leaves(action.value, action.schema or {}, ())


def _leaves(value: Json, schema: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if isinstance(schema, dict) and schema.get("readOnly"):
        return
    if isinstance(value, dict):
        properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
        for key, each in value.items():
            yield from _leaves(each, properties.get(key, {}), (*path, key))
    elif isinstance(value, str | int | list) and not isinstance(value, bool):
        yield path


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return value


def _with(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    inner = value if isinstance(value, dict) else {}
    return {**inner, path[0]: _with(inner.get(path[0]), path[1:], new)}
