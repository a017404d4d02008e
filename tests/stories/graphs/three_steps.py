"""The functional API: an interrupt within a task, between two others.

https://docs.langchain.com/oss/python/langgraph/functional-api-human-in-the-loop
"""

from langgraph.func import entrypoint, task
from langgraph.types import interrupt
from stories.outside import outside


@task
def step_1(input_query: str) -> str:
    """Append bar."""
    outside.do("step 1")
    return f"{input_query} bar"


@task
def human_feedback(input_query: str) -> str:
    """Append user input."""
    feedback = interrupt(f"Please provide feedback: {input_query}")
    return f"{input_query} {feedback}"


@task
def step_3(input_query: str) -> str:
    """Append qux."""
    outside.do("step 3")
    return f"{input_query} qux"


@entrypoint()
def graph(input_query: str) -> str:
    """Three tasks, one after another."""
    result_1 = step_1(input_query).result()
    result_2 = human_feedback(result_1).result()
    return step_3(result_2).result()
