"""Talks with many agents through the real bot: one round for each choice, and what each graph did because of it.

All agents of a collection live in one channel of one workspace. In a round alice asks each of them, and then one choice
is made on each card, by the buttons, forms and threads that people use. What a graph really does it writes to the file
that `CONV_FX` names, so a round has a file of its own.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fakes.people import Message
from stories.world import World

from engine.asks.ask import Kind

CHANNEL = "#deploys"
REASON = "the auditors come on Friday"


@dataclass(slots=True)
class Talk:
    """What one agent asked in a round, what was done about it, and what came of it."""

    agent: str
    thread: str
    card: Message | None = None
    kind: Kind | None = None
    acted: bool = False
    refused: str = ""
    """Why a form was not taken."""
    effects: list[dict[str, Any]] = field(default_factory=list)
    after: list[Message] = field(default_factory=list)
    """All that the bot said in the thread."""

    @property
    def buttons(self) -> list[str]:
        """What the card offers."""
        return self.card.buttons if self.card else []

    def label(self, word: str) -> str:
        """The button of a node's own word; one that is called as a button of ours is in quotation marks."""
        return next((each for each in self.buttons if each in (word, f"“{word}”")), "")

    @property
    def is_question(self) -> bool:
        """Whether the requester is asked, and nobody has to approve."""
        return self.kind in (Kind.QUESTION, Kind.FORM)

    @property
    def failed(self) -> bool:
        """Whether the run failed."""
        return any("Retry" in each.buttons for each in self.after)

    @property
    def outcome(self) -> str:
        """What the card says in the end."""
        return next((each.text for each in self.after if self.card and each.ts == self.card.ts), "")

    def did(self, what: str) -> list[dict[str, Any]]:
        """The effects of a kind: "done", "not done", "text"."""
        return [each for each in self.effects if each["what"] == what]


@dataclass(slots=True)
class Rounds:
    """Talks with the agents of one world."""

    world: World
    agents: tuple[str, ...]
    patch: pytest.MonkeyPatch
    _count: int = 0

    async def begin(self, agents: Iterable[str] | None = None) -> list[Talk]:
        """Alice asks each agent; returns when each stands at its question."""
        self._count += 1
        self.patch.setenv("CONV_FX", str(self._file))
        talks = []
        for name in self.agents if agents is None else agents:
            said = await self.world.alice.say(CHANNEL, f"@signoff {name} please")
            talks.append(Talk(name, said.ts))
        await self.world.at_rest()
        threads = await self._threads()
        for talk in talks:
            talk.card = next((each for each in threads.get(talk.thread, ()) if each.buttons), None)
            talk.kind = (await self.world.approval(talk.card)).ask.kind if talk.card else None
        return talks

    async def finish(self, talks: list[Talk]) -> list[Talk]:
        """Wait until everything is done, and write down what it was."""
        await self.world.at_rest()
        threads, effects = await self._threads(), self._effects()
        for talk in talks:
            talk.after = threads.get(talk.thread, [])
            talk.effects = [each for each in effects if each["graph"] == talk.agent]
        return talks

    @property
    def _file(self) -> Path:
        return self.world.folder / f"effects-{self._count}.jsonl"

    def _effects(self) -> list[dict[str, Any]]:
        lines = self._file.read_text(encoding="utf-8").splitlines() if self._file.exists() else []
        return [json.loads(each) for each in lines]

    async def _threads(self) -> Mapping[str, list[Message]]:
        found: dict[str, list[Message]] = {}
        for each in await self.world.bob.messages(CHANNEL):
            if each.from_bot and not each.ephemeral:
                found.setdefault(each.thread_ts, []).append(each)
        return found

    # One round for each choice ----------------------------------------------------------------------------------------

    async def approve(self) -> list[Talk]:
        """Bob approves, and approves what is asked then."""
        talks = await self.begin()
        for talk in talks:
            if talk.card and "Approve" in talk.buttons:
                talk.acted = (await talk.card.click("Approve")).acked
        return await self._approve_again(await self.finish(talks))

    async def _approve_again(self, talks: list[Talk]) -> list[Talk]:
        again = [each for talk in talks if talk.acted for each in talk.after if "Approve" in each.buttons]
        for each in again:
            await each.click("Approve")
        return await self.finish(talks) if again else talks

    async def reject(self) -> list[Talk]:
        """Bob rejects, with a reason."""
        talks = await self.begin()
        for talk in talks:
            if talk.card and "Reject" in talk.buttons:
                await self._fill(talk, "Reject", {"Reason": REASON})
        return await self.finish(talks)

    async def edit(self, changes: Mapping[str, Mapping[str, Any]]) -> list[Talk]:
        """Bob changes a field; where the graph shows the change once more, he approves that."""
        talks = await self.begin(changes)
        for talk in talks:
            if talk.card and "Edit" in talk.buttons:
                await self._fill(talk, "Edit", changes[talk.agent])
        return await self._approve_again(await self.finish(talks))

    async def choose(self, choices: Mapping[str, tuple[str, str]]) -> list[Talk]:
        """Bob takes a further choice of the node's own: its word, and what he writes where that is asked for."""
        talks = await self.begin(choices)
        for talk in talks:
            word, words = choices[talk.agent]
            label = talk.label(word)
            if not talk.card or not label:
                continue
            if words:
                form = await talk.card.open_form(label)
                talk.acted = not (await form.submit({form.fields[0]: words})).errors
            else:
                talk.acted = (await talk.card.click(label)).acked
        return await self.finish(talks)

    async def answer(self, words: str, agents: Iterable[str]) -> list[Talk]:
        """Somebody who may answers in words, by the form."""
        talks = await self.begin(agents)
        for talk in talks:
            if talk.card and "Answer" in talk.buttons:
                await self._fill(talk, "Answer", {"Answer": words})
        return await self.finish(talks)

    async def reply(self, words: str) -> list[Talk]:
        """Alice and bob write in the thread."""
        talks = await self.begin()
        for talk in talks:
            await self.world.alice.say(CHANNEL, words, thread=talk.thread)
            await self.world.bob.say(CHANNEL, words, thread=talk.thread)
            talk.acted = True
        return await self.finish(talks)

    async def _fill(self, talk: Talk, button: str, values: Mapping[str, Any]) -> None:
        assert talk.card is not None
        by = self.world.alice if talk.is_question else self.world.bob
        form = await talk.card.open_form(button, by=by)
        known = {name: _label(name, form.fields) for name in values}
        if missing := [name for name, label in known.items() if label is None]:
            talk.refused = f"{missing} not in {form.fields}"
            await form.close()
            return
        errors = (await form.submit({str(known[name]): value for name, value in values.items()})).errors
        talk.acted, talk.refused = not errors, "; ".join(errors.values())
        if errors:
            await form.close()


def _label(name: str, fields: list[str]) -> str | None:
    """The input of a field, also where it stands within another; the only input where there is just one."""
    named = [each for each in fields if re.split(r"[.\s]", each.lower())[-1] == name.lower()]
    return named[0] if len(named) == 1 else fields[0] if len(fields) == 1 else None
