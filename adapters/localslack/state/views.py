"""Open modals, up to three for each person, and home tabs.

A view carries a `hash` that changes with it; an update that names an older hash is refused, so that two racing updates
cannot overwrite one another. Source: https://docs.slack.dev/surfaces/modals
"""

import secrets
import time
from collections.abc import Mapping
from typing import Any

from adapters.blockkit import limits
from adapters.localslack.state import blocks, forms, ids
from adapters.localslack.state.state import Json, WorkspaceState

Drafts = dict[tuple[str, str], Json]


class ViewError(Exception):
    """A view cannot be shown; the message is Slack's error code."""


class Views:
    """The modals that people have open."""

    def __init__(self, state: WorkspaceState) -> None:
        self._state = state
        self._stacks: dict[str, list[Json]] = {}
        self._drafts: dict[str, Drafts] = {}

    def top(self, user: str) -> Json | None:
        """Return the modal that the person sees."""
        stack = self._stacks.get(user)
        return stack[-1] if stack else None

    def open_by(self, user: str, view_id: str) -> Json | None:
        """Return one of the person's open modals."""
        return next((view for view in self._stacks.get(user, ()) if view["id"] == view_id), None)

    def open(self, user: str, given: Mapping[str, Any]) -> Json:
        """Open a modal in place of the person's open modals."""
        self._check_external_id(given, None)
        self.clear(user)
        view = self._make(given, user, root=None, previous=None)
        self._stacks[user] = [view]
        self._state.changed()
        return view

    def push(self, user: str, given: Mapping[str, Any]) -> Json:
        """Open a modal above the person's. Raises ViewError when three are open or none is."""
        stack = self._stacks.get(user)
        if not stack:
            raise ViewError("not_found")
        if len(stack) >= limits.VIEW_STACK:
            raise ViewError("push_limit_reached")
        self._check_external_id(given, None)
        view = self._make(given, user, root=stack[0]["id"], previous=stack[-1]["id"])
        stack.append(view)
        self._state.changed()
        return view

    def update(self, given: Mapping[str, Any], *, view_id: str, external_id: str, expected_hash: str) -> Json:
        """Replace an open modal, found by either id. Raises ViewError."""
        for user, stack in self._stacks.items():
            for index, view in enumerate(stack):
                if view["id"] == view_id or (external_id and view["external_id"] == external_id):
                    if expected_hash and expected_hash != view["hash"]:
                        raise ViewError("hash_conflict")
                    self._check_external_id(given, view["id"])
                    stack[index] = self._make(given, user, root=view["root_view_id"], previous=view["previous_view_id"])
                    stack[index]["id"] = view["id"]
                    if index == 0:
                        stack[index]["root_view_id"] = view["id"]
                    self._state.changed()
                    return stack[index]
        raise ViewError("not_found")

    def publish(self, user: str, given: Mapping[str, Any], *, expected_hash: str) -> Json:
        """Replace a person's home tab. Raises ViewError."""
        before = self._state.homes.get(user)
        if before and expected_hash and before["hash"] != expected_hash:
            raise ViewError("hash_conflict")
        view = self._make(given, user, root=None, previous=None)
        if before:
            view["id"] = view["root_view_id"] = before["id"]
        self._state.put_home(user, view)
        return view

    def pop(self, user: str) -> None:
        """Close the modal on top."""
        if stack := self._stacks.get(user):
            self._drafts.pop(stack.pop()["id"], None)
            self._state.changed()

    def clear(self, user: str) -> None:
        """Close all of the person's modals."""
        for view in self._stacks.pop(user, ()):
            self._drafts.pop(view["id"], None)
        self._state.changed()

    def drafts(self, view: Json) -> Drafts:
        """Return the person's entries in a view so far."""
        return self._drafts.setdefault(view["id"], {})

    def with_state(self, view: Json) -> Json:
        """Return the view with `state.values`, as payloads carry it."""
        values = forms.state_values(view["blocks"], self._drafts.get(view["id"], {}))
        return {**view, "state": {"values": values}}

    def _check_external_id(self, given: Mapping[str, Any], own: str | None) -> None:
        external_id = given.get("external_id")
        for stack in self._stacks.values():
            for view in stack:
                if external_id and view["external_id"] == external_id and view["id"] != own:
                    raise ViewError("duplicate_external_id")

    def _make(self, given: Mapping[str, Any], user: str, *, root: str | None, previous: str | None) -> Json:
        view_id = ids.fresh("V")
        made = blocks.stored(list(given["blocks"]))
        return {
            "id": view_id,
            "team_id": self._state.team,
            "app_id": self._state.app_id,
            "app_installed_team_id": self._state.people[user].team if user in self._state.people else self._state.team,
            "bot_id": self._state.bot_id,
            "type": given["type"],
            "title": given.get("title"),
            "submit": given.get("submit"),
            "close": given.get("close"),
            "blocks": made,
            "private_metadata": given.get("private_metadata", ""),
            "callback_id": given.get("callback_id", ""),
            "external_id": given.get("external_id", ""),
            "clear_on_close": given.get("clear_on_close", False),
            "notify_on_close": given.get("notify_on_close", False),
            "state": {"values": forms.state_values(made, {})},
            "hash": f"{int(time.time())}.{secrets.token_hex(4)}",
            "root_view_id": root or view_id,
            "previous_view_id": previous,
        }
