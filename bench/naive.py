"""The bot that people would write instead: Bolt, LangGraph and a Redis saver, put together as tutorials show it.

It acks first and then resumes the graph; nothing else is kept of a click. It takes no vote of a second person, and asks
nobody whether this person may approve. Run by `bench.versus`, on the same Slack and Redis as ours:

    python -m bench.naive

`langgraph-checkpoint-redis`, which most would take, needs the modules RedisJSON and RediSearch. On plain Redis and
Valkey it does not start, so this bot has the saver for those, `AsyncValkeySaver`. Its pool of 10 connections, as it
comes, refuses the 11th call at once, and that request is lost: this bot has a pool of 1,000.
"""

import asyncio
import logging
import os
from typing import Any

from langgraph.types import Command
from langgraph_checkpoint_aws.checkpoint.valkey import AsyncValkeySaver  # type: ignore[import-not-found]  # in .venv-bench
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bench.graph import builder

client = AsyncWebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
app = AsyncApp(client=client)
graph: Any = None


def config(thread: str) -> Any:
    """The config of a conversation."""
    return {"configurable": {"thread_id": thread}}


def button(text: str, action: str, thread: str) -> dict[str, Any]:
    """A button that knows its conversation, so that it works after a restart."""
    return {"type": "button", "action_id": action, "text": {"type": "plain_text", "text": text}, "value": thread}


def card(question: dict[str, Any], thread: str) -> list[dict[str, Any]]:
    """The message that asks."""
    (request,) = question["action_requests"]
    arguments = "\n".join(f"*{name}*: {value}" for name, value in request["args"].items())
    text = f"Approve `{request['name']}`?\n{arguments}"
    buttons = [button("Approve", "approve", thread), button("Reject", "reject", thread)]
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": text}},
        {"type": "actions", "elements": buttons},
    ]


@app.event("app_mention")
async def mentioned(event: dict[str, Any]) -> None:
    """Run the graph until it asks, and post what it asks."""
    channel, thread = event["channel"], f"{event['channel']}:{event['ts']}"
    request = event["text"].partition("> ")[2]
    result = await graph.ainvoke({"request": request}, config(thread))
    for each in result.get("__interrupt__", ()):
        blocks = card(each.value, thread)
        await client.chat_postMessage(channel=channel, thread_ts=event["ts"], text="Approval needed", blocks=blocks)


@app.action("approve")
async def approve(ack: Any, body: dict[str, Any]) -> None:
    """Resume with a yes."""
    await ack()
    await resume(body, "approve")


@app.action("reject")
async def reject(ack: Any, body: dict[str, Any]) -> None:
    """Resume with a no."""
    await ack()
    await resume(body, "reject")


async def resume(body: dict[str, Any], decision: str) -> None:
    """Let the graph go on, and say on the card who decided."""
    thread = body["actions"][0]["value"]
    result = await graph.ainvoke(Command(resume={"decisions": [{"type": decision}]}), config(thread))
    text = f"<@{body['user']['id']}>: {decision}. {result['status']}"
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]
    await client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text=text, blocks=blocks)


async def main() -> None:
    """Serve."""
    global graph  # noqa: PLW0603 - as tutorials have it
    async with AsyncValkeySaver.from_conn_string(os.environ["REDIS_URL"], pool_size=1_000) as saver:
        graph = builder.compile(checkpointer=saver)
        await AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]).start_async()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main())
