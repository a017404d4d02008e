"""What an agent puts into its store is there in another conversation, also after a restart."""

import redis
from fakes.people import Message
from stories.world import World

from adapters.redis import RedisStore
from adapters.redis.keys import Keys


async def approve(world: World, text: str, agent: str = "") -> Message:
    card = await world.asked(f"{agent} {text}".strip(), containing=f"Note {text}?")
    await card.click("Approve", by=world.bob)
    return card


async def test_a_note_of_one_conversation_is_read_in_the_next_after_a_restart(world: World) -> None:
    notes = {"graph": "memory.py:graph", "channels": ["#deploys"], "input": {"text": "$text"}, "reply": "reply"}
    await world.start(agents={"notes": notes})
    for text, said in (("milk", "noted beside nothing, 1 in all"), ("eggs", "noted beside milk, 2 in all")):
        card = await world.asked(text, channel="#deploys", containing=f"Note {text}?")
        await world.restart()
        await card.click("Approve", by=world.bob)
        await world.alice.expect_message("#deploys", containing=said)
    await world.nothing_else()


async def test_every_way_to_a_store_leads_to_ours(world: World) -> None:
    where = {"channels": ["#deploys"]}
    await world.start(
        agents={
            "agent": {"graph": "store_users.py:agent", "gate_tools": ["blocking"], **where},
            "nodes": {"graph": "store_users.py:nodes", **where},
            "steps": {"graph": "store_users.py:steps", "input": {"text": "$text"}, **where},
        }
    )
    card = await world.asked("agent tea", containing="blocking")
    assert not notes_of(world) & {"blocking tool tea"}, "what waits for an approval has noted nothing"
    await card.click("Approve", by=world.bob)
    await world.alice.expect_message("#deploys", containing="all noted")
    await approve(world, "rum", "nodes")
    await world.alice.expect_message("#deploys", containing="blocking node of a subgraph")
    await approve(world, "gin", "steps")
    await world.alice.expect_message("#deploys", containing="async task gin")
    tools = {f"{tool} {note}" for tool in ("async tool", "blocking tool", "loop of its own") for note in ("tea", "rum")}
    others = {"middleware", "blocking node of a subgraph", "blocking task gin", "async task gin"}
    assert notes_of(world) == tools | others


async def test_retention_forgets_a_conversation_and_not_what_its_agent_noted(world: World) -> None:
    notes = {"graph": "memory.py:graph", "channels": ["#deploys"], "input": {"text": "$text"}, "reply": "reply"}
    await world.start(agents={"notes": notes})
    await approve(world, "milk")
    await world.alice.expect_message("#deploys", containing="noted beside nothing")
    await world.at_rest()
    with redis.Redis.from_url(world.redis_url) as client:
        (state,) = client.scan_iter(match=f"{Keys().prefix}:*:state")
        assert client.ttl(state) > 0
        ours = [*client.scan_iter(match=f"{Keys().prefix}:*{{notes*")]
        assert {client.ttl(key) for key in ours} == {-1}
        client.delete(*client.scan_iter(match=f"{Keys().prefix}:{{*}}:*"))
    assert notes_of(world, "notes") == {"milk"}
    await approve(world, "eggs")
    await world.alice.expect_message("#deploys", containing="noted beside milk")


def notes_of(world: World, *namespace: str) -> set[str]:
    with RedisStore.from_conn_string(world.redis_url) as store:
        return {item.key for item in store.search(namespace, limit=100)}
