"""Any service that answers with JSON as a source; an expression of the operator picks the people."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from adapters.oncall.client import Client
from adapters.oncall.rows import current, identified, in_time, shifts_of
from engine.oncall.shifts import Shifts
from engine.ports import SourceFailedError


@dataclass(frozen=True, slots=True)
class HttpJson:
    """Any address that answers with JSON; the expression `people` picks Slack ids, e-mail addresses or names.

    They are texts, or objects with `slack_id`, `email` and `name`.
    """

    client: Client
    people: str

    async def shifts(self, at: datetime, now: datetime) -> Shifts:
        """Ask who is on call now. An expression that finds no list, because of a misspelt field say, is a failure.

        Raises SourceFailedError.
        """
        del at
        answer = await in_time(self.client, self.client.json())
        try:
            found = jmespath.search(self.people, answer)
        except JMESPathError:
            found = None
        listed = [found] if isinstance(found, str | dict) else found
        if not isinstance(listed, list) or not all(map(_names_somebody, listed)):
            raise SourceFailedError(f"{self.client.service}: the expression of `people` finds no list of people.")
        rows = [each if isinstance(each, dict) else identified(each) for each in listed]
        return current(now, shifts_of(self.client, rows))


def _names_somebody(found: Any) -> bool:
    if isinstance(found, dict):
        return any(found.get(key) for key in ("slack_id", "email", "name"))
    return isinstance(found, str) and bool(found.strip())
