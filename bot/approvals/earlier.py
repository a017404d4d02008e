"""Finds what came first and still waits: words that may answer a question, and what people did after them.

A message is read in its thread's `run` lane, perhaps behind the run of another branch; a click, a form and a deadline
are not. What is found here goes before them (P1, P2).
"""

from engine.approvals.approval import Approval
from engine.approvals.effects import Consider, Hear, run_lane
from engine.conversation import is_answered_in_words, may_answer
from engine.ports import Lanes


class Earlier:
    """Looks into the lane of a thread."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    async def waits(self, approval: Approval) -> bool:
        """True if a message that may answer this waits to be read, or an act of a person behind such a message.

        Only a question that words can answer costs a look.
        """
        if not is_answered_in_words(approval):
            return False
        for each in await self._lanes.waiting_in(run_lane(approval.thread)):
            match each:
                case Hear() if may_answer(each, approval):
                    return True
                case Consider(click) if click.approval == approval.id:
                    return True
                case _:
                    pass
        return False
