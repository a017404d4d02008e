"""The functional API."""

from pathlib import Path

from langgraph.func import entrypoint, task
from langgraph.types import interrupt

HERE = Path(__file__).parent


def does(what: str) -> None:
    with (HERE / "effects.txt").open("a", encoding="utf-8") as log:
        log.write(f"{what}\n")


@task
def look(city: str) -> str:
    does(f"looked at {city}")
    return f"sunny in {city}"


@entrypoint()
def functional(text: str, previous: list[str] | None) -> entrypoint.final[str, list[str]]:
    """Look first, which is kept, then ask; what was said in earlier turns stands in `previous`."""
    seen = look(text).result()
    told = [*(previous or []), seen if interrupt({"question": "Publish the weather?", "weather": seen}) else "nothing"]
    does(f"published {'; '.join(told)}")
    return entrypoint.final(value="; ".join(told), save=told)
