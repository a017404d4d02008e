"""One approval, the people around it, and what is known of them: the desk of engine tests, without stores."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from contracts.samples import ALICE, NOW, an_approval

from engine.approvals.approval import Approval, State
from engine.approvals.events import Chose, Event, ExpiryDue, LadderDue, Ruling
from engine.asks.ask import Choice, Json
from engine.authority.eligibility import AccountType, Facts
from engine.authority.parts import Part
from engine.authority.policy import Deadlines, Policy, Rung
from engine.ids import UserId
from engine.machine import Step, step
from engine.sources import Ground, Origin, Source, SourceFailure

MEMBER = Facts(AccountType.MEMBER)


def group(handle: str) -> Source:
    """A Slack group as a source."""
    return Source(Origin.GROUP, f"S{handle.upper()}", handle)


def on_call(schedule: str) -> Source:
    """Who is on call, as a source."""
    return Source(Origin.ON_CALL, schedule)


DEV, OPS, MANAGERS, PAY = group("dev"), group("ops"), group("managers"), on_call("pay")


def part(*sources: Source, quorum: int = 1, outsiders: bool = False) -> Part:
    """A part of a policy."""
    return Part(sources, quorum, _named(sources) if outsiders else frozenset())


def all_of(*parts: Part, **more: Any) -> Policy:
    """A policy of one stage."""
    return Policy("approvals[0]", (parts,), **more)


def stages(*parts: Part, **more: Any) -> Policy:
    """A policy of stages with one part each."""
    return Policy("approvals[0]", tuple((each,) for each in parts), **more)


def rung(minutes: float, *sources: Source, outsiders: bool = False) -> Rung:
    """A step of a ladder."""
    return Rung(timedelta(minutes=minutes), sources, _named(sources) if outsiders else frozenset())


def _named(sources: Iterable[Source]) -> frozenset[UserId]:
    return frozenset(UserId(each.name) for each in sources if each.origin is Origin.USER)


@dataclass(slots=True)
class Panel:
    """`belongs` says who belongs to which source now, `down` which sources cannot be read."""

    approval: Approval
    belongs: dict[Source, set[UserId]] = field(default_factory=dict)
    down: set[Source] = field(default_factory=set)
    standings: dict[UserId, AccountType] = field(default_factory=dict)
    now: datetime = NOW
    current: Policy | None = None
    """The policy that the rules of today have, where they changed."""

    def facts(self, user: UserId) -> Facts:
        """What can be known of a person now."""
        standing = self.standings.get(user, AccountType.MEMBER)
        known = {source: people for source, people in self.belongs.items() if source not in self.down}
        grounds = tuple(
            Ground(source, self.now, tier=1 if source.origin is Origin.ON_CALL else None)
            for source, people in known.items()
            if user in people and source.origin is not Origin.CHANNEL
        )
        inside = None
        for source, people in known.items():
            if source.origin is Origin.CHANNEL:
                inside = user in people
        failed = tuple(SourceFailure(source, "it does not answer") for source in self.down)
        return Facts(standing, inside, grounds, failed, looked_up=self.now)

    def click(
        self,
        by: UserId,
        choice: Choice = Choice.APPROVE,
        value: Json = None,
        *,
        action: int = 0,
        revision: int | None = None,
        **ruling: Any,
    ) -> Step:
        """Somebody clicks: what is known of them and of the earlier voters is looked up now."""
        review = self.approval.reviews[action]
        voters = tuple((vote.by, self.facts(vote.by)) for vote in review.votes if vote.by != by)
        event = Chose(
            by,
            self.facts(by),
            action,
            review.revision if revision is None else revision,
            choice,
            value=value,
            ruling=replace(Ruling(voters, self.current), **ruling),
        )
        return self.happens(event)

    def happens(self, event: Event) -> Step:
        """Something happens to the approval."""
        taken = step(self.approval, event, self.now)
        self.approval = taken.approval
        return taken

    def pass_time(self, *, ladder: frozenset[tuple[int, int]] = frozenset(), **length: float) -> Step:
        """Time passes, and the timer of the ladder fires."""
        self.now += timedelta(**length)
        return self.happens(LadderDue(ladder))

    def expire(self, *, empty: frozenset[tuple[int, int]] = frozenset(), **length: float) -> Step:
        """Time passes, and the timer of the expiry fires."""
        self.now += timedelta(**length)
        return self.happens(ExpiryDue(empty))

    def state(self) -> State:
        """The approval's state. A method, since a type checker takes an attribute for unchanged after a click."""
        return self.approval.state

    @property
    def votes(self) -> list[UserId]:
        """Whose votes stand on the first action."""
        return [vote.by for vote in self.approval.reviews[0].votes]


def panel(policy: Policy, deadlines: Deadlines | None = None, **belongs: Any) -> Panel:
    """A fresh approval that Alice asked for, under a policy; `dev=[BOB]` puts people into the group of that handle."""
    asked = an_approval(policy=policy, deadlines=deadlines or Deadlines())
    sources = {"pay": PAY, **{handle: group(handle) for handle in ("dev", "ops", "managers")}}
    found = Panel(asked, {sources[name]: set(people) for name, people in belongs.items()})
    assert found.approval.requester == ALICE
    return found
