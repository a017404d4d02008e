"""The script of the deploy agent: reads a request, plans the tool calls, and reports their results.

It never trusts its own plan for the report. A reviewer may have changed, refused or answered a call, so each sentence
is made from the tool's message: its artifact says what ran, its status whether it ran.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage
from signoff_examples_fleet import MOST_REPLICAS, SERVICES, Environment, Fleet, Service, counted, listed

HELP = f"""\
I ship services, and a person approves before anything changes. You can say:
• ship billing 2.4.1 to production
• ship billing 2.4.1 and ledger 1.9.0 to production and search 3.0.0 to staging
• ship checkout 5.12.1 to staging with 4 replicas
• roll back billing in staging
• status of billing
I look after {listed(SERVICES)}, in staging and production."""

Verb = Literal["ship", "roll back", "status"]
VERBS: dict[str, Verb] = {
    **dict.fromkeys(("ship", "deploy", "release", "promote", "install", "upgrade"), "ship"),
    **dict.fromkeys(("rollback", "revert", "back"), "roll back"),
    **dict.fromkeys(("status", "running", "runs", "deployed", "state"), "status"),
}
PLACES: dict[str, Environment] = {
    **dict.fromkeys(("production", "prod"), "production"),
    **dict.fromkeys(("staging", "stage"), "staging"),
}
REPLICAS = {"replica", "replicas", "instances", "copies", "pods"}
# Words that may stand where a service could: they are not reported as a service that nobody knows.
SMALL_WORDS = re.compile(
    "a|all|and|are|at|can|could|current|currently|do|everything|fleet|for|from|give|go|hey|hi|how|i|in|is|it|latest|me|"
    "my|now|of|on|our|out|please|right|roll|service|services|show|tell|the|to|us|version|want|we|what|what's|whats|which|"
    "with|would|you"
)
VERSION = re.compile(r"v?(\d+(?:\.\d+){1,2}(?:-[0-9a-z.]+)?)")
KNOWN = {str(service): service for service in SERVICES}
THANKS = re.compile(r"(?i)\b(thanks|thank you|cheers)\b")
CALLED_OFF = {"cancel", "don't", "dont", "never", "nevermind", "not", "stop"}
REPLICAS_ALLOWED = range(1, MOST_REPLICAS + 1)
MENTION = re.compile(r"<[^>]*>|@\w+")
# Marks a message that asks for what a request lacks: the next message is read together with the one before it.
UNFINISHED = "unfinished"
# How LangChain's middleware opens the message of a rejected call.
REJECTED = "User rejected the tool call"


@dataclass(slots=True)
class Wish:
    """One thing that a person asked for; None stands for what they did not say."""

    service: Service
    verb: Verb | None = None
    version: str | None = None
    environment: Environment | None = None
    replicas: int | None = None

    def question(self, fleet: Fleet) -> str | None:
        """Return the question to ask before this can be done, or None if all is known."""
        if self.verb == "status":
            return None
        if self.verb == "ship" and self.version is None:
            tested = fleet.current(self.service, "staging").version
            return f"Which version of {self.service} shall I ship? Staging runs {tested}."
        if self.environment is None:
            return f"Where shall I {self.verb} {self.service}: in staging or in production?"
        if self.verb == "roll back" and fleet.previous(self.service, self.environment) is None:
            return f"{self.service} has no earlier release in {self.environment} to return to."
        if self.replicas is not None and self.replicas not in REPLICAS_ALLOWED:
            offered = f"I run 1 to {MOST_REPLICAS} replicas of {self.service}, not {self.replicas}."
            return f"{offered} With how many shall I ship it?"
        return None

    def call(self, fleet: Fleet) -> tuple[str, dict[str, Any]]:
        """Return the tool's name and arguments; the number of replicas stays as it is unless somebody gave one."""
        if self.environment is None or self.verb == "status":
            return "get_status", {"service": self.service}
        place: dict[str, Any] = {"service": self.service, "environment": self.environment}
        if self.verb == "roll back":
            before = fleet.previous(self.service, self.environment)
            return "rollback_service", {**place, "version": before.version if before else ""}
        replicas = self.replicas or fleet.current(self.service, self.environment).replicas
        return "deploy_service", {"service": self.service, "version": self.version, **place, "replicas": replicas}


