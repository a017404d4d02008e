"""Resolves the user groups that rules name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.config.problems import ConfigProblem, suggestion
from engine.ports import ListedGroup


@dataclass(frozen=True, slots=True)
class GroupNames:
    """The groups that Slack has, by name as app.yaml spells it. `ids` are those of all groups, by handle."""

    found: Mapping[str, ListedGroup] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)

    @property
    def spelled(self) -> Mapping[str, str]:
        """The handles of all groups, by id."""
        return {group: handle for handle, group in self.ids.items()}

    @property
    def handles(self) -> tuple[str, ...]:
        """The handles of all groups that can be named."""
        return tuple(sorted(self.ids))

    def problems(self, where: Mapping[str, str]) -> Iterable[ConfigProblem]:
        """A problem for each name that is no group's, or that of a group by which nobody can decide.

        `where` has the place of each name in app.yaml.
        """
        for name, place in where.items():
            group = self.found.get(name)
            if group is None:
                handle = name.removeprefix("@")
                fix = suggestion(
                    handle, self.handles, "Write the handle or the id of a user group, or create it in Slack."
                )
                yield ConfigProblem(place, f'this workspace has no user group "{handle}"', fix)
            elif group.unable:
                what = f"the user group @{group.handle} is {group.unable} in Slack, so nobody can decide by it"
                yield ConfigProblem(place, what, "Enable it in Slack, or name another one.")
            elif not group.people:
                what = f"the user group @{group.handle} has no members, so nobody can decide by it"
                yield ConfigProblem(place, what, "Add members to it in Slack, or name another one.")
