from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import BaseModel, Field


class Claim(BaseModel):
    number: str
    damage: str


class Decision(BaseModel):
    amount: float = Field(ge=0)
    reply: str


class WriterModel(BaseChatModel):
    tone: str = "plain"

    @property
    def _llm_type(self) -> str:
        return "writer"

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(f"Dear customer, {messages[-1].content}"))])
