"""Reports a thread on a server to the bot: its open questions and pauses, the agent's reply, and its failure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.langgraph import config_keys as keys
from adapters.langgraph import dialects, sentences
from adapters.langgraph.dialects.breakpoint import at_breakpoint, before_tools
from adapters.langgraph.dialects.failure import failed
from adapters.langgraph.dialects.to_json import to_json
from adapters.langgraph.messages.open_calls import open_calls
from adapters.langgraph.remote.agents import ServerAgent
from adapters.langgraph.remote.threads import ServerThread
from engine.asks.ask import digest_of
from engine.ids import InterruptId, ThreadId
from engine.ports import Asked, RunResult

STOPPED = RunResult(stopped=True, complete=False)
"""The report on a run that goes on at the server while this process stops."""


def report(agent: ServerAgent, thread_id: ThreadId, thread: ServerThread, limit: str = "") -> RunResult:
    """Report a thread; `limit` is the sentence about a limit that ended its run."""
    if thread.state is None:
        return RunResult()
    failure = limit or _failure_of(thread)
    if failure:
        return RunResult((_asked_after(thread, failure),), complete=not thread.refused)
    questions = tuple(
        _question(agent, thread, task, each) for task in thread.tasks for each in task.get("interrupts") or ()
    )
    if thread.waiting and (thread.status == "interrupted" or not agent.breakpoints.isdisjoint(thread.waiting)):
        return RunResult((_asked_at_breakpoint(agent, thread),), complete=not questions)
    turn, before = thread.mark(keys.TURN), thread.mark(keys.SAID_BEFORE)
    if not thread.tasks:
        reply = agent.replies.last_reply(thread.values, thread_id, turn, before)
        return RunResult(reply=reply, ended=thread.checkpoint)
    reply = agent.replies.reply(thread.values, thread_id, turn, before, [each.ask.prompt for each in questions])
    return RunResult(questions, reply, complete=not thread.waiting)


def _failure_of(thread: ServerThread) -> str:
    errors = [str(each["error"]) for each in thread.tasks if each.get("error")]
    if errors:
        return sentences.failure(errors[0])
    if thread.status == "error":
        return sentences.failure(thread.error) if thread.error else "The agent failed."
    return ""


def _asked_after(thread: ServerThread, failure: str) -> Asked:
    nodes = tuple(dict.fromkeys(str(each["name"]) for each in thread.tasks if each.get("error")))
    ask = failed(failure, nodes, "", poisoned=False)
    return Asked(InterruptId(f"failure:{thread.checkpoint}"), ask, digest_of(ask, ""))


def _question(agent: ServerAgent, thread: ServerThread, task: Mapping[str, Any], interrupt: Mapping[str, Any]) -> Asked:
    schema = thread.schemas.get(interrupt["id"])
    said = agent.replies.utterance(thread.values)
    question = dialects.Question(
        to_json(interrupt.get("value")).value,
        schema if isinstance(schema, dict) else None,
        speaker=said.speaker if said else "",
        nodes=(str(task["name"]),),
    )
    ask = replace(dialects.read(question, agent.spec.answers), unguarded=True)
    return Asked(InterruptId(interrupt["id"]), ask, digest_of(ask, f"{task['name']}:{agent.version}"))


def _asked_at_breakpoint(agent: ServerAgent, thread: ServerThread) -> Asked:
    nodes = thread.waiting
    calls = open_calls(thread.messages) if agent.tool_nodes.issuperset(nodes) and len(nodes) == 1 else ()
    if calls:
        ask = before_tools(nodes, calls, {})
    else:
        ask = at_breakpoint(", ".join(nodes), nodes, thread.values, may_edit=True)
    worded = dialects.configured(ask, dialects.Question(ask.payload, nodes=nodes), agent.spec.answers)
    digest = digest_of(worded, agent.version)
    return Asked(InterruptId(f"breakpoint:{thread.checkpoint}"), replace(worded, unguarded=True), digest)
