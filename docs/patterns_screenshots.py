"""Takes the pictures of docs/patterns.md: `python docs/patterns_screenshots.py [NAME ...]`, all of them without a name.

Each picture is a short scene in a fresh local workspace, with the bot on a graph of `tests/stories/graphs`. To add one,
write a scene below and decorate it; it is photographed as it stands at the end, into `docs/images/patterns/NAME.png`:

    @picture
    async def approve_or_reject(scene: Scene) -> None:
        "A card that waits."
        await scene.start("database", "yes_or_no")
        card = await scene.world.asked("drop the old table")
        await scene.show("bob", card)
"""

from camera import Album, Scene, agent, outside

album = Album("patterns")
picture = album.picture

# The scenes -----------------------------------------------------------------------------------------------------------


@picture
async def dynamic_interrupt(scene: Scene) -> None:
    """Any payload, field by field."""
    outside.payload = {"city": "Lisbon", "nights": 3, "extras": ["sea view", "late check-out"], "budget": None}
    await scene.start("planner", "anything")
    await scene.show("bob", await scene.world.asked("plan the offsite", containing="Lisbon"))


@picture
async def approve_or_reject(scene: Scene) -> None:
    """A rejection with its reason, and the way that the graph went."""
    await scene.start("database", "yes_or_no")
    card = await scene.world.asked("drop the table invoices_2019")
    await (await card.open_form("Reject")).submit({"Reason": "The auditors need it until June."})
    await card.becomes("Rejected by", buttons=[])
    await scene.show("alice", card)


@picture
async def sentence(scene: Scene) -> None:
    """A sentence that asks for a yes or no is a request for approval."""
    await scene.start("database", "risky")
    await scene.show("bob", await scene.world.asked("orders_2019", containing="HIGH risk"))


@picture
async def edit_state(scene: Scene) -> None:
    """The text in its form, and what was changed."""
    await scene.start("writer", "text_to_revise")
    draft = "Dear customers,\nwe had a outage this morning. All is well agian.\nYours, the team"
    card = await scene.world.asked(draft, containing="outage")
    await scene.show("bob", card)
    await scene.press("Edit")
    await scene.page.locator("dialog textarea").wait_for()
    await scene.photograph("edit_state_form")
    form = await card.open_form("Edit")
    await form.submit({form.fields[0]: draft.replace("a outage", "an outage").replace("agian", "again")})
    await card.becomes("Approved with changes", buttons=[])
    await scene.show("bob", card)


@picture
async def correction(scene: Scene) -> None:
    """What a model found, and the form in which it is corrected."""
    await scene.start("research", "looked_up")
    page = await scene.show("bob", await scene.world.asked("when?", containing="Is this correct?"))
    await scene.press("Edit")
    await page.get_by_label("birthday").fill("Jan 18, 2024")


@picture
async def inbox(scene: Scene) -> None:
    """A notice that was seen, and a question."""
    await scene.start("mail", "mail_inbox")
    alice = scene.world.alice
    await alice.say("dm", "notify me")
    notice = await alice.expect_card("dm", containing="Lunch is at")
    await scene.show("alice", notice, root=True)
    await scene.photograph("inbox_notice")
    await notice.click("Got it")
    await notice.becomes("Seen by", buttons=[])
    await scene.world.at_rest()
    await alice.say("dm", "ask me")
    await scene.show("alice", await alice.expect_card("dm", containing="Which day suits Ada?"), root=True)


@picture
async def tool_calls(scene: Scene) -> None:
    """Two tool calls of one message, and the form that the first one's schema makes."""
    await scene.start("releases", "per_tool")
    card = await scene.world.asked("release billing", containing="Approve 2 actions?")
    page = await scene.show("bob", card)
    await page.get_by_role("button", name="Approve deploy").last.wait_for()
    await scene.photograph("tool_calls_batch")
    await page.get_by_role("button", name="Edit deploy").last.click()
    await page.get_by_label("replicas").fill("99")
    await page.get_by_role("button", name="Approve with changes").last.click()
    await page.get_by_text("This must be at most 20").last.wait_for()


