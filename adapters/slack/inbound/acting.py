"""What people do with a card besides deciding it: opens the forms, and hands what they say to the desk.

See `adapters.slack.cards.more` for how it looks. A trigger lives 3 s, so a form opens after one look at the approval;
whether the person may is settled by the desk when the form comes back.
"""

from collections.abc import Awaitable, Callable

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.cards import more
from adapters.slack.drawing import blocks
from adapters.slack.drawing.blocks import Block
from adapters.slack.forms import modals
from adapters.slack.inbound.commands import Commands
from adapters.slack.inbound.parse import Filled, Person, Wanted
from engine.approvals.approval import Approval, State
from engine.approvals.events import Act, Doing
from engine.machine import refusal_when_closed
from engine.ports import Intake
from engine.sentences.refusals import CannotTakeOver

GONE = "This request is no longer kept here. Nothing was changed."

Tell = Callable[[Person, str], Awaitable[None]]


class Acting:
    """What `Handlers` hands over. `tell` tells a person something where they clicked."""

    def __init__(self, client: AsyncWebClient, desk: Intake, commands: Commands, tell: Tell) -> None:
        self._client, self._desk, self._commands, self._tell = client, desk, commands, tell

    async def want(self, wanted: Wanted) -> None:
        """A button or an option of a card's last row."""
        doing, approval = wanted.wish.doing, await self._desk.look(wanted.wish.approval)
        if approval is None:
            await self._tell(wanted.person, GONE)
        elif wanted.wish.disallows:
            await self._tell(wanted.person, await self._desk.disallow(approval.id, wanted.person.user))
        elif doing is not None and (wanted.at_once or doing not in more.FORMS):
            await self._desk.act(Act(approval.id, wanted.person.user, doing, on=wanted.on))
        elif approval.state is not State.PENDING:
            await self._tell(wanted.person, refusal_when_closed(approval).sentence)
        elif doing is not None:
            await self._open(wanted, more.form(approval, doing))
        else:
            await self._open(wanted, await self._who(self._desk.shown(approval)))

    async def _who(self, approval: Approval) -> Block:
        title = "Who can answer?" if approval.ask.is_question else "Who can approve?"
        return blocks.modal(title, await self._commands.who(approval))

    async def _open(self, wanted: Wanted, view: Block) -> None:
        try:
            await self._client.views_open(trigger_id=wanted.trigger, view=view)
        except SlackApiError:
            await self._tell(wanted.person, "Slack closed the form before it could open. Please try again.")

    async def filled(self, filled: Filled) -> Block:
        """The answer to a form."""
        act = Act(filled.wish.approval, filled.person.user, filled.doing)
        match filled.doing:
            case Doing.HAND_OVER:
                to = more.chosen_person(filled.values)
                if to is None:
                    return _error(more.CHOOSE)
                act = Act(act.approval, act.by, act.doing, to=to)
            case Doing.EXTEND:
                span = more.chosen_span(filled.values)
                if span is None:
                    return _error(more.CHOOSE)
                act = Act(act.approval, act.by, act.doing, span=span)
        refusal = await self._desk.act(act)
        if isinstance(refusal, CannotTakeOver):
            return _error(more.NOT_THEM)
        if refusal is not None:
            return {"response_action": "update", "view": modals.sentence(refusal.title, refusal.sentence)}
        return {"response_action": "clear"}


def _error(words: str) -> Block:
    """Said at the input, where Slack shows plain text."""
    return {"response_action": "errors", "errors": {more.FIELD: words}}
