"""Take the pictures of docs/policies.md: `python docs/policies_screenshots.py [NAME ...]`, without a name all of them.

Each picture is a short scene with the `app.yaml` that the page shows in a section; see docs/camera.py. The pictures of
the demo use its own `app.yaml`.
"""

import shutil

from camera import ROOT, Album, Message, Scene, policies_page

album = Album("policies")
picture = album.picture

CHANNEL = "#refunds"
TOOLS = {"refund": "refund_order", "delete": "delete_order", "restart": "restart_service"}


async def asked(scene: Scene, section: str, text: str, who: str = "alice") -> Message:
    """Start the bot with a section's file, and let a person ask."""
    await policies_page.start(scene.world, section)
    await scene.world.slack.person(who).say(CHANNEL, f"@signoff {text}")
    return await scene.world.bob.expect_card(CHANNEL, containing=TOOLS[text.split(maxsplit=1)[0]])


async def demo(scene: Scene) -> Message:
    """Run the demo's agents in fast motion; alice wants a database restarted."""
    scene.world.speed = 60
    shutil.copytree(ROOT / "examples", scene.world.folder / "examples")
    text = (ROOT / "app.yaml").read_text().replace("#databases", "#approvals")  # a channel that this workspace has
    (scene.world.folder / "app.yaml").write_text(text)
    await scene.world.run()
    await scene.world.alice.say("#approvals", "@signoff the orders database hangs, please restart it")
    return await scene.world.bob.expect_card("#approvals", containing="restart_database")


@picture
async def on_call(scene: Scene) -> None:
    """Only the person on call may decide."""
    await scene.show("carol", await demo(scene), height=560)


@picture
async def escalated(scene: Scene) -> None:
    """A quarter of an hour later."""
    card = await demo(scene)
    await card.becomes("@sre")
    await scene.show("carol", card, height=560)


@picture
async def approved(scene: Scene) -> None:
    """Approved by somebody whom the escalation added, or by the person on call."""
    card = await demo(scene)
    await (await card.becomes("@sre")).click("Approve", by=scene.world.bob)
    await card.becomes("Approved by", buttons=[])
    await scene.show("carol", card, height=560)


@picture
async def approvers(scene: Scene) -> None:
    """A person who may not approve is refused."""
    card = await asked(scene, "Approvers", "refund A7 120", who="bob")
    await card.click("Approve", by=scene.world.bob)
    await scene.world.bob.expect_message(CHANNEL, ephemeral=True)
    await scene.show("bob", card, height=560)


@picture
async def several(scene: Scene) -> None:
    """One of two parts approved."""
    card = await asked(scene, "Several approvals", "refund A7 120", who="carol")
    await card.click("Approve", by=scene.world.bob)
    await card.becomes("1 of 2")
    await scene.show("alice", card, height=560)


@picture
async def stages(scene: Scene) -> None:
    """The second stage waits for the first."""
    card = await asked(scene, "Stages", "delete A7", who="carol")
    await card.click("Approve", by=scene.world.alice)
    await scene.world.alice.expect_message(CHANNEL, ephemeral=True)
    await scene.show("alice", card, height=560)


@picture
async def automatic(scene: Scene) -> None:
    """A rule decided automatically."""
    await policies_page.start(scene.world, "Conditions and automatic decisions")
    await scene.world.alice.say(CHANNEL, "@signoff refund A7 40")
    card = await scene.world.alice.expect_message(CHANNEL, containing="Approved automatically")
    await scene.show("alice", card, height=560)


@picture
async def edited(scene: Scene) -> None:
    """An edit that another rule governs."""
    card = await asked(scene, "Conditions and automatic decisions", "refund A7 500", who="carol")
    await (await card.open_form("Edit", by=scene.world.bob)).submit({"amount": "5000"})
    await card.becomes("5000")
    await scene.show("alice", card, height=640)


@picture
async def who(scene: Scene) -> None:
    """The people who can approve, and why."""
    card = await asked(scene, "Approvers", "refund A7 120")
    await card.open_form("Who can approve?", by=scene.world.alice)
    await scene.show("alice", card, height=640)


@picture
async def own_request(scene: Scene) -> None:
    """Approved by the requester."""
    card = await asked(scene, "Own requests", "restart search")
    await card.click("Approve", by=scene.world.alice)
    await card.becomes("Approved by", buttons=[])
    await scene.show("alice", card, height=560)


@picture
async def guest(scene: Scene) -> None:
    """Approved by a guest whom the rule names."""
    card = await asked(scene, "Guests", "restart search")
    await card.click("Approve", by=scene.world.gina)
    await card.becomes("Approved by", buttons=[])
    await scene.show("gina", card, height=560)


@picture
async def expired(scene: Scene) -> None:
    """Reminded, escalated twice, and rejected in the end."""
    scene.world.speed = 1_200
    card = await asked(scene, "Reminders, escalation, expiry", "restart search")
    await card.becomes("Nobody decided by", buttons=[])
    await scene.show("alice", card, height=760)


@picture
async def hours(scene: Scene) -> None:
    """A deadline that is counted in working hours."""
    await scene.show("bob", await asked(scene, "Working hours", "refund A7 120"), height=560)


@picture
async def looking(scene: Scene) -> None:
    """Somebody is looking at it, and then hands it over."""
    card = await asked(scene, "Working hours", "refund A7 120")
    await card.click("I'm looking", by=scene.world.bob)
    await card.becomes("is looking at this")
    await (await card.open_form("Hand over…", by=scene.world.bob)).submit({"value": "U0CAROL"})
    await card.becomes("Handed over to")
    await scene.show("carol", card, height=560)


@picture
async def grant(scene: Scene) -> None:
    """A grant, and a call that it approved."""
    card = await asked(scene, "Allow for a while", "restart search")
    await card.click("Allow like this for 1 h", by=scene.world.bob)
    await card.becomes("are allowed in this conversation until", buttons=[])
    await scene.world.at_rest()
    await scene.world.alice.say(CHANNEL, "@signoff restart search", thread=card)
    await scene.world.bob.expect_message(CHANNEL, containing="grant")
    await scene.show("bob", card, height=860)


@picture
async def direct(scene: Scene) -> None:
    """A copy of the card in a direct message, and the requester's thread that links to it."""
    await policies_page.start(scene.world, "Who is called")
    await scene.world.alice.say(CHANNEL, "@signoff refund A7 120")
    told = await scene.world.alice.expect_message(CHANNEL, containing="Waiting for a decision")
    copy = await scene.world.bob.expect_card("dm", containing="refund_order")
    await scene.show("alice", told, height=560)
    await scene.photograph("signpost")
    await scene.show("bob", copy, root=True, height=560)


if __name__ == "__main__":
    album.take(__doc__)