@picture
async def typed_answers(scene: Scene) -> None:
    """A pydantic model as a form, with an error at its field."""
    await scene.start("hotels", "typed_booking")
    await scene.world.alice.say("#deploys", "@signoff book me a room")
    card = await scene.world.alice.expect_card("#deploys", containing="Whom shall I book for?")
    page = await scene.show("alice", card, height=1200)
    await scene.press("Answer")
    await page.get_by_label("guest", exact=True).fill("Alice Liddell")
    await page.get_by_label("guests", exact=True).fill("9")
    await page.get_by_label("budget").fill("120.5")
    await page.get_by_label("arrival").fill("2026-05-04")
    await page.get_by_label("room").select_option(label="double")
    await page.get_by_label("breakfast").check()
    await page.get_by_label("address.street").fill("Rua Augusta 1")
    await page.get_by_label("address.zip_code").fill("1100")
    await page.get_by_role("dialog").get_by_role("button", name="Answer").last.click()
    await page.get_by_text("This must be at most 6").last.wait_for()


@picture
async def elicitation(scene: Scene) -> None:
    """A form and a link that an MCP server asks for."""
    form = {
        "type": "object",
        "properties": {"day": {"type": "string", "format": "date"}, "guests": {"type": "integer", "maximum": 8}},
    }
    outside.payload = [
        {"key": "table", "message": "When do you want to come?", "mode": "form", "requested_schema": form},
        {"key": "login", "message": "Sign in first", "mode": "url", "url": "https://tables.example/login?for=alice"},
    ]
    await scene.start("dinner", "elicitation")
    await scene.world.alice.say("#deploys", "@signoff a table on Friday")
    card = await scene.world.alice.expect_card("#deploys", containing="needs 2 answers")
    await scene.show("alice", card)


@picture
async def validated_input(scene: Scene) -> None:
    """The same question, until the answer is good."""
    await scene.start("trips", "ask_until_good", input={}, reply="city")
    said = await scene.world.alice.say("#deploys", "@signoff plan a trip")
    card = await scene.world.alice.expect_card("#deploys", containing="Which city?")
    for city in ("lisbon", "lisboa"):
        await scene.world.at_rest()
        await scene.world.alice.say("#deploys", city, thread=said.ts)
        card = await scene.world.alice.expect_card("#deploys", containing=f"'{city}' is no city.")
    await scene.show("alice", card, height=900)


@picture
async def conversation(scene: Scene) -> None:
    """Two agents of one graph take turns with the person."""
    await scene.start("dinner", "human_per_agent")
    await scene.world.alice.say("dm", "something red")
    await scene.world.alice.expect_card("dm", containing="Another wine?")
    await scene.world.at_rest()
    await scene.world.alice.say("dm", "and now a dish")
    await scene.show("alice", await scene.world.alice.expect_card("dm", containing="Another dish?"), root=True)


@picture
async def subgraphs(scene: Scene) -> None:
    """Two subgraphs ask, one below the other."""
    await scene.start("office", "team")
    card = await scene.world.asked("invoice 4711, 320 EUR", containing="Pay this invoice?")
    await card.click("Approve")
    await scene.world.alice.expect_card("#deploys", containing="Which account")
    await scene.show("alice", card)


@picture
async def functional_api(scene: Scene) -> None:
    """The tool calls of a workflow, reviewed one after the other."""
    await scene.start("weather", "functional_review", input=[{"role": "user", "content": "$text"}], reply="@")
    card = await scene.world.asked("Lisbon Porto", containing="Lisbon")
    await card.click("Approve")
    second = await scene.world.bob.expect_card("#deploys", containing="Porto")
    await (await second.open_form("Edit")).submit({"location": "Braga"})
    await scene.world.alice.expect_message("#deploys", containing="sunny in Braga")
    await scene.show("bob", second)


