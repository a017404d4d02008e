"""The keys that we put into a run's config, and the private parts of LangGraph that we lean on.

LangGraph copies strings and numbers of `configurable` and `metadata` into every checkpoint of a run, except for keys
that start with two underscores: so a thread itself tells which turn it was fed and which answers it has.
`tests/contracts/test_langgraph_facts.py` fails when LangGraph stops honouring any of this.
"""

STRICT_RESUME = "__pregel_strict_resume"
"""Refuse a resume map that names an interrupt which is not pending (LangGraph >= 1.2.20, private)."""

SCRATCHPAD = "__pregel_scratchpad"
"""What a task knows of its interrupts: the answers that it has, and a counter of those it came to (private)."""
SEND = "__pregel_send"
"""The function by which a task writes (private)."""
PUSHED = "__pregel_push"
"""What the path of a task begins with that a `Send` made (private): `create_agent` makes one for each tool call."""
READ = "__pregel_read"
"""The function by which a task reads its graph's channels (private)."""
RESUME = "__resume__"
"""The channel of a task's answers."""
NAMESPACE = "checkpoint_ns"
"""Where a task's ids of interrupts come from."""

FENCE = "signoff_fence"
"""The lane's fencing token: a saver refuses checkpoints of an older one."""
IDEMPOTENCY_KEY = "signoff_idempotency_key"
"""For tools: the same however often the same turn or answer makes a node run. Tools read it from their config."""
TURN = "signoff_turn"
"""The key of the turn that the thread was fed last."""
ANSWERED = "signoff_answered"
"""The ids of the last answered interrupts, oldest first, with a space between."""
CODE = "signoff_code"
"""The fingerprints of the nodes that wrote a checkpoint: see `fingerprint`."""
SAID_BEFORE = "signoff_said_before"
"""A hash of what `reply` gave when the turn was fed: no news while it stays the same."""
HALTED = "signoff_halted"
"""Why a limit stopped the run at a checkpoint, in a sentence: it is not run on by itself."""
MOVED = "signoff_moved"
"""The halt that was decided by the update which wrote a checkpoint: there alone, so no run has gone on from it yet."""
SHOWN = "__signoff_shown"
"""What people saw of each answered interrupt, for the guard: see `drift_guard`. Never stored, for it is no text."""
DECIDED = "signoff_decided"
"""The channel of the writes that say which payload each decision was made on: see `decided`."""
APPROVALS = "__signoff_approvals"
"""What people decided of tool calls, for the guard: see `tool_guard`. Never stored, for it is no text."""
APPROVED = "signoff_approved"
"""The same as it is stored, in checkpoints and as the channel of writes: see `approved`."""
GATES = "__signoff_gates"
"""Which tool calls ask first, and what is known of others: see `tool_gate`. Never stored, for it is no text."""
KEPT = "signoff_kept"
"""The channel of the writes that keep what became of tool calls: see `kept_calls`."""
CHECKPOINTS = "checkpoint_map"
"""The checkpoint of each graph around a task, by namespace; the root's is at "" (private)."""
USER = "user_id"
"""The requester: LangGraph's usual name for it."""
AUTH_USER = "langgraph_auth_user"
"""The requester as LangGraph Server hands them over: an object with an `identity`."""


def interrupt_id(namespace: str, answered: int) -> str:
    """The id that LangGraph gives a task's interrupt once the task has `answered` answers (private).

    `namespace` is `NODE:TASK_ID`, below a subgraph `NODE:TASK_ID|NODE:TASK_ID`. It is how we tell a question that waits
    from one whose answer is stored already: LangGraph lists both as pending when the node raised after the answer.
    """
    from langgraph.types import _interrupt_id  # noqa: PLC0415 - see the module's docstring

    return _interrupt_id(namespace, answered)


def is_interrupt_id(text: str) -> bool:
    """Whether LangGraph would take it for the key of a resume map; the deprecated NodeInterrupt has no such id."""
    return len(text) == 32 and all(letter in "0123456789abcdef" for letter in text)  # noqa: PLR2004 - 128 bits in hex
