"""The functional API: a workflow of tasks that asks for a review between them.

https://docs.langchain.com/oss/python/langgraph/functional-api
"""

from typing import Any

from langgraph.func import entrypoint, task
from langgraph.types import interrupt
from stories.outside import outside


@task
def write_essay(topic: str) -> str:
    """Write an essay about the given topic."""
    outside.do(f"wrote about {topic}")
    return f"An essay about topic: {topic}"


@entrypoint()
def graph(topic: str) -> dict[str, Any]:
    """Write an essay about a topic, and have it reviewed."""
    essay = write_essay(topic).result()
    is_approved = interrupt({"essay": essay, "action": "Please approve/reject the essay"})
    return {"essay": essay, "is_approved": is_approved}
