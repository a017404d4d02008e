"""Reports the words of a run's models, and the nodes that run, from LangGraph's stream to a watcher.

https://docs.langchain.com/oss/python/langgraph/streaming (stream modes `messages` and `tasks`, with subgraphs)
"""

from collections.abc import AsyncIterator
from typing import Any

from adapters.langgraph.messages.replies import words_of
from engine.ids import ThreadId
from engine.ports import Watcher

MODES = ("messages", "tasks")
_AGENT = frozenset({"ai", "AIMessageChunk"})


class StreamReader:
    """Follows one run. It passes on only what agents say: the reader knows what people and tools said."""

    def __init__(self, watcher: Watcher, thread: ThreadId) -> None:
        self._watcher, self._thread = watcher, thread
        self._texts: dict[str, str] = {}
        self._running: dict[str, tuple[str, str]] = {}
        """The name of each task that runs, and the id of the task around it, by task."""

    async def follow(self, stream: AsyncIterator[Any]) -> None:
        """Read the stream of a run to its end."""
        async for namespace, mode, event in stream:
            if mode == "tasks":
                self._on_task(event, namespace[-1].rpartition(":")[2] if namespace else "")
            else:
                self._on_message(event[0])

    def _on_message(self, message: Any) -> None:
        known = getattr(message, "id", None)
        if getattr(message, "type", "") not in _AGENT or not known:
            return
        more = words_of(message.content)
        streamed = message.type == "AIMessageChunk"
        self._texts[known] = text = (self._texts.get(known, "") if streamed else "") + more
        if text.strip():
            self._watcher.words(f"{self._thread}/{known}", text, message.name or "")

    def _on_task(self, event: dict[str, Any], parent: str) -> None:
        """Note that a task begins or, with a result, ends. The tasks of a subgraph are shown in place of its node."""
        if "result" in event:
            self._running.pop(event["id"], None)
        else:
            self._running[event["id"]] = (event["name"], parent)
        holding = {holder for _, holder in self._running.values()}
        names = [name for task, (name, _) in self._running.items() if task not in holding]
        if names:
            self._watcher.step(tuple(dict.fromkeys(names)))
