"""The journal: any history, read back, gives the same workspace."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.localslack.state import rich_text
from adapters.localslack.state.journal import Journal
from adapters.localslack.state.roster import BUILT_IN
from adapters.localslack.state.state import WorkspaceState

Json = dict[str, Any]


@contextmanager
def state_in(folder: Path) -> Iterator[WorkspaceState]:
    journal = Journal(folder)
    try:
        yield WorkspaceState(BUILT_IN, journal, bot_name="signoff", base="http://127.0.0.1:1")
    finally:
        journal.close()


def seen(state: WorkspaceState) -> Json:
    return {
        channel.id: (
            channel.messages,
            channel.roots,
            {ts: replies for ts, replies in channel.replies.items() if replies},
        )
        for channel in state.channels.values()
    }


acts = st.lists(
    st.tuples(st.sampled_from(["post", "reply", "broadcast", "edit", "drop"]), st.integers(0, 30), st.text(max_size=5)),
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(acts)
def test_any_history_is_read_back(history: list[tuple[str, int, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with state_in(Path(folder)) as state:
            channel = state.channels["C0DEPLOYS"]
            for act, which, text in history:
                messages = list(channel.messages.values())
                chosen = messages[which % len(messages)] if messages else None
                message: Json = {"type": "message", "ts": state.times.next(), "user": "U0ALICE", "text": text}
                if act == "drop" and chosen:
                    state.drop_message(channel, chosen["ts"])
                elif act == "edit" and chosen:
                    state.put_message(channel, {**chosen, "text": text})
                elif act in ("reply", "broadcast") and chosen:
                    broadcast = {"subtype": "thread_broadcast"} if act == "broadcast" else {}
                    root = chosen.get("thread_ts") or chosen["ts"]
                    state.put_message(channel, {**message, "thread_ts": root, **broadcast})
                else:
                    state.put_message(channel, message)
            before = seen(state)
        with state_in(Path(folder)) as state:
            assert seen(state) == before
            copy = Journal(Path(folder) / "copy")
            copy.load(lambda _: None, list)
            for record in state.snapshot():
                copy.append(record)
            copy.close()
        with state_in(Path(folder) / "copy") as state:
            assert seen(state) == before, "a rewritten journal says the same"


@given(st.text(max_size=40))
def test_what_people_type_is_escaped(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder, state_in(Path(folder)) as state:
        resolved = rich_text.resolve(text, state)
        if "<" not in text and "@" not in text and "#" not in text:
            assert "<" not in resolved
            assert resolved.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text
        assert rich_text.block(resolved)["type"] == "rich_text"


def test_mentions_are_resolved_and_everything_else_is_escaped(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        typed = "hi @alice, @nobody & <@U0BOB> in #deploys. <!channel> <b> me@alice.example #nowhere @Carol."
        resolved = rich_text.resolve(typed, state)
        assert resolved == (
            "hi <@U0ALICE>, @nobody &amp; <@U0BOB> in <#C0DEPLOYS|deploys>. <!channel> &lt;b&gt; me@alice.example "
            "#nowhere <@U0CAROL>."
        )
        [section] = rich_text.block(resolved)["elements"]
        kinds = [each["type"] for each in section["elements"]]
        assert kinds == ["text", "user", "text", "user", "text", "channel", "text", "broadcast", "text", "user", "text"]
