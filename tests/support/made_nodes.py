"""Graphs that are made up: a node asks, reads the answer in some way, and acts or refuses somewhere behind it.

The generator knows what each answer means, since it chose the words before it wrote the code. The code itself is
written to files, as functions have a source only there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from support.made_answers import CONTRADICTING, NEUTRAL, REASONS, Reading, Verdict, reading_of, verdict_of
from support.made_branches import EXTRAS, Parts, branches, condition_of, several
from support.made_source import Draw, Maker, Place, block

FIELDS = ("target", "draft", "command", "amount", "city", "customer", "sql", "recipient", "body", "plan", "betrag")
TEXTS = (
    "eu-cache",
    "Dear Ada, it is on its way.",
    "drop table orders",
    "Grand Hotel",
    "c-3",
    "größere Änderung",
    "v2.4.1",
)


@dataclass(frozen=True)
class Made:
    """A made-up project, and what its node means by its answers."""

    files: dict[str, str]
    traits: tuple[str, ...]
    shown: Any
    """What it acts on."""
    at: tuple[str, ...]
    """Where in the payload that stands; () where it is within a sentence."""
    act: Any
    refuse: Any
    edits: bool
    reads_reason: bool
    knowable: bool
    input: dict[str, Any] = field(default_factory=dict)
    edit: Any = None
    """An answer that edits, with NEW in the place of the new value."""
    reason: Any = None
    """An answer that refuses with the reason WHY."""
    words: tuple[str, ...] = ()

    extra: str = ""
    """A third word, after which it neither acts nor refuses."""

    edit_word: str = ""
    is_shown_again: bool = False
    """An edit is asked about once more."""
    says_words: bool = False
    """What is no acting word is passed on as it is."""

    @property
    def act_word(self) -> str:
        """The word that acts, where words do."""
        return self.words[0] if self.words else ""

    @property
    def shape(self) -> frozenset[str]:
        """What its code is like, apart from names, words and values."""
        return frozenset(each for each in self.traits if each.partition(":")[0] not in _MATTER)

    def source(self) -> str:
        """Its modules, to be read."""
        return "\n".join(f"# {name}\n{text}" for name, text in self.files.items() if name not in _DULL)


_MATTER = ("words", "codes", "edit word", "field", "text", "key", "edited", "changes", "outer", "reason", "value")
"""Traits that are no matter of how the code is built."""
_DULL = ("__init__.py", "world.py")
EDITS = ("none", "none", "same key", "other key", "nested", "under a word", "merged", "text", "shown again")
DEPTHS = ("here", "here", "here", "nested", "helper", "two helpers")
NEW, WHY = "NEW VALUE 7", "it is too late 8"


@dataclass
class Plan:
    """What is chosen before code is written."""

    maker: Maker
    verdict: Verdict
    name: str
    shown: Any
    edit: str
    edit_key: str
    reason_key: str
    is_async: bool
    home: str
    """Where the effect is."""
    extra: str = ""
    """A third way on: "revise" asks again with a new draft, "escalate" tells somebody else."""


@st.composite
def made_nodes(draw: Draw) -> Made:
    """A project with one question."""
    maker = Maker(draw)
    verdict = verdict_of(maker)
    name = maker.pick("field", *FIELDS)
    shown = _value(maker)
    edit = maker.pick("edit", *EDITS)
    if edit in ("under a word", "shown again") and verdict.domain != "word":
        edit = "same key"
    if edit == "text" and not (verdict.acts == [True] and isinstance(shown, str)):
        edit = "other key"
    if edit == "merged" and not isinstance(shown, dict):
        edit = "other key"
    edit_key = {
        "same key": name,
        "nested": name,
        "merged": maker.pick("changes", "changes", "modified_args", "patch"),
    }.get(edit, f"{maker.pick('edited', 'edited', 'new', 'final')}_{name}")
    reason = "" if edit == "text" else maker.pick("reason", "", "", *REASONS)
    home = maker.pick("home", "here", "here", "goto", "flag", "status", "lambda edge", "tool", "subgraph", "functional")
    extra = maker.pick("extra", "", "", "", "", *EXTRAS) if verdict.domain == "word" and edit != "shown again" else ""
    is_async = maker.pick("runs", "sync", "async") == "async"
    plan = Plan(maker, verdict, name, shown, edit, edit_key, reason, is_async, home, extra)
    return Writer(plan).made()


def _value(maker: Maker) -> Any:
    kind = maker.pick("value", "text", "text", "number", "object", "list")
    text = maker.pick("text", *TEXTS)
    if kind == "number":
        return maker.draw(st.integers(min_value=2, max_value=9000))
    if kind == "object":
        return {"title": text, "size": maker.draw(st.integers(min_value=2, max_value=90)), "dry": False}
    return [text, "second"] if kind == "list" else text


class Writer:
    """Writes the project of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.maker = plan.maker
        self.agent = self.maker.modules["agent"]
        kinds = ("plain", "plain", "defaults", "method", "closure", "partial", "wrapped", "instance", "static")
        kind = "tool" if plan.home == "tool" else self.maker.pick("node", *kinds)
        if plan.home == "functional":
            kind = "plain"
        self.place = Place(self.maker, "agent", kind, self.maker.fresh("review", "gate", "ask", "approval"))
        self.reading: Reading | None = None
        self.refuses_by_default = True
        self.payload_at: tuple[str, ...] = ()
        plan.verdict.extra = self.maker.pick("extra word", *EXTRAS[plan.extra]) if plan.extra else ""
        self.says_words = False
        self.again = False
        """Whether the third word asks again."""

    # The whole --------------------------------------------------------------------------------------------------------

    def made(self) -> Made:
        plan, maker = self.plan, self.maker
        self._world()
        body = self._body()
        self._graph(body)
        assert self.reading is not None
        build, verdict = self.reading.build, plan.verdict
        act_token, extra = verdict.acts[0], dict[str, Any]()
        if plan.edit != "none":
            new: Any = {"title": NEW} if plan.edit == "merged" else NEW
            extra = {"args": {plan.edit_key: new}} if plan.edit == "nested" else {plan.edit_key: new}
            act_token = verdict.edits if plan.edit in ("under a word", "shown again") else act_token
        reason = {plan.reason_key: WHY} if plan.reason_key else {}
        refused = build(verdict.refuses[0], reason) if reason else WHY if self.says_words else None
        contradicts = verdict.acts[0] in CONTRADICTING or verdict.refuses[0] in ("yes", "accept", "approve")
        bare = build(verdict.acts[0], {})
        return Made(
            files={f"{name}.py": module.text() for name, module in maker.modules.items()} | {"__init__.py": ""},
            traits=tuple(maker.traits),
            shown=plan.shown,
            at=self.payload_at,
            act=bare,
            refuse=build(verdict.refuses[0], {}),
            edits=plan.edit != "none" and self.payload_at != (),
            reads_reason=refused is not None,
            knowable=not contradicts
            and not self._is_contested()
            and not self.reading.opaque
            and bare is not False
            and not verdict.opaque,
            input={"messages": [{"role": "user", "content": "go"}]},
            edit=build(act_token, extra) if extra else None,
            reason=refused,
            is_shown_again=plan.edit == "shown again",
            says_words=self.says_words,
            extra=verdict.extra,
            edit_word=verdict.edits,
            words=tuple(
                each for each in (*verdict.acts, *verdict.refuses, verdict.edits) if isinstance(each, str) and each
            ),
        )

    def _is_contested(self) -> bool:
        """Whether a refusal does something of its own too, and no word says which of the two it is."""
        verdict = self.plan.verdict
        named = (verdict.domain == "bool" and "key:freigabe" not in self.maker.traits) or (
            verdict.domain == "word" and verdict.acts[0] not in NEUTRAL
        )
        own = {"refusal:audit", "refusal:model"} & set(self.maker.traits)
        return (bool(own) and not named) or bool(self.plan.extra)

    def _world(self) -> None:
        world = self.maker.modules["world"]
        world.add("DONE = []", "SAID = []", "ROWS = []", "OTHER = []")
        world.add("class Client:", "    def __init__(self, log):", "        self.log = log")
        world.add("    def send(self, value):", "        self.log.append(value)")
        world.add("    async def asend(self, value):", "        self.log.append(value)")
        world.add("CLIENT = Client(DONE)")
        world.add("def carry_out(value):", "    DONE.append(value)", "    return 'done'")
        world.add("def audit(word, value=None):", "    ROWS.append((word, value))")
        world.add("class Model:", "    def invoke(self, text):", "        ROWS.append(text)", "        return 'I see'")
        world.add("MODEL = Model()")

    # The node ---------------------------------------------------------------------------------------------------------

    def _body(self) -> list[str]:
        """The statements of the node that asks."""
        maker, _plan, _place = self.maker, self.plan, self.place
        lines = self._value_lines()
        payload = self._payload()
        before, lines = lines, []
        if maker.pick("payload in", "place", "variable") == "variable":
            lines.append(f"payload = {payload}")
            payload = "payload"
        self._needs_interrupt()
        lines.append(f"answer = interrupt({payload})")
        noise = maker.some("noise", "log", "print", "count", "loop", "metric", "time")
        for each in noise:
            lines.append(self._noise(each))
        lines += self._text_or_truth() if self.plan.edit == "text" else self._decide()
        return [*before, "while True:", block(lines)] if self.plan.edit == "shown again" else [*before, *lines]

    def _text_or_truth(self) -> list[str]:
        """A text takes the place of what was shown, anything else that is true accepts it."""
        self.reading = Reading([], "answer", lambda token, more: NEW if more else token)
        replaced = ["value = answer.strip()", *self._act()]
        lines = ["if isinstance(answer, str) and answer.strip():", block(replaced)]
        return [*lines, "if answer:", block(self._act()), *self._refuse("")]

    def _needs_interrupt(self) -> None:
        self.agent.needs("from langgraph.types import Command, interrupt")
        self.agent.needs("from langgraph.graph import END, START, MessagesState, StateGraph")

    def _noise(self, kind: str) -> str:
        match kind:
            case "log":
                self.agent.needs("import logging")
                if "logger = logging.getLogger(__name__)" not in self.agent.lines:
                    self.agent.add("logger = logging.getLogger(__name__)")
                return "logger.info('answered: %s', answer)"
            case "print":
                return "print('answered', answer)"
            case "loop":
                return "seen = [each for each in ('one', 'two') if each != 'one']"
            case "metric":
                self.agent.add("COUNTS = {'asked': 0}") if "COUNTS = {'asked': 0}" not in self.agent.lines else None
                return "COUNTS['asked'] += 1"
            case "time":
                self.agent.needs("import time")
                return "began = time.monotonic()"
        self.maker.use("agent", "world", "ROWS")
        return "ROWS.append('asked')"

    def _value_lines(self) -> list[str]:
        plan = self.plan
        if plan.home == "tool":
            return [f"value = {plan.name}"]
        way = self.maker.pick("value from", "literal", "state", "constant", "helper")
        if plan.home == "functional" and way == "state":
            way = "literal"
        match way:
            case "state":
                return ["value = state['work']"]
            case "constant":
                name = self.maker.fresh("DEFAULT", "WORK")
                self.maker.modules["words"].add(f"{name} = {plan.shown!r}")
                return [f"value = {self.maker.use('agent', 'words', name)}"]
            case "helper":
                name = self.maker.fresh("prepare", "compute")
                self.maker.modules["reading"].add(f"def {name}():", f"    return {plan.shown!r}")
                return [f"value = {self.maker.use('agent', 'reading', name)}()"]
        return [f"value = {plan.shown!r}"]

    def _payload(self) -> str:
        plan, name = self.plan, self.plan.name
        options = ", ".join(map(repr, [*plan.verdict.acts, *plan.verdict.refuses]))
        ways = {
            "field": f"{{{name!r}: value}}",
            "field and action": f"{{'action': 'confirm', {name!r}: value}}",
            "typed": f"{{'type': 'approval_request', {name!r}: value, 'risk': 'high'}}",
            "message": f"{{'message': 'May this be done?', {name!r}: value}}",
            "options": f"{{'options': [{options}], {name!r}: value}}",
            "question": f"{{'question': 'Do it?', {name!r}: value}}",
            "nested": f"{{'kind': 'gate', 'args': {{{name!r}: value}}}}",
            "gate": f"{{'action': 'work', 'message': 'Please look', {name!r}: value}}",
            "dict call": f"dict({name}=value)",
            "task": f"{{'task': 'Please check this', {name!r}: value}}",
            "sentence": "f'Do this? {value}'",
        }
        chosen = self.maker.pick("payload", *ways)
        self.payload_at = () if chosen == "sentence" else ("args", name) if chosen == "nested" else (name,)
        return ways[chosen]

    def _decide(self) -> list[str]:
        """From the answer to acting and refusing, here or in a helper."""
        depth = "here" if self.plan.extra or self.plan.edit == "shown again" else self.maker.pick("depth", *DEPTHS)
        more = self._fields()
        if depth == "here":
            return self._interpreted(self.place, "answer", more, self._flow)
        if depth == "nested":
            inner = Place(self.maker, "agent", "nested", self.maker.fresh("judge", "read"))
            returned = self._interpreted(inner, "told", more, self._returned)
            return [f"def {inner.name}(told):", block(returned), *self._received(f"{inner.name}(answer)", more)]
        module = self.maker.pick("helper in", "agent", "reading")
        kinds = ("plain", "defaults", "method", "closure", "partial", "wrapped", "static", "instance")
        inner = Place(self.maker, module, self.maker.pick("helper", *kinds), self.maker.fresh("judge", "read", "parse"))
        called = inner.emit("told", self._interpreted(inner, "told", more, self._returned))
        called = self.maker.use("agent", module, called.partition(".")[0]) + called[len(called.partition(".")[0]) :]
        if depth == "two helpers":
            outer = Place(
                self.maker, "agent", self.maker.pick("outer helper", *kinds), self.maker.fresh("check", "look")
            )
            called = outer.emit("it", [f"found = {called}(it)", "return found"])
        return self._received(f"{called}(answer)", more)

    def _fields(self) -> list[str]:
        plan, more = self.plan, list[str]()
        if plan.edit != "none":
            more.append("args" if plan.edit == "nested" else plan.edit_key)
        if plan.reason_key:
            more.append(plan.reason_key)
        return more

    def _interpreted(self, place: Place, answer: str, more: Sequence[str], then: Any) -> list[str]:
        reading = reading_of(self.maker, place, self.plan.verdict, answer, more)
        self.reading = reading
        return [*reading.lines, *then(place, reading)]

    # Here -------------------------------------------------------------------------------------------------------------

    def _flow(self, place: Place, reading: Reading) -> list[str]:
        refuse = self._refuse(self._said(reading))
        way = self.maker.pick("flow", "two", "two", "several")
        if self.plan.verdict.domain == "opaque":
            way = "two"
        if way == "several" or self.plan.extra or self.plan.edit == "shown again":
            return self._several(place, reading, refuse)
        condition, acts_if = condition_of(self.maker, place, reading, self.plan.verdict, self._acts())
        act = [*self._edit_lines(reading), *self._act()]
        bare = reading.token == "answer" and self.plan.verdict.domain == "word" and self.maker.told == "acting"
        if bare and reading.member is None and self.maker.pick("says words", "no", "yes") == "yes":
            self.says_words = True
            refuse = [f"{self.maker.use('agent', 'world', 'SAID')}.append(answer)", *refuse]
        return branches(self.maker, condition, act, refuse, acts_if=acts_if)

    def _acts(self) -> list[Any]:
        """The verdicts that act."""
        return [*self.plan.verdict.acts, *([self.plan.verdict.edits] if self.plan.edit == "under a word" else [])]

    def _several(self, place: Place, reading: Reading, refuse: list[str]) -> list[str]:
        plan, verdict = self.plan, self.plan.verdict
        edit, loops = self._edit_lines(reading), plan.edit == "shown again"
        ways: list[tuple[tuple[object, ...], list[str]]] = [
            (tuple(self._acts()), [*([] if loops else edit), *self._act()]),
            (tuple(verdict.refuses), refuse),
        ]
        if loops:
            ways.append(((verdict.edits,), [*edit, "continue"]))
        if plan.extra:
            ways.append(((plan.verdict.extra,), self._third()))
        token = reading.token
        others = {
            "refuse": refuse,
            "raise": [f"raise ValueError(f'unknown answer {{{token.replace(chr(39), chr(34))}!r}}')"],
        }
        others["raise"] = ["raise ValueError('an unknown answer')"]
        other = others[self.maker.pick("other", "refuse", "raise")]
        return several(self.maker, place, reading, verdict, Parts(ways, other, loops=loops))

    def _third(self) -> list[str]:
        """The way of a third word: a new draft, and the question again; or somebody else is told."""
        other = self.maker.use("agent", "world", "OTHER")
        home = self.plan.home
        over = {"here": "return {}", "functional": "return {}", "tool": "return 'It was passed on.'"}
        end = over.get(home, "return {'allowed': False, 'status': 'refused'}")
        if home == "goto":
            end = "return Command(goto=END)"
        if self.plan.extra == "revise" and home in ("goto", "here"):
            self.again = True
            return [f"{other}.append('a new draft')", "return Command(goto='review')"]
        return [f"{other}.append('somebody was told')", end]

    def _edit_lines(self, reading: Reading) -> list[str]:
        plan = self.plan
        if plan.edit == "none" or reading.field is None:
            return []
        return self._edit_of(reading.field)

    def _edit_of(self, field: Any) -> list[str]:
        plan, key = self.plan, self.plan.edit_key
        match plan.edit:
            case "nested":
                return [f"value = ({field('args', '')} or {{}}).get({key!r}, value)"]
            case "merged":
                return [f"value = {{**value, **({field(key, '')} or {{}})}}"]
        if self.maker.pick("edit by", "or", "default") == "or":
            return [f"value = {field(key, '')} or value"]
        return [f"value = {field(key, 'value')}"]

    def _said(self, reading: Reading) -> str:
        key = self.plan.reason_key
        return reading.field(key, "") if key and reading.field else ""

    # In a helper ------------------------------------------------------------------------------------------------------

    def _returned(self, place: Place, reading: Reading) -> list[str]:
        """The helper's end: what it found."""
        plan = self.plan
        condition, acts_if = condition_of(self.maker, place, reading, plan.verdict, self._acts())
        condition = condition if acts_if else f"not ({condition})"
        parts = [f"bool({condition})" if self.maker.pick("exactly", "bool", "as is") == "bool" else condition]
        if reading.field is not None:
            if plan.edit != "none":
                parts.append(reading.field("args" if plan.edit == "nested" else plan.edit_key, ""))
            if plan.reason_key:
                parts.append(reading.field(plan.reason_key, ""))
        if len(parts) == 1:
            return self._only(parts[0])
        self.form = self.maker.pick("gives", "tuple", "dict", "named tuple")
        if self.form == "dict":
            return [
                f"return {{{', '.join(f'{name!r}: {part}' for name, part in zip(self._names(), parts, strict=True))}}}"
            ]
        if self.form == "named tuple":
            words, name = self.maker.modules["words"], self.maker.fresh("Outcome", "Found")
            words.needs("from typing import Any, Literal, NamedTuple")
            words.add(f"class {name}(NamedTuple):", *[f"    {each}: Any" for each in self._names()])
            return [f"return {self.maker.use(place.module, 'words', name)}({', '.join(parts)})"]
        return [f"return {', '.join(parts)}"]

    def _only(self, condition: str) -> list[str]:
        match self.maker.pick("gives one", "value", "branches", "word", "guarded"):
            case "guarded":
                self.form = "value"
                return ["try:", f"    return {condition}", "except Exception:", "    return False"]
            case "branches":
                self.form = "value"
                return [f"if {condition}:", "    return True", "return False"]
            case "word":
                self.form = "word"
                return [f"return 'forward' if {condition} else 'back'"]
        self.form = "value"
        return [f"return {condition}"]

    def _names(self) -> list[str]:
        plan = self.plan
        return ["fine", *(["fresh"] if plan.edit != "none" else []), *(["said"] if plan.reason_key else [])]

    def _received(self, called: str, more: Sequence[str]) -> list[str]:
        plan = self.plan
        names = self._names() if len(more) else ["fine"]
        if len(names) == 1:
            lines = [f"fine = {called}" + (" == 'forward'" if self.form == "word" else "")]
        elif self.form == "dict":
            lines = [f"found = {called}", *[f"{name} = found[{name!r}]" for name in names]]
        elif self.form == "named tuple":
            lines = [f"found = {called}", *[f"{name} = found.{name}" for name in names]]
        else:
            lines = [f"{', '.join(names)} = {called}"]
        edit = []
        if "fresh" in names:
            edit = {
                "nested": [f"value = (fresh or {{}}).get({plan.edit_key!r}, value)"],
                "merged": ["value = {**value, **(fresh or {})}"],
            }.get(plan.edit, ["value = fresh or value"])
        said = "said" if "said" in names else ""
        return [
            *lines,
            *branches(self.maker, "fine", [*edit, *self._act()], self._refuse(said), acts_if=True),
        ]

    # What is done -----------------------------------------------------------------------------------------------------

    def _sink(self, value: str, module: str = "agent") -> str:
        match self.maker.pick("sink", "list", "function", "client"):
            case "list":
                return f"{self.maker.use(module, 'world', 'DONE')}.append({value})"
            case "function":
                return f"{self.maker.use(module, 'world', 'carry_out')}({value})"
        client = self.maker.use(module, "world", "CLIENT")
        return f"{client}.send({value})"

    def _act(self) -> list[str]:
        match self.plan.home:
            case "here" | "functional":
                return [self._sink("value"), "return {}"]
            case "tool":
                return [self._sink("value"), "return 'It is done.'"]
            case "goto":
                return ["return Command(goto='perform', update={'final': value})"]
            case "status":
                return ["return {'status': 'fine', 'final': value}"]
        return ["return {'allowed': True, 'final': value}"]

    def _refuse(self, said: str) -> list[str]:
        lines = []
        if said:
            lines.append(f"{self.maker.use('agent', 'world', 'SAID')}.append({said})")
        noise = {"log": "print('refused')", "audit": f"{self.maker.use('agent', 'world', 'audit')}('refused')"}
        noise["model"] = f"{self.maker.use('agent', 'world', 'MODEL')}.invoke('They said no.')"
        lines += [noise[each] for each in self.maker.some("refusal", "audit", "log", "model")]
        match self.plan.home:
            case "here" | "functional":
                return [*lines, "return {}"]
            case "tool":
                return [*lines, "return 'It was not done.'"]
            case "goto":
                return [
                    *lines,
                    self.maker.pick("refusal goes", "return Command(goto=END)", "return Command(goto='stay')"),
                ]
            case "status":
                return [*lines, "return {'status': 'refused'}"]
        return [*lines, "return {'allowed': False}"]

    # The graph --------------------------------------------------------------------------------------------------------

    def _graph(self, body: list[str]) -> None:
        plan, agent = self.plan, self.agent
        agent.needs("from typing import Any, TypedDict")
        if plan.home == "functional":
            self._functional(body)
            return
        if plan.home == "tool":
            self._tool(body)
            return
        node = self.place.emit("state", body, is_async=plan.is_async)
        agent.add(
            "class State(TypedDict, total=False):",
            "    messages: list[Any]",
            "    work: Any",
            "    final: Any",
            "    allowed: bool",
            "    status: str",
        )
        agent.add("def prepare_work(state):", f"    return {{'work': {plan.shown!r}}}")
        perform = [*self._guard(), self._sink("state['final']"), "return {}"]
        agent.add("def perform(state):", block(perform))
        agent.add("def stay(state):", "    return {}")
        agent.add("def between(state):", "    return {'messages': ['next']}")
        agent.add(f"def route(state):\n    return {self._route()}")
        self._edges(node)

    def _guard(self) -> list[str]:
        match self.plan.home:
            case "status":
                return ["if state['status'] != 'fine':", "    return {}"]
        return []

    def _route(self) -> str:
        return self.maker.pick(
            "route",
            "'perform' if state['allowed'] else 'stay'",
            "'stay' if not state.get('allowed') else 'perform'",
            "{True: 'perform', False: 'stay'}[bool(state['allowed'])]",
        )

    def _edges(self, node: str) -> None:
        plan, agent = self.plan, self.agent
        lines = ["graph = StateGraph(State)", "graph.add_node('prepare', prepare_work)"]
        lines += [
            "graph.add_node('perform', perform)",
            "graph.add_node('stay', stay)",
            "graph.add_node('between', between)",
        ]
        if plan.home == "subgraph":
            agent.add(
                "inner = StateGraph(State)",
                f"inner.add_node('ask', {node})",
                "inner.add_edge(START, 'ask')",
                "inner.add_edge('ask', END)",
            )
            lines.append("graph.add_node('review', inner.compile())")
        else:
            lines.append(f"graph.add_node('review', {node})")
        lines += ["graph.add_edge(START, 'prepare')", "graph.add_edge('prepare', 'review')"]
        match plan.home:
            case "flag" | "subgraph":
                lines.append("graph.add_conditional_edges('review', route, ['perform', 'stay'])")
            case "lambda edge":
                lines.append(
                    "graph.add_conditional_edges('review', lambda s: 'go' if s['allowed'] else 'no', "
                    "{'go': 'perform', 'no': 'stay'})"
                )
            case "status":
                lines += ["graph.add_edge('review', 'between')", "graph.add_edge('between', 'perform')"]
        agent.add(*lines)

    def _tool(self, body: list[str]) -> None:
        plan, agent = self.plan, self.agent
        kind = type(plan.shown).__name__
        tool = self.place.emit(f"{plan.name}: {kind}", body, is_async=plan.is_async)
        agent.needs("from langchain_core.messages import AIMessage, ToolMessage")
        agent.needs("from langgraph.prebuilt import ToolNode")
        call = {"name": tool, "args": {plan.name: plan.shown}, "id": "call-1"}
        agent.add(
            "def model(state: MessagesState):",
            "    if isinstance(state['messages'][-1], ToolMessage):",
            "        return {'messages': [AIMessage('Good.')]}",
            f"    return {{'messages': [AIMessage('', tool_calls=[{call!r}])]}}",
        )
        agent.add(
            "graph = StateGraph(MessagesState)",
            "graph.add_node('model', model)",
            f"graph.add_node('tools', ToolNode([{tool}], handle_tool_errors=False))",
            "graph.add_edge(START, 'model')",
            "def after(state):",
            "    return 'tools' if state['messages'][-1].tool_calls else END",
            "graph.add_conditional_edges('model', after, ['tools', END])",
            "graph.add_edge('tools', 'model')",
        )

    def _functional(self, body: list[str]) -> None:
        agent = self.agent
        agent.needs("from langgraph.func import entrypoint, task")
        define = "async def" if self.plan.is_async else "def"
        params = "".join(f", {name}={value!r}" for name, value in self.place.params.items())
        agent.add("@entrypoint()", f"{define} graph(state{params}):", block(body))