class Reading:
    """Reads a request word by word: each word adds to the wishes so far.

    A version or a number of replicas belongs to the services named last; an environment to all before it that have
    none, so that "billing 2.4.1 and ledger 1.9.0 to production and search 3.0.0 to staging" means what it says.
    """

    def __init__(self, text: str) -> None:
        self.wishes: list[Wish] = []
        self.unknown: list[str] = []
        self.called_off = False
        self._strangers: list[str] = []
        self._verb: Verb | None = None
        self._version: str | None = None
        self._environment: Environment | None = None
        plain = MENTION.sub(" ", text).lower().replace("\u2019", "'")
        words = [word.strip(".-'") for word in re.findall(r"[\w.'-]+", plain)]
        for before, word, following in zip(["", *words], words, [*words[1:], ""], strict=False):
            self._take(before, word, following)
        self._close()

    def _take(self, before: str, word: str, following: str) -> None:
        if word in VERBS:
            self._verb = VERBS[word]
        elif service := KNOWN.get(word):
            self.wishes.append(Wish(service, self._verb, self._version, self._environment))
            self._version = None
        elif version := VERSION.fullmatch(word):
            self._take_version(before, version[1])
        elif word in PLACES:
            self._take_environment(PLACES[word])
        elif word.isdigit() and following in REPLICAS:
            self._take_replicas(int(word))
        elif word in CALLED_OFF:
            self.called_off = True
        elif word not in REPLICAS and not SMALL_WORDS.fullmatch(word):
            (self.unknown if VERSION.fullmatch(following) else self._strangers).append(word)

    def _take_version(self, before: str, version: str) -> None:
        if before == "from" or before in self.unknown:
            return
        if self.wishes and self.wishes[-1].version is None:
            self.wishes[-1].version = version
        else:
            self._version = version

    def _take_replicas(self, count: int) -> None:
        for wish in self.wishes:
            if wish.replicas not in REPLICAS_ALLOWED:
                wish.replicas = count

    def _take_environment(self, environment: Environment) -> None:
        if not self.wishes:
            self._environment = environment
        for wish in self.wishes:
            wish.environment = wish.environment or environment

    def _close(self) -> None:
        if self._verb and not self.wishes:
            self.unknown += self._strangers
        if self._verb == "status" and not self.wishes and not self.unknown:
            self.wishes = [Wish(service) for service in SERVICES]
        for wish in self.wishes:
            wish.verb = wish.verb or ("ship" if wish.version else "status")

    def question(self, fleet: Fleet) -> str | None:
        """Return the question to ask before anything is done, or None."""
        if self.unknown:
            return f"I do not know a service called {self.unknown[0]}. I look after {listed(SERVICES)}."
        return next((question for wish in self.wishes if (question := wish.question(fleet))), None)


class Operator:
    """The script: a conversation in, the agent's next message out."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def __call__(self, messages: Sequence[BaseMessage]) -> AIMessage:
        """Report on the calls that have returned, or plan what the person asks for."""
        if isinstance(messages[-1], ToolMessage):
            return AIMessage(self._report(messages))
        return self._plan(messages)

    def _plan(self, messages: Sequence[BaseMessage]) -> AIMessage:
        latest, all_of_it = said(messages)
        reading = Reading(latest)
        if reading.called_off:
            return AIMessage("All right, I leave everything as it is.")
        if latest != all_of_it and (not reading.wishes or reading.question(self._fleet)):
            reading = Reading(all_of_it)
        if question := reading.question(self._fleet):
            return AIMessage(question, additional_kwargs={UNFINISHED: not reading.unknown})
        if not reading.wishes:
            return AIMessage("You are welcome." if THANKS.search(latest) else HELP)
        calls = dict.fromkeys(
            (name, tuple(args.items())) for name, args in (w.call(self._fleet) for w in reading.wishes)
        )
        return AIMessage(
            "",
            tool_calls=[
                ToolCall(name=name, args=dict(args), id=f"call_{len(messages)}_{number}", type="tool_call")
                for number, (name, args) in enumerate(calls, start=1)
            ],
        )

    def _report(self, messages: Sequence[BaseMessage]) -> str:
        asked = next(each for each in reversed(messages) if isinstance(each, AIMessage))
        results = {each.tool_call_id: each for each in messages if isinstance(each, ToolMessage)}
        sentences = [self._outcome(call, results[call["id"] or ""]) for call in asked.tool_calls]
        if len(sentences) == 1:
            return sentences[0]
        return "\n".join(f"• {sentence}" for sentence in sentences)

    def _outcome(self, call: ToolCall, result: ToolMessage) -> str:
        """Return the sentence on one call: what ran, or that nothing did and why."""
        text = str(result.content)
        if isinstance(result.artifact, dict):
            return after_notice(text) + what_changed(call, result.artifact)
        if text.startswith(REJECTED):
            _, _, reason = text.partition(" with reason: ")
            why = f"a reviewer refused it: “{reason}”" if reason else "a reviewer refused it and gave no reason"
            return f"I did not {plainly(call)}: {why}.{self._still(call)}"
        return f"I could not {plainly(call)}: {after_notice(text)}.{self._still(call)}"

    def _still(self, call: ToolCall) -> str:
        args = call["args"]
        if "environment" not in args:
            return ""
        release = self._fleet.current(args["service"], args["environment"])
        return f" {args['environment'].capitalize()} still runs {args['service']} {release}."


def said(messages: Sequence[BaseMessage]) -> tuple[str, str]:
    """Return what the person said last, and that with all they said since the last finished answer."""
    texts: list[str] = []
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            texts.insert(0, str(message.text))
        elif texts and not message.additional_kwargs.get(UNFINISHED):
            break
    return texts[-1], "\n".join(texts)


def plainly(call: ToolCall) -> str:
    """Return a call as a person would say it: `ship billing 2.4.1 to production on 3 replicas`."""
    args = call["args"]
    service, environment = args.get("service"), args.get("environment")
    match call["name"]:
        case "deploy_service":
            return f"ship {service} {args.get('version')} to {environment} on {counted(args.get('replicas'))}"
        case "rollback_service":
            return f"roll back {service} in {environment} to {args.get('version')}"
        case name:
            return f"run {name} for {service}"


def after_notice(text: str) -> str:
    """Return a tool's own words: the middleware puts a notice for the model before the result of an edited call."""
    return text.rpartition("Tool response:\n")[2]


def what_changed(call: ToolCall, ran: dict[str, Any]) -> str:
    """Return a sentence on what a reviewer changed in a call before it ran, or nothing."""
    proposed = call["args"]
    if ran.keys() != proposed.keys():
        return f" A reviewer chose this in place of what I proposed: to {plainly(call)}."
    changes = [
        f"{name} from {proposed.get(name)} to {value}" for name, value in ran.items() if proposed.get(name) != value
    ]
    return f" A reviewer changed {listed(changes)} before it ran." if changes else ""
