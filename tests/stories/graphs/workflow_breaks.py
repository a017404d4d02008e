"""A workflow that breaks, where the story wants it to, before the task that asks runs again."""

from langgraph.func import entrypoint, task
from langgraph.types import interrupt
from stories.outside import outside


@task
def confirm(bill: str) -> bool:
    """Ask."""
    return bool(interrupt({"question": f"Pay {bill}?"}))


@entrypoint()
def graph(bill: str) -> str:
    """Ask, then pay."""
    outside.try_step("look the account up")
    if not confirm(bill).result():
        return "left"
    outside.do(f"pay {bill}")
    return "paid"
