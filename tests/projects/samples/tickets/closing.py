from typing import Any

from langchain.agents import AgentState, create_agent
from langchain.tools import tool
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.types import interrupt


class DeskState(AgentState[Any]):
    owner: str


class OfflineModel(BaseChatModel):
    @property
    def _llm_type(self) -> str:
        return "offline"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(tools=tools, **kwargs)

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        call = {"name": "close_ticket", "args": {"ticket": "T-9", "reason": "duplicate"}, "id": "close-1"}
        return ChatResult(generations=[ChatGeneration(message=AIMessage("", tool_calls=[call]))])


@tool(return_direct=True)
def close_ticket(ticket: str, reason: str) -> dict[str, Any]:
    """Close a ticket."""
    answer = interrupt({"question": f"Close ticket {ticket}?", "reason": reason})
    if answer == "approve" or answer is True:
        with open("closed.txt", "a") as closed:
            closed.write(f"{ticket}\n")
        return {"closed": True, "ticket": ticket}
    return {"closed": False, "ticket": ticket}


agent = create_agent(OfflineModel(), tools=[close_ticket], state_schema=DeskState, system_prompt="You close tickets.")
