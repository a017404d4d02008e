"""The keys that we put into a run's config, and the private parts of LangGraph on which we rely.

LangGraph copies strings and numbers of `configurable` and `metadata` into every checkpoint of a run, except for keys
that start with two underscores. So a thread itself tells which turn it received and which answers it has. The values of
these keys are stored data.

`tests/contracts/test_langgraph_facts.py` fails when LangGraph stops honouring any of this.
"""

STRICT_RESUME = "__pregel_strict_resume"
"""Refuse a resume map that names an interrupt which is not pending (LangGraph >= 1.2.20, private)."""

SCRATCHPAD = "__pregel_scratchpad"
"""A task's own answers, and a counter of its interrupts so far (private)."""
SEND = "__pregel_send"
"""The function with which a task writes (private)."""
PUSHED = "__pregel_push"
"""The first part of the path of a task that a `Send` made (private): `create_agent` makes one for each tool call."""
READ = "__pregel_read"
"""The function with which a task reads its graph's channels (private)."""
SAVER = "__pregel_checkpointer"
"""The saver that a graph uses in place of its own (private)."""
RESUME = "__resume__"
"""The channel of a task's answers."""
INTERRUPT = "__interrupt__"
"""The channel of a task's interrupts."""
RETURN = "__return__"
"""The channel of the result of a `@task` of the functional API."""
NAMESPACE = "checkpoint_ns"
"""The namespace that the ids of a task's interrupts are made from."""

FENCE = "signoff_fence"
"""The lane's fencing token: a saver refuses checkpoints with an older one."""
IDEMPOTENCY_KEY = "signoff_idempotency_key"
"""For tools, which read it from their config: the same each time that one turn or answer makes a node run."""
TURN = "signoff_turn"
"""The key of the last turn that the thread received."""
ANSWERED = "signoff_answered"
"""The ids of the last answered interrupts, oldest first, separated by spaces."""
CODE = "signoff_code"
"""The fingerprints of the nodes that wrote a checkpoint: see `adapters.langgraph.fingerprint`."""
BREAKPOINTS = "signoff_breakpoints"
"""The breakpoints of the graph that wrote a checkpoint: see `adapters.langgraph.loading.breakpoints`."""
SAID_BEFORE = "signoff_said_before"
"""A hash of the reply in the state before the turn: the same words are not posted again."""
STOPPED_FOR = "signoff_halted"
"""The sentence of the limit that stopped the run at a checkpoint: only people can continue it."""
UPDATED_FOR = "signoff_moved"
"""The pause whose decision wrote a checkpoint as an update. Only that checkpoint has it, since no run followed yet."""
SHOWN = "__signoff_shown"
"""The payloads that people saw, for `adapters.langgraph.guards.drift`. Never stored: the value is no text."""
DECIDED = "signoff_decided"
"""The channel of the writes that keep the payload of each decision: see `adapters.langgraph.guards.decided`."""
RECIPIENT = "signoff_recipient"
"""The channel of the writes that keep which task was given an answer: see `adapters.langgraph.guards.recipients`."""
APPROVALS = "__signoff_approvals"
"""The decisions on tool calls, for `adapters.langgraph.guards.tool_starts`. Never stored: the value is no text."""
APPROVED = "signoff_approved"
"""The same as stored, in checkpoints and as a channel of writes: see `adapters.langgraph.guards.approved_calls`."""
GATES = "__signoff_gates"
"""The gates of a run, for `adapters.langgraph.guards.gates`. Never stored: the value is no text."""
KEPT = "signoff_kept"
"""The channel of the writes that keep the results of tool calls: see `adapters.langgraph.guards.kept_calls`."""
CHECKPOINTS = "checkpoint_map"
"""The checkpoint of each graph around a task, by namespace; the root's is at "" (private)."""
USER = "user_id"
"""The requester: LangGraph's usual name for it."""
AUTH_USER = "langgraph_auth_user"
"""The requester as LangGraph Server passes them on: see `adapters.langgraph.requester`."""
AUTH_PERMISSIONS = "langgraph_auth_permissions"
"""Their permissions, as LangGraph Server has them. Its `langgraph_auth_user_id` is left out: LangGraph would copy that
text, which is the `user_id`, into every checkpoint."""
REQUESTER = "signoff_requester"
"""The requester of a turn in the metadata of a server's runs: a server may have a `user_id` of its own."""


def interrupt_id(namespace: str, answered: int) -> str:
    """Make the id that LangGraph gives a task's interrupt once the task has `answered` answers (private).

    `namespace` is `NODE:TASK_ID`, below a subgraph `NODE:TASK_ID|NODE:TASK_ID`. The id tells a waiting question from
    one whose answer is already stored: LangGraph lists both as pending if the node raised after the answer.
    """
    from langgraph.types import _interrupt_id  # noqa: PLC0415 - see the module's docstring

    return _interrupt_id(namespace, answered)


def is_interrupt_id(text: str) -> bool:
    """Tell whether a text can be a key of a resume map; the deprecated NodeInterrupt has no such id."""
    return len(text) == 32 and all(letter in "0123456789abcdef" for letter in text)  # noqa: PLR2004 - 128 bits in hex