@picture
async def parallel(scene: Scene) -> None:
    """A list of requests: some are decided, and the rest can be approved at once."""
    await scene.start("refunds", "fan_out", input={"orders": "$text"}, reply="told")
    card = await scene.world.asked("8", containing="8 requests to decide")
    page = await scene.show("bob", card, height=1000)
    await page.get_by_role("button", name="Approve all 8").last.click()
    await page.locator("dialog.confirm").wait_for()
    await scene.photograph("parallel_approve_all")
    await page.get_by_role("button", name="Cancel").last.click()
    await page.get_by_role("button", name="Approve 1. refund").last.click()
    await page.get_by_role("button", name="Reject 3. refund").last.click()
    await page.get_by_label("Reason").fill("Returned too late.")
    await page.locator("dialog").get_by_role("button", name="Reject").last.click()
    await card.becomes("6 of 8 to decide")
    await page.get_by_text("6 of 8 to decide").last.scroll_into_view_if_needed()


@picture
async def breakpoint_edited(scene: Scene) -> None:
    """A breakpoint that waits, and another whose state was changed."""
    gate = {"input": {"service": "$text"}, "reply": "status", "interrupt_before": ["deploy"]}
    await scene.start("rollout", "rollout", **gate)
    card = await scene.world.asked("billing", containing='Run the step "deploy"?')
    await scene.show("bob", card)
    await scene.photograph("breakpoint")
    await (await card.open_form("Edit state")).submit({"replicas": "1"})
    await scene.world.alice.expect_message("#deploys", containing="billing runs x1")
    await card.becomes("Continued with changes", buttons=[])
    await scene.show("bob", card)


@picture
async def breakpoint_tools(scene: Scene) -> None:
    """Tool calls at a breakpoint: one is approved, the other was refused."""
    await scene.start("cleaner", "cleaner", interrupt_before=["tools"])
    card = await scene.world.asked("notes.txt", containing="delete_file")
    page = await scene.show("bob", card)
    await page.get_by_role("button", name="Reject delete_file").last.click()
    await page.get_by_label("Reason").fill("keep the notes")
    await page.locator("dialog").get_by_role("button", name="Reject").last.click()
    await card.becomes("Rejected by", buttons=["Approve", "Edit", "Reject"])
    await page.get_by_role("button", name="Approve read_file").last.click()
    await scene.world.alice.expect_message("#deploys", containing="notes.txt has 3 lines")
    await scene.show("bob", card)


@picture
async def node_interrupt(scene: Scene) -> None:
    """A node that stopped itself, was run again without a change, and stopped again."""
    await scene.start("words", "word_limit", input={"input": "$text"}, reply="input")
    card = await scene.world.asked("hello world", containing="longer than 5")
    await card.click("Continue")
    await scene.show("bob", await scene.world.bob.expect_card("#deploys", containing="longer than 5"), height=800)


@picture
async def input_as_node(scene: Scene) -> None:
    """Words that were written as though an empty node had run."""
    feedback = {
        "when": {"node": "human_feedback"},
        "ask": "Which language?",
        "answer": {"update": {"user_feedback": "$text"}, "as_node": "human_feedback"},
    }
    await scene.start("phrases", "human_feedback", input={"input": "$text"}, reply="answer", answers=[feedback])
    await scene.world.alice.say("#deploys", "@signoff hello")
    question = await scene.world.alice.expect_card("#deploys", containing="Which language?")
    await scene.world.alice.say("#deploys", "Finnish", thread=question)
    await scene.world.alice.expect_message("#deploys", containing="hello, in Finnish")
    await scene.show("alice", question)


