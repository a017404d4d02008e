"""What a round says of one graph: whether the choice did what it must do.

`OK` and `NOT_OFFERED` are honest. Everything else is a fault: something was done although it was refused, a node raised
because of what it was sent, a card says what is not so, an edit or a reason was lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conventions.talks import REASON, Rounds, Talk

Meta = Mapping[str, Any]
OK = "as meant"
NOT_OFFERED = "not offered"
STOPPED = "run stopped"
REFUSALS = ("no, do not", "no")
AGREEMENTS = ("yes", "approve")
WORDS = "Lisbon, please"


def approval(talk: Talk, meta: Meta) -> str:
    """Approve makes the node act on what was shown, and nothing else is approved."""
    if talk.failed:
        return "raised"
    done = talk.did("done")
    if meta["approve"] != "done":
        return "offered, though nobody can know what it does" if "Approve" in talk.buttons else OK
    if "Approve" not in talk.buttons:
        return "done unasked" if done else NOT_OFFERED
    if not done:
        return f"did nothing: {talk.effects or talk.outcome}"
    if "value" in meta and done[0]["value"] != meta["value"]:
        return f"acted on {done[0]['value']}"
    return OK if "Approved by" in talk.outcome else f"the card says {talk.outcome}"


def rejection(talk: Talk, meta: Meta) -> str:
    """Reject never acts: the node refuses, or the run is stopped and the person is told so."""
    if talk.did("done"):
        return "DONE ALTHOUGH REFUSED"
    if talk.failed:
        return "raised"
    if "Reject" not in talk.buttons:
        return OK if talk.is_question else NOT_OFFERED
    if "Rejected by" not in talk.outcome:
        return f"the card says {talk.outcome}"
    if meta["reject"] == "stop" and talk.effects:
        return f"the node heard {talk.effects}"
    if talk.did("not done"):
        return OK
    if any("was stopped" in each.text and REASON in each.text for each in talk.after):
        return STOPPED
    told = [each for each in talk.after if talk.card and each.ts != talk.card.ts]
    return OK if told else "nobody was told"


def reason(talk: Talk, meta: Meta) -> str:
    """The reason of a rejection reaches a node that reads one."""
    if not meta.get("reason"):
        return ""
    refused = talk.did("not done")
    if not refused:
        return STOPPED
    return OK if any(REASON in str(each["said"]) for each in refused) else f"lost: {refused}"


def edit(talk: Talk, meta: Meta) -> str:
    """An edit makes the node act on the new value, and the card says so only then."""
    if talk.failed:
        return "raised"
    if "Edit" not in talk.buttons or talk.refused:
        return f"{NOT_OFFERED}: {talk.refused}" if talk.refused else NOT_OFFERED
    ((name, new),) = meta["edit"].items()
    done = [each["value"] for each in talk.did("done")]
    values = [each.get(name) if isinstance(each, dict) else each for each in done]
    return OK if values == [new] else f"acted on {done}"


def further(talk: Talk, meta: Meta) -> str:
    """A choice of the node's own does what the node does for it: it is neither an approval nor a refusal."""
    word, _, told = meta["further"]
    if talk.failed:
        return "raised"
    if not talk.label(word):
        return f"{NOT_OFFERED}, only {talk.buttons}"
    if talk.did("done"):
        return f"acted on {talk.did('done')}"
    if "Chosen by <@U0BOB>" not in talk.outcome or f"*{word}*" not in talk.outcome:
        return f"the card says {talk.outcome}"
    said = [each.text for each in talk.after if talk.card and each.ts != talk.card.ts]
    return OK if any(told in each for each in said) else f"the thread says {said}"


def answer(talk: Talk, meta: Meta) -> str:
    """Words reach a node that takes words, unchanged."""
    if not meta["answer"]:
        return ""
    return OK if any(WORDS in str(each["value"]) for each in talk.did("text")) else f"lost: {talk.effects}"


def words(talk: Talk, said: str) -> str:
    """Words never do what was not approved: not by the form, and not in the thread."""
    unknown = "Answer" in talk.buttons and "Approve" not in talk.buttons and not talk.is_question
    if talk.failed and talk.acted and not unknown:
        return f"{said!r} raised"
    if talk.did("done") and (said in REFUSALS or not unknown):
        return f"DONE BECAUSE OF {said!r}"
    return OK


@dataclass(slots=True)
class Row:
    """All verdicts on one graph."""

    graph: str
    verdicts: dict[str, str] = field(default_factory=dict)

    def add(self, choice: str, verdict: str) -> None:
        """Note a verdict; a fault stays."""
        if verdict and self.verdicts.get(choice, OK) == OK:
            self.verdicts[choice] = verdict

    def amiss(self) -> dict[tuple[str, str], str]:
        """What is not as meant, by graph and choice."""
        found = {(self.graph, choice): said for choice, said in self.verdicts.items() if said != OK}
        if found.get((self.graph, "reject")) == STOPPED:
            del found[self.graph, "reject"]  # that refuses, too
        return found


async def table(rounds: Rounds, metas: Mapping[str, Meta]) -> Sequence[Row]:
    """Go through all rounds."""
    rows = {name: Row(name) for name in metas}
    approved = await rounds.approve()
    for talk in approved:
        rows[talk.agent].add("approve", approval(talk, metas[talk.agent]))
    for talk in await rounds.reject():
        rows[talk.agent].add("reject", rejection(talk, metas[talk.agent]))
        rows[talk.agent].add("reason", reason(talk, metas[talk.agent]))
    for talk in await rounds.edit({name: meta["edit"] for name, meta in metas.items() if meta["edit"]}):
        rows[talk.agent].add("edit", edit(talk, metas[talk.agent]))
    choices = {name: meta["further"][:2] for name, meta in metas.items() if "further" in meta}
    for talk in await rounds.choose(choices):
        rows[talk.agent].add("further", further(talk, metas[talk.agent]))
    await _in_words(rounds, metas, rows, [talk.agent for talk in approved if "Answer" in talk.buttons])
    return list(rows.values())


async def _in_words(rounds: Rounds, metas: Mapping[str, Meta], rows: Mapping[str, Row], takers: Sequence[str]) -> None:
    """Words in the form, where it is offered, and in the thread."""
    for name in metas.keys() - set(takers):
        rows[name].add("answer", NOT_OFFERED if metas[name]["answer"] else "")
    for talk in await rounds.answer(WORDS, takers):
        rows[talk.agent].add("answer", answer(talk, metas[talk.agent]))
        rows[talk.agent].add("words", words(talk, WORDS))
    for said in (*REFUSALS, *AGREEMENTS):
        for talk in await rounds.answer(said, takers):
            rows[talk.agent].add("words", words(talk, said))
    for said in (REFUSALS[0], AGREEMENTS[0]):
        for talk in await rounds.reply(said):
            rows[talk.agent].add("words", words(talk, said))
