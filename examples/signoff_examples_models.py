"""The chat model of the example agents: a real one if there is a key for it, a scripted one otherwise.

The examples must run on a fresh machine without a key or a network, and be the same graphs that somebody would run
with a real model. So the choice is made here, once, and the graphs see a `BaseChatModel` either way. A scripted model
answers by rules from the conversation alone: the same conversation always gets the same answer.

The graph files are loaded by path, with their folder on `sys.path` while they are imported. That is why this file has
a long name (it becomes a top-level module) and why the graphs import it at their top and never later.
"""

import logging
import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from typing_extensions import override

log = logging.getLogger(__name__)

# Reads the whole conversation and writes the next message, tool calls included.
Script = Callable[[Sequence[BaseMessage]], AIMessage]

# The key that must be set, the module that must be there, and the model used then, as init_chat_model names it.
PROVIDERS = (
    ("ANTHROPIC_API_KEY", "langchain_anthropic", "anthropic:claude-sonnet-4-5"),
    ("OPENAI_API_KEY", "langchain_openai", "openai:gpt-5-mini"),
)


class ScriptedChatModel(BaseChatModel):
    """A chat model that follows a script instead of calling a provider."""

    script: Script

    @property
    @override
    def _llm_type(self) -> str:
        return "scripted"

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.script(messages))])

    @override
    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return the model itself: a script knows its tools by name."""
        return self


def real_model() -> BaseChatModel | None:
    """Return the model of the first provider with a key and its package installed, or None.

    `SIGNOFF_EXAMPLES_MODEL` names another model of that provider or of another one, in the form that
    https://docs.langchain.com/oss/python/langchain/models gives for `init_chat_model`.
    """
    for key, module, model in PROVIDERS:
        if not os.environ.get(key):
            continue
        if find_spec("langchain") and find_spec(module):
            from langchain.chat_models import init_chat_model  # noqa: PLC0415  # not needed without a key

            return init_chat_model(os.environ.get("SIGNOFF_EXAMPLES_MODEL") or model)
        log.warning("%s is set, but %s is not installed: not using it", key, module.replace("_", "-"))
    return None


def chat_model(script: Script) -> BaseChatModel:
    """Return the real model if there is one, else a model that follows the script."""
    return real_model() or ScriptedChatModel(script=script)