@picture
async def answers(scene: Scene) -> None:
    """A rejection whose reason went into the graph's state."""
    refund = {
        "when": {"node": "review", "payload": {"type": "refund_*"}},
        "ask": "May this be refunded?",
        "approve": {"resume": {"verdict": "yes", "amount": 80}, "update": {"notes": ["approved by $user"]}},
        "reject": {"resume": {"verdict": "no", "why": "$text"}, "update": {"notes": ["$text"]}},
    }
    await scene.start("refunds", "own_words", input={"order": "$text"}, reply="told", answers=[refund])
    card = await scene.world.asked("order 7", containing="May this be refunded?")
    await (await card.open_form("Reject")).submit({"Reason": "returned too late"})
    await scene.world.alice.expect_message("#deploys", containing="returned too late")
    await scene.show("bob", card)


@picture
async def time_travel(scene: Scene) -> None:
    """The points of a conversation, one of them with its state, and what became of it."""
    await scene.start("mover", "trouble", input={"task": "$text"}, reply="log[2]")
    card = await scene.world.asked("move the office in May", containing="Do move the office in May?")
    page = await scene.show("bob", card)
    await page.get_by_role("button", name="More").last.click()
    await page.get_by_text("History", exact=True).last.click()
    await page.locator("dialog").get_by_text("Finished: prepare. Next: ask").last.wait_for()
    await scene.photograph("history")
    await page.locator("dialog").get_by_role("button", name="View").first.click()
    await page.get_by_role("button", name="Run from here").last.wait_for()
    await page.get_by_label("task").fill("move the office in June")
    await scene.photograph("go_back")
    await scene.press("Run from here")
    await card.becomes("Withdrawn", buttons=[])
    await scene.world.bob.expect_card("#deploys", containing="June")
    await scene.world.at_rest()
    await page.get_by_text("Do move the office in June?").first.wait_for()


@picture
async def streaming_reply(scene: Scene) -> None:
    """The step that runs, and the words that appear while the agent works."""
    await scene.start("releases", "talker")
    await scene.world.alice.say("#deploys", "@signoff how is the release going?")
    live = await scene.world.alice.expect_message("#deploys", containing="research")
    page = await scene.show("alice", live, working=True)
    scene.world.outside.door("research").set()
    await page.get_by_text("Rolling out").last.wait_for()
    await scene.photograph("streaming")
    scene.world.outside.door("half").set()
    scene.world.outside.door("rest").set()
    await page.get_by_text("took four minutes").last.wait_for()
    await scene.world.at_rest()
    await page.get_by_text("speak", exact=True).wait_for(state="detached")


@picture
async def further_choices(scene: Scene) -> None:
    """A letter with further choices, after its first vote."""
    two = {"approvers": {"users": ["bob", "carol"]}, "quorum": 2, "post_to": "#deploys"}
    await scene.world.start(agents={"letters": agent("letter_review", channels=["#deploys"])}, approvals=[two])
    card = await scene.world.asked("write to Ada", containing="Dear Ada")
    await (await card.open_form("revise")).submit({"Feedback": "Say that we are sorry, please."})
    await card.becomes("1 of 2 for")
    await scene.show("carol", card)


@picture
async def failure(scene: Scene) -> None:
    """A graph that failed because of an answer."""
    await scene.start("stock", "number_please", input={"task": "$text"}, reply="result")
    await scene.world.alice.say("#deploys", "@signoff order apples")
    question = await scene.world.alice.expect_card("#deploys", containing="How many?")
    await scene.world.alice.say("#deploys", "a few", thread=question)
    failed = await scene.world.alice.expect_card("#deploys", containing="ValueError")
    await scene.show("alice", failed, height=780)


@picture
async def failure_limit(scene: Scene) -> None:
    """A run that took too long."""
    scene.world.rewrite("trouble", ('["task"] == "hang"', '["task"] == "move the office"'))
    await scene.start("mover", "trouble", input={"task": "$text"}, reply="log[2]", time_limit="1s")
    card = await scene.world.asked("move the office")
    await card.click("Approve")
    await scene.show("alice", await scene.world.alice.expect_card("#deploys", containing="took longer than 1 second"))


if __name__ == "__main__":
    album.take(__doc__)
