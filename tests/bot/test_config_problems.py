"""Each mistake in a configuration is one clear line: the file, the line, the key, what is wrong, and the mend (P10)."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from bot.config.file import read
from bot.config.load import load
from bot.config.problems import ConfigError
from bot.config.values import duration

pytestmark = pytest.mark.promise("P10")

ENVIRON = {"SLACK_BOT_TOKEN": "xoxb-1-bot", "SLACK_APP_TOKEN": "xapp-1-app"}
DEPLOY = "agents:\n  deploy: {graph: a.py:graph, channels: [ops]}\n"
ANSWERS = "agents:\n  deploy:\n    graph: a.py:g\n    channels: [ops]\n    answers:\n"
RULE = DEPLOY + "approvals:\n  - approvers: {users: [alice, bob]}\n"


def problems(folder: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    """The problems of a file, without the folder that it stands in."""
    file = folder / "app.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file, ENVIRON if environ is None else environ)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


CASES = {
    "unknown key": (
        "agents:\n  deploy:\n    graph: a.py:graph\n    chanels: [ops]\n    direct_messages: true\n",
        'app.yaml:4: agents.deploy.chanels: there is no key "chanels" here. Did you mean "channels"?',
    ),
    "unknown key at the top": (
        DEPLOY + "retentoin: 3d\n",
        'app.yaml:3: retentoin: there is no key "retentoin" here. Did you mean "retention"?',
    ),
    "unknown key like no other": (
        DEPLOY + "http: {zzz: 1}\n",
        'app.yaml:3: http.zzz: there is no key "zzz" here. Known are: host, port.',
    ),
    "two agents for direct messages": (
        "agents:\n  one: {graph: a.py:g, direct_messages: true}\n  two: {graph: b.py:g, direct_messages: true}\n",
        (
            'app.yaml:3: agents.two.direct_messages: direct messages reach "one" already, and only one agent can '
            "answer them. Keep direct_messages: true at one agent."
        ),
    ),
    "agent that nobody reaches": (
        "agents:\n  one: {graph: a.py:g}\n",
        "app.yaml:2: agents.one: nobody can reach this agent. Give it channels, or direct_messages: true.",
    ),
    "resume that is neither": (
        "agents:\n  deploy:\n    graph: a.py:g\n    channels: [ops]\n    resume: togeter\n",
        'app.yaml:5: agents.deploy.resume: "togeter" is not a valid value. Did you mean "together"?',
    ),
    "answer with a word that is nearly known": (
        ANSWERS + "    - approve: {resume: {a: [$valu]}}\n",
        ('app.yaml:6: agents.deploy.answers[0].approve.resume.a[0]: $valu is not known here. Did you mean "$value"?'),
    ),
    "answer with a dollar sign": (
        ANSWERS + "    - approve: {resume: {price: $foo}}\n",
        (
            "app.yaml:6: agents.deploy.answers[0].approve.resume.price: $foo is not known here. For "
            "a dollar sign write $$: $$foo."
        ),
    ),
    "answer that picks nothing": (
        ANSWERS + "    - edit: {resume: {a: $value., b: $value}}\n",
        (
            "app.yaml:6: agents.deploy.answers[0].edit.resume.a: $value. picks nothing that can be read. Write a field "
            '($value.draft, $value["due-date"]) or a number in brackets ($value.items[0]).'
        ),
    ),
    "answer that picks by a name in brackets": (
        ANSWERS + '    - edit: {update: {a: "$value[x]"}}\n',
        (
            "app.yaml:6: agents.deploy.answers[0].edit.update.a: $value[x] picks nothing that can be "
            "read. Write a field "
            '($value.draft, $value["due-date"]) or a number in brackets ($value.items[0]).'
        ),
    ),
    "answer that picks of a text": (
        ANSWERS + "    - reject: {resume: $text.x}\n",
        (
            "app.yaml:6: agents.deploy.answers[0].reject.resume: $text.x picks nothing that can be "
            "read. $text has no fields: write it alone, "
            "or put a space behind it."
        ),
    ),
    "answer with a word as a key": (
        ANSWERS + "    - reject: {resume: {$text: 1}}\n",
        (
            "app.yaml:6: agents.deploy.answers[0].reject.resume.$text: $text is a key, and keys are "
            "sent as they are. Put the word into a value."
        ),
    ),
    "answer with a yes that YAML takes for true": (
        ANSWERS + "    - approve: {resume: {sure: true, verdict: Yes}}\n",
        (
            "app.yaml:6: agents.deploy.answers[0].approve.resume.verdict: YAML reads Yes as true, not as a word. "
            'Write "Yes" in quotes for the word, or true.'
        ),
    ),
    "answer with a no within a list": (
        ANSWERS + "    - reject: {resume: [false, no]}\n",
        (
            "app.yaml:6: agents.deploy.answers[0].reject.resume[1]: YAML reads no as false, not as a word. "
            'Write "no" in quotes for the word, or false.'
        ),
    ),
    "answer with a word of another choice": (
        ANSWERS + "    - approve: {update: {a: [1, $json]}}\n",
        (
            "app.yaml:6: agents.deploy.answers[0].approve.update.a[1]: $json is known in answer "
            "only. Write $text, or a value."
        ),
    ),
    "answer with a reason where nobody refuses": (
        ANSWERS + "    - approve: {resume: $reason}\n",
        (
            "app.yaml:6: agents.deploy.answers[0].approve.resume: $reason is known in reject only. "
            "Write $text, or a value."
        ),
    ),
    "edit that sends nothing of the edit": (
        ANSWERS + "    - edit: {resume: {a: 1}}\n",
        (
            "app.yaml:6: agents.deploy.answers[0].edit: nothing of what was edited is sent. Write "
            "$value, or a field of it: $value.draft."
        ),
    ),
    "answer with an unknown key": (
        "agents:\n  deploy:\n    graph: a.py:g\n    channels: [ops]\n    answers:\n    - approve: {resumee: true}\n",
        (
            'app.yaml:6: agents.deploy.answers[0].approve.resumee: there is no key "resumee" here. '
            'Did you mean "resume"?'
        ),
    ),
    "answer for an unknown choice": (
        "agents:\n  deploy:\n    graph: a.py:g\n    channels: [ops]\n    answers:\n    - aprove: {resume: true}\n",
        ('app.yaml:6: agents.deploy.answers[0].aprove: there is no key "aprove" here. Did you mean "approve"?'),
    ),
    "answer for what is no node": (
        (
            "agents:\n  deploy:\n    graph: a.py:g\n    channels: [ops]\n    answers:\n"
            "    - {when: {nodes: x}, approve: {resume: true}}\n"
        ),
        'app.yaml:6: agents.deploy.answers[0].when.nodes: there is no key "nodes" here. Did you mean "node"?',
    ),
    "answer with an unknown word": (
        "agents:\n  deploy:\n    graph: a.py:g\n    channels: [ops]\n    answers:\n    - answer: {resume: $txt}\n",
        'app.yaml:6: agents.deploy.answers[0].answer.resume: $txt is not known here. Did you mean "$text"?',
    ),
    "answer that offers nothing": (
        "agents:\n  deploy:\n    graph: a.py:g\n    channels: [ops]\n    answers:\n    - ask: Really?\n",
        (
            "app.yaml:6: agents.deploy.answers[0]: this entry offers nothing. "
            "Add approve, edit, reject, answer or options, with resume: or update:."
        ),
    ),
    "option with an unknown key": (
        (
            "agents:\n  deploy:\n    graph: a.py:g\n    channels: [ops]\n    answers:\n"
            "    - options: {escalate: {resumee: 1}}\n"
        ),
        (
            'app.yaml:6: agents.deploy.answers[0].options.escalate.resumee: there is no key "resumee" here. '
            'Did you mean "resume"?'
        ),
    ),
    "option without a name": (
        (
            "agents:\n  deploy:\n    graph: a.py:g\n    channels: [ops]\n    answers:\n"
            "    - options: {' ': {resume: 1}}\n"
        ),
        (
            "app.yaml:6: agents.deploy.answers[0].options: an option's name is the label of a button. "
            "Give it 1 to 75 characters."
        ),
    ),
    "graph here and a server": (
        (
            "agents:\n  one:\n    graph: a.py:g\n    channels: [ops]\n"
            "    server: {url: 'http://127.0.0.1:2024', assistant: one}\n"
        ),
        "app.yaml:5: agents.one.server: an agent has a graph here or runs on a server, not both. Keep graph or server.",
    ),
    "a value of a message within a text": (
        "agents:\n  one: {graph: a.py:g, channels: [ops], input: {q: 'pay $fields.amount'}}\n",
        (
            "app.yaml:2: agents.one.input.q: $fields.NAME has to stand alone, as the value of a key. Write amount: "
            "$fields.amount."
        ),
    ),
    "a value of a message in a list": (
        "agents:\n  one: {graph: a.py:g, channels: [ops], input: [$fields.amount]}\n",
        (
            "app.yaml:2: agents.one.input[0]: $fields.NAME has to stand alone, as the value of a key. Write amount: "
            "$fields.amount."
        ),
    ),
    "a value of a message whose name nobody can write": (
        "agents:\n  one: {graph: a.py:g, channels: [ops], input: {q: $fields.__}}\n",
        (
            "app.yaml:2: agents.one.input.q: a name of underscores alone cannot be given in a message. Write amount: "
            "$fields.amount."
        ),
    ),
    "values of a message on a server": (
        "agents:\n  one:\n    channels: [ops]\n    server: {url: 'http://h', assistant: a}\n    input: {n: $fields.n}",
        (
            "app.yaml:5: agents.one.input: the types of a graph's input are not known on a LangGraph Server, so no "
            "message is read for $fields. Write $text, or a value."
        ),
    ),
    "gated tools on a server": (
        (
            "agents:\n  one:\n    channels: [ops]\n    gate_tools: [refund]\n"
            "    server: {url: 'http://127.0.0.1:2024', assistant: one}\n"
        ),
        (
            "app.yaml:4: agents.one.gate_tools: tools on a LangGraph Server start there, where Signoff cannot stop "
            "them. Remove it, and name the steps that run tools: interrupt_before: [tools]. See docs/gates.md."
        ),
    ),
    "gated tools that are no list": (
        DEPLOY + "defaults: {gate_tools: refund_*}\n",
        'app.yaml:3: defaults.gate_tools: "refund_*" is not a list. Write it as [one, two].',
    ),
    "gated tools of two words": (
        DEPLOY + "defaults: {gate_tools: [refund all]}\n",
        (
            'app.yaml:3: defaults.gate_tools[0]: "refund all" is not the name of a tool. '
            'Write a name, where * stands for anything: "refund_*".'
        ),
    ),
    "server without an assistant": (
        "agents:\n  one:\n    channels: [ops]\n    server: {url: 'http://127.0.0.1:2024'}\n",
        "app.yaml:4: agents.one.server.assistant: is missing. Add it.",
    ),
    "no agents": (
        "agents: {}\n",
        "app.yaml:1: agents: there is no agent. Add one: a name, and below it graph: file.py:name.",
    ),
    "no graph": (
        "agents:\n  one: {channels: [ops]}\n",
        "app.yaml:2: agents.one.graph: is missing. Add graph: file.py:name.",
    ),
    "graph without an object": (
        "agents:\n  one: {graph: a.py, channels: [ops]}\n",
        (
            'app.yaml:2: agents.one.graph: "a.py" does not say which object of which file is the graph. '
            "Write file.py:name or package.module:name."
        ),
    ),
    "channel in capitals": (
        "agents:\n  one: {graph: a.py:g, channels: [Ops]}\n",
        (
            'app.yaml:2: agents.one.channels[0]: "Ops" is not a channel. '
            'Write its name as Slack shows it, in lower case: "#deploys".'
        ),
    ),
    "channel twice": (
        'agents:\n  one: {graph: a.py:g, channels: [ops, "#ops"]}\n',
        "app.yaml:2: agents.one.channels: #ops is named twice. Keep one of the two.",
    ),
    "channels not a list": (
        "agents:\n  one: {graph: a.py:g, channels: ops}\n",
        'app.yaml:2: agents.one.channels: "ops" is not a list. Write it as [one, two].',
    ),
    "reply that is not JMESPath": (
        'agents:\n  one: {graph: a.py:g, channels: [ops], reply: "messages["}\n',
        (
            'app.yaml:2: agents.one.reply: "messages[" is not JMESPath (Invalid jmespath expression). '
            "See https://jmespath.org; the default is messages[-1].content."
        ),
    ),
    "input with an unknown placeholder": (
        'agents:\n  one: {graph: a.py:g, channels: [ops], input: {q: ["$txt"]}}\n',
        'app.yaml:2: agents.one.input.q[0]: $txt is not known here. Did you mean "$text"?',
    ),
    "context with a placeholder of the input": (
        "agents:\n  one:\n    graph: a.py:g\n    channels: [ops]\n    context:\n      a: 1\n      who: {said: $text}\n",
        (
            "app.yaml:7: agents.one.context.who.said: $text is not known here. For a dollar sign write $$: $$text. "
            "Known: $user, $channel, $thread."
        ),
    ),
    "configurable with a misspelt placeholder": (
        "agents:\n  one: {graph: a.py:g, channels: [ops], configurable: {tags: [$chanel]}}\n",
        'app.yaml:2: agents.one.configurable.tags[0]: $chanel is not known here. Did you mean "$channel"?',
    ),
    "a placeholder as a key": (
        "agents:\n  one: {graph: a.py:g, channels: [ops], context: {$user: 1}}\n",
        (
            "app.yaml:2: agents.one.context.$user: $user is a key, and keys are passed as they are. Put the word "
            "into a value."
        ),
    ),
    "a context that is empty": (
        "agents:\n  one:\n    graph: a.py:g\n    channels: [ops]\n    context:\n",
        (
            "app.yaml:5: agents.one.context: is empty. Give it a value, or remove the key. Quote what starts with "
            '#: "#name".'
        ),
    ),
    "a context that is no object": (
        "agents:\n  one: {graph: a.py:g, channels: [ops], context: [1]}\n",
        "app.yaml:2: agents.one.context: this is not a set of keys with values. Write key: value below it, indented.",
    ),
    "a context with a word that YAML takes for true": (
        "agents:\n  one: {graph: a.py:g, channels: [ops], context: {reply: yes}}\n",
        (
            'app.yaml:2: agents.one.context.reply: YAML reads yes as true, not as a word. Write "yes" in quotes '
            "for the word, or true."
        ),
    ),
    **{
        f"configurable with the key {key}": (
            f"agents:\n  one: {{graph: a.py:g, channels: [ops], configurable: {{model: m, {key}: x}}}}\n",
            (
                f"app.yaml:2: agents.one.configurable.{key}: {key} is set by Signoff or LangGraph. Use another name. "
                "The person who asked is in user_id and langgraph_auth_user already."
            ),
        )
        for key in (
            "thread_id",
            "user_id",
            "run_id",
            "checkpoint_ns",
            "langgraph_auth_user",
            "signoff_fence",
            "__pregel_send",
        )
    },
    "a context with a key of the server": (
        "agents:\n  one: {server: {url: 'http://h', assistant: a}, channels: [ops], context: {thread_id: x}}\n",
        "app.yaml:2: agents.one.context.thread_id: a LangGraph Server sets thread_id itself. Use another name.",
    ),
    "a context and a configurable of a server that differ": (
        (
            "agents:\n  one: {server: {url: 'http://h', assistant: a}, channels: [ops], context: {m: x},"
            " configurable: {m: y}}\n"
        ),
        (
            "app.yaml:2: agents.one.context.m: a LangGraph Server passes context and configurable as one object, and "
            "both have m. Keep one of the two."
        ),
    ),
    "agent's name with a space": (
        "agents:\n  my one: {graph: a.py:g, channels: [ops]}\n",
        (
            'app.yaml:2: agents.my one: "my one" is not a name that a message can begin with. '
            "Use letters, digits, - and _, at most 64."
        ),
    ),
    "agents that differ in capitals only": (
        "agents:\n  one: {graph: a.py:g, channels: [ops]}\n  One: {graph: a.py:g, channels: [ops]}\n",
        ('app.yaml:3: agents.One: "One" and "one" look the same as the first word of a message. Rename one of them.'),
    ),
    "truth in words": (
        "agents:\n  one: {graph: a.py:g, direct_messages: perhaps}\n",
        'app.yaml:2: agents.one.direct_messages: "perhaps" is neither true nor false. Write true or false.',
    ),
    "bad duration": (
        RULE + "    remind_after: 10 minuets\n",
        (
            'app.yaml:5: approvals[0].remind_after: "10 minuets" is not a duration. '
            "Write a number and a unit: 90s, 10m, 4h or 30d."
        ),
    ),
    "duration without a unit": (
        DEPLOY + "retention: 30\n",
        "app.yaml:3: retention: 30 is not a duration. Write a number and a unit: 90s, 10m, 4h or 30d.",
    ),
    "no time at all": (
        DEPLOY + "retention: 0d\n",
        'app.yaml:3: retention: "0d" is too short or too long. Write at least 1s and at most 3650d.',
    ),
    "an audit that is forgotten first": (
        DEPLOY + "retention: 30d\naudit_retention: 7d\n",
        (
            "app.yaml:4: audit_retention: the audit would be forgotten before what it tells of, by retention. "
            "Make it at least as long as retention."
        ),
    ),
    "reminder after the expiry": (
        RULE + "    remind_after: 4h\n    expires_after: 4h\n",
        (
            "app.yaml:5: approvals[0].remind_after: the reminder would come after the expiry. "
            "Make it shorter than expires_after."
        ),
    ),
    "expiry after everything is forgotten": (
        RULE + "    expires_after: 31d\n",
        (
            "app.yaml:5: approvals[0].expires_after: the approval would be forgotten before that, by retention. "
            "Make it shorter, or retention longer."
        ),
    ),
    "silence that approves": (
        RULE + "    expires_after: 1h\n    on_expiry: approve\n",
        (
            "app.yaml:6: approvals[0].on_expiry: silence never approves, so an expiry cannot approve. "
            'Write "reject", "escalate" or "fail".'
        ),
    ),
    "outcome of an expiry that never comes": (
        RULE + "    on_expiry: fail\n",
        "app.yaml:5: approvals[0].on_expiry: this rule never expires. Add expires_after, or remove on_expiry.",
    ),
    "outcome misspelt": (
        RULE + "    expires_after: 1h\n    on_expiry: rejct\n",
        'app.yaml:6: approvals[0].on_expiry: "rejct" is not a valid value. Did you mean "reject"?',
    ),
    "quorum out of reach": (
        RULE + "    quorum: 3\n",
        (
            "app.yaml:5: approvals[0].quorum: a quorum of 3 cannot be reached by 2 approvers. "
            "Name more approvers, or ask for fewer."
        ),
    ),
    "quorum of the same person twice": (
        DEPLOY + "approvals:\n  - approvers: {users: [alice, alice]}\n    quorum: 2\n",
        "app.yaml:4: approvals[0].approvers.users: alice is named twice. Keep one of the two.",
    ),
    "quorum of nobody": (
        RULE + "    quorum: 0\n",
        "app.yaml:5: approvals[0].quorum: 0 is too small. Write at least 1.",
    ),
    "quorum of yes": (
        RULE + "    quorum: yes\n",
        "app.yaml:5: approvals[0].quorum: true is not a whole number. Write a number, such as 2.",
    ),
    "nobody decides": (
        DEPLOY + "approvals:\n  - when: {tool: x}\n",
        "app.yaml:4: approvals[0].approvers: is missing. Say who decides: approvers: {users: [alice]}.",
    ),
    "no approvers": (
        DEPLOY + "approvals:\n  - approvers: {users: []}\n",
        "app.yaml:4: approvals[0].approvers.users: is empty. Name at least one.",
    ),
    "rule that matches no agent": (
        DEPLOY + "approvals:\n  - when: {agent: deplyo}\n    approvers: {users: [alice]}\n",
        'app.yaml:4: approvals[0].when.agent: "deplyo" matches no agent. Did you mean "deploy"?',
    ),
    "question about a tool": (
        RULE + "    when: {kind: question, tool: x}\n",
        (
            "app.yaml:5: approvals[0].when: a question is no tool call, so this rule would never apply. "
            'Remove "tool" or "kind".'
        ),
    ),
    "rule that an earlier one covers": (
        RULE + '  - when: {tool: "delete_*"}\n    approvers: {users: [alice, bob]}\n    quorum: 2\n',
        (
            "app.yaml:5: approvals[1]: this rule can never apply: approvals[0] comes first and matches all that it "
            "matches. Move it up, or remove it."
        ),
    ),
    "name that YAML takes for a comment": (
        RULE + "    post_to: #prod-approvals\n",
        (
            "app.yaml:5: approvals[0].post_to: is empty. "
            'Give it a value, or remove the key. Quote what starts with #: "#name".'
        ),
    ),
    "list that YAML takes for a comment": (
        "agents:\n  one:\n    graph: a.py:g\n    channels: [#ops]\n    description: x\n",
        (
            "app.yaml:4: is not YAML: while parsing a flow sequence, expected ',' or ']', but got '<stream end>'. "
            'A # begins a comment: put names that start with it into quotes, such as "#deploys".'
        ),
    ),
    "equal keys": (
        DEPLOY + "  deploy: {graph: b.py:g, channels: [dev]}\n",
        "app.yaml:3: agents.deploy: is repeated (first in line 2). Keep one of the two.",
    ),
    "key that is not text": (
        DEPLOY + "on: 1\n",
        'app.yaml:3: on: is a key, but not text. Put it into quotes: "on".',
    ),
    "tag that makes an object": (
        "agents: !!python/object:os.system {}\n",
        (
            "app.yaml:1: is not YAML: the tag tag:yaml.org,2002:python/object:os.system makes no plain value. "
            "Correct this line, or the one above it."
        ),
    ),
    "missing environment variable": (
        'agents:\n  one: {graph: "${PLACE}/a.py:g", channels: [ops]}\n',
        (
            "app.yaml:2: agents.one.graph: the environment variable PLACE is not set. "
            "Set PLACE, in the environment or in .env beside this file, or write ${PLACE:-default}."
        ),
    ),
    "variable without a name": (
        'agents:\n  one: {graph: a.py:g, channels: [ops], description: "${1x}"}\n',
        "app.yaml:2: agents.one.description: ${1x} names no variable. Write ${NAME} or ${NAME:-default}.",
    ),
    "retention left empty": (
        DEPLOY + "retention:\n",
        'app.yaml:3: retention: is empty. Give it a value, or remove the key. Quote what starts with #: "#name".',
    ),
    "date where JSON is wanted": (
        "agents:\n  one: {graph: a.py:g, channels: [ops], input: 2026-01-02}\n",
        "app.yaml:2: agents.one.input: this is not JSON. Put a date into quotes.",
    ),
    "two documents": (
        DEPLOY + "---\n",
        (
            "app.yaml:3: is not YAML: expected a single document in the stream, but found another document. "
            "Correct this line, or the one above it."
        ),
    ),
    "health without a port": (
        DEPLOY + "health: {host: 0.0.0.0}\n",
        "app.yaml:3: health.port: is missing. Add it.",
    ),
    "port out of range": (
        DEPLOY + "http: {port: 70000}\n",
        "app.yaml:3: http.port: 70000 is too large. Write at most 65535.",
    ),
    "mode misspelt": (
        DEPLOY + "slack: {mode: sockets}\n",
        'app.yaml:3: slack.mode: "sockets" is not a valid value. Did you mean "socket"?',
    ),
    "empty": ("# nothing\n", "app.yaml: is empty. Add agents: with one entry for each agent."),
    "not a mapping": (
        "just words\n",
        'app.yaml:1: "just words" is not a set of keys with values. Write key: value below it, indented.',
    ),
    "alias that holds itself": ("agents: &a [*a]\n", "app.yaml: is nested too deeply. Does an alias hold itself?"),
}


@pytest.mark.parametrize(("text", "line"), CASES.values(), ids=CASES.keys())
def test_one_mistake_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    assert problems(tmp_path, text) == [line]


RULES = {
    "nobody decides": ("[{when: {tool: x}}]", "approvals[0].approvers: is missing. Say who decides: approvers: {users"),
    "nobody is named": ("[{approvers: {guests: false}}]", "approvals[0].approvers: names nobody. Add users, groups,"),
    "an empty list": ("[{approvers: {users: [a], groups: []}}]", "approvers.groups: is empty. Name at least one."),
    "an unknown schedule": (
        "[{approvers: {oncall: [pay]}}]",
        'approvers.oncall[0]: there is no "pay" in oncall:. Add it: oncall: {pay: ...}. See docs/oncall.md.',
    ),
    "two ways to say who": (
        "[{approvers: {users: [a]}, stages: [{users: [b]}]}]",
        "approvals[0].approvers: the approvers are in stages already. Keep approvers or stages.",
    ),
    "people beside all_of": (
        "[{approvers: {users: [a], all_of: [{users: [b]}, {groups: [c]}]}}]",
        "approvals[0].approvers: the people are in all_of already. Move them into a part of all_of.",
    ),
    "one part": ("[{approvers: {all_of: [{users: [b]}]}}]", "approvals[0].approvers.all_of: is empty."),
    "a rule that decides and asks": (
        "[{decide: approve, approvers: {users: [a]}}]",
        "approvals[0].approvers: this rule decides by itself, so nobody is asked. Remove it, or decide.",
    ),
    "a rule that decides in time": (
        "[{decide: reject, expires_after: 1h}]",
        "approvals[0].expires_after: this rule decides by itself, so nobody is asked. Remove it, or decide.",
    ),
    "an edit by rule": ("[{decide: edit}]", 'decide: "edit" cannot be decided by a rule. Write approve or reject.'),
    "quiet people": ("[{approvers: {users: [a]}, quiet: true}]", "quiet: only what a rule decides by itself can be"),
    "a question for several": (
        "[{when: {kind: question}, stages: [{users: [alice]}, {users: [bob]}]}]",
        "a question is answered once, by one person. Write users, groups, or oncall, and no quorum.",
    ),
    "a question decided": ("[{when: {kind: question}, decide: reject}]", "decide: a question has to be answered."),
    "a part out of reach": (
        "[{approvers: {all_of: [{users: [a], quorum: 2}, {groups: [b]}]}}]",
        "approvers.all_of[0].quorum: a quorum of 2 cannot be reached by 1 approver. Name more approvers,",
    ),
    "a stage out of reach": (
        "[{stages: [{users: [a]}, {groups: [b]}], quorum: 2}]",
        "approvals[0].quorum: a quorum of 2 cannot be reached by 1 approver. Name more approvers,",
    ),
    "escalation without steps": (
        "[{approvers: {users: [a]}, expires_after: 1h, on_expiry: escalate}]",
        "on_expiry: there is no step to take. Add escalate, or write reject.",
    ),
    "a step too late": (
        "[{approvers: {users: [a]}, expires_after: 1h, escalate: [{after: 2h, to: {groups: [b]}}]}]",
        "escalate[0].after: this step would come after the expiry. Make it shorter than expires_after,",
    ),
    "steps that do not ascend": (
        "[{approvers: {users: [a]}, escalate: [{after: 2h, to: {groups: [b]}}, {after: 1h, to: {groups: [c]}}]}]",
        "approvals[0].escalate: these times do not ascend. Write the soonest first.",
    ),
    "a step with a quorum": (
        "[{approvers: {users: [a]}, escalate: [{after: 2h, to: {groups: [b], quorum: 2}}]}]",
        "escalate[0].to.quorum: a step adds people to those who decide already. Remove quorum.",
    ),
    "a step with an unknown key": (
        "[{approvers: {users: [a]}, escalate: [{after: 2h, to: {group: [b]}}]}]",
        'escalate[0].to.group: there is no key "group" here. Did you mean "groups"?',
    ),
    "reminders that do not ascend": (
        "[{approvers: {users: [a]}, remind_after: [2h, 1h]}]",
        "approvals[0].remind_after: these times do not ascend. Write the soonest first.",
    ),
    "hours without a zone": (
        '[{approvers: {users: [a]}, hours: {from: "9:00", to: "17:00"}}]',
        "hours.zone: is missing",
    ),
    "an unknown zone": (
        '[{approvers: {users: [a]}, hours: {zone: Europe/Berlim, from: "9:00", to: "17:00"}}]',
        'hours.zone: "Europe/Berlim" is not a time zone. Did you mean "Europe/Berlin"?',
    ),
    "no such day": (
        '[{approvers: {users: [a]}, hours: {zone: UTC, days: [moon], from: "9:00", to: "17:00"}}]',
        "hours.days: this does not name days of the week. Write mon-fri, or a list: [mon, tue, sat].",
    ),
    "no such time": (
        '[{approvers: {users: [a]}, hours: {zone: UTC, from: "9:00", to: "25:00"}}]',
        'hours.to: "25:00" is not a time of day. Write it in quotes: "09:00".',
    ),
    "no hours at all": (
        '[{approvers: {users: [a]}, hours: {zone: UTC, from: "9:00", to: "9:00"}}]',
        "hours.to: these hours begin and end at the same time.",
    ),
    "a grant by several": (
        "[{approvers: {users: [a, b]}, quorum: 2, grants: {for: 1h}}]",
        "approvals[0].grants: only what one person decides can be allowed for a while. Remove grants.",
    ),
    "a grant for too long": (
        "[{approvers: {users: [a]}, grants: {for: 30d}}]",
        "approvals[0].grants.for: a grant lasts at most 7 days. Write 7d or less.",
    ),
    "a field twice": (
        "[{approvers: {users: [a]}, grants: {for: 1h, fields: [b, b]}}]",
        "approvals[0].grants.fields: b is named twice. Keep one of the two.",
    ),
    "guests without names": (
        "[{approvers: {groups: [sre], guests: true}}]",
        "approvers.guests: guests are let in only where users: names them by id. Add users: [U123].",
    ),
    "too many rejections": (
        "[{approvers: {users: [a, b]}, reject_quorum: 3}]",
        "approvals[0].reject_quorum: 3 rejections cannot come from 2 approvers. Ask for fewer, or name more approvers.",
    ),
    "a call to nobody": (
        "[{approvers: {channel: true}, notify: dm}]",
        "approvals[0].notify: nobody would be called: the members of a channel are not called one by one. Name users,",
    ),
    "a clock that nothing reads": (
        "[{approvers: {users: [a]}, zone: Europe/Berlin}]",
        "approvals[0].zone: this is the clock of now in conditions, and this rule has none. Add it to hours:",
    ),
    "a step after everything is forgotten": (
        "[{approvers: {users: [a]}, escalate: [{after: 31d, to: {groups: [b]}}]}]",
        "approvals[0].escalate: the approval would be forgotten before that, by retention.",
    ),
    "no handle": ('[{approvers: {groups: ["the sre"]}}]', 'groups[0]: "the sre" is not the handle of a user group.'),
}


@pytest.mark.promise("P10")
@pytest.mark.parametrize(("text", "line"), RULES.values(), ids=RULES.keys())
def test_a_rule_that_is_wrong_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    (told,) = problems(tmp_path, DEPLOY + f"approvals: {text}\n")
    assert told.startswith("app.yaml:3: approvals[0]")
    assert line in told


ORDERS = {
    "every agent has its own": (
        "[{when: {agent: a}, approvers: &p {users: [x]}}, {when: {agent: b}, approvers: *p}, {approvers: *p}]",
        "approvals[2]: this rule can never apply: approvals[0] and approvals[1] come first and match all that it match",
    ),
    "some agent is left": ("[{when: {agent: a}, approvers: {users: [x]}}, {approvers: {users: [y]}}]", ""),
    "a name within a pattern": (
        '[{when: {tool: "get_?[xyz]"}, approvers: {users: [x]}}, {when: {tool: get_ay}, approvers: {users: [y]}}]',
        "approvals[1]: this rule can never apply: approvals[0] comes first",
    ),
    "a pattern with a set is not read as letters": (
        '[{when: {tool: "*b*"}, approvers: {users: [x]}}, {when: {tool: "[ab]*"}, approvers: {users: [y]}}]',
        "",
    ),
    "automatic first": (
        '[{when: {tool: "get_*"}, decide: approve}, {when: {tool: get_secret}, approvers: {users: [y]}}]',
        "approvals[1]: this rule can never apply: approvals[0] comes first",
    ),
    "the same condition": (
        "[{when: {if: args.a > 1}, approvers: {users: [x]}}, {when: {if: args.a > 1, tool: t}, decide: approve}]",
        "approvals[1]: this rule can never apply: approvals[0] comes first",
    ),
    "people for what an automatic rule cannot judge": (
        "[{when: {if: args.a > 1}, decide: approve}, {when: {if: args.a > 1}, approvers: {users: [x]}}]",
        "",
    ),
    "the same condition by another clock": (
        "[{when: &w {if: now.getHours() > 9}, approvers: &p {users: [x]}}, {when: *w, zone: Japan, approvers: *p}]",
        "",
    ),
}


@pytest.mark.promise("P10")
@pytest.mark.parametrize(("text", "line"), ORDERS.values(), ids=ORDERS.keys())
def test_a_rule_that_is_never_reached_is_told(tmp_path: Path, text: str, line: str) -> None:
    """Surely, for each agent; where it is not sure nothing is said."""
    agents = "agents:\n  a: {graph: a.py:g, channels: [one]}\n  b: {graph: a.py:g, channels: [two]}\n"
    wrong = f"approvals: {text}\nretention: never\n"  # so that there is a problem in any case
    told = [each for each in problems(tmp_path, agents + wrong) if "retention" not in each]
    assert [line in each for each in told] == [True] * (line != ""), told


def test_deadlines_for_all_are_checked_too(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, DEPLOY + "defaults: {expires_after: 31d}\n")
    assert "defaults.expires_after: the approval would be forgotten before that, by retention." in told


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = """\
agents:
  one: {graph: a.py, direct_messages: true}
  two: {graph: a.py:g, chanels: [ops]}
  three: {graph: a.py:g, direct_messages: true}
  four: {graph: a.py:g, direct_messages: true}
approvals:
  - when: {agent: five}
    approvers: {users: [alice]}
  - approvers: {users: [alice]}
    expires_after: soon
http: {port: x}
"""
    lines = problems(tmp_path, text, {})
    assert [line.partition(": ")[0] for line in lines] == [
        "app.yaml:11",
        "app.yaml:2",
        "app.yaml:3",
        "app.yaml:10",
        "app.yaml:5",
        "app.yaml:7",
        "SLACK_BOT_TOKEN",
        "SLACK_APP_TOKEN",
    ]


TOKENS = {
    "no bot token": (
        {"SLACK_APP_TOKEN": "xapp-1"},
        "SLACK_BOT_TOKEN: is not set. Copy the Bot User OAuth Token (xoxb-) from your app's OAuth & Permissions page.",
    ),
    "neither app token nor signing secret": (
        {"SLACK_BOT_TOKEN": "xoxb-1"},
        (
            "SLACK_APP_TOKEN: is not set. Make an app-level token (xapp-) with connections:write on your app's Basic "
            "Information page, or set SLACK_SIGNING_SECRET to be reached over HTTP."
        ),
    ),
    "the two tokens exchanged": (
        {"SLACK_BOT_TOKEN": "xapp-1", "SLACK_APP_TOKEN": "xapp-1"},
        (
            "SLACK_BOT_TOKEN: does not start with xoxb-. "
            "Copy the Bot User OAuth Token (xoxb-) from your app's OAuth & Permissions page."
        ),
    ),
    "a token left as in the example": (
        {"SLACK_BOT_TOKEN": "xoxb-", "SLACK_APP_TOKEN": "xapp-1"},
        (
            "SLACK_BOT_TOKEN: has nothing after xoxb-. "
            "Copy the Bot User OAuth Token (xoxb-) from your app's OAuth & Permissions page."
        ),
    ),
    "an address that is none": (
        {**ENVIRON, "SLACK_API_URL": "localhost:80"},
        "SLACK_API_URL: is not an address. Write http://HOST:PORT/api/, or unset it to reach Slack itself.",
    ),
}


@pytest.mark.parametrize(("environ", "line"), TOKENS.values(), ids=TOKENS.keys())
def test_secrets_that_are_missing_or_wrong(tmp_path: Path, environ: dict[str, str], line: str) -> None:
    assert problems(tmp_path, DEPLOY, environ) == [line]


def test_http_mode_needs_the_signing_secret(tmp_path: Path) -> None:
    assert problems(tmp_path, DEPLOY + "slack: {mode: http}\n") == [
        "SLACK_SIGNING_SECRET: is not set. Copy the Signing Secret from your app's Basic Information page."
    ]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "app.yaml", ENVIRON)
    assert str(caught.value) == f"{tmp_path}/app.yaml: there is no such file. Write one, or name another with --config."


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read: Is a directory. Name a file that can be read."):
        load(tmp_path, ENVIRON)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_bytes(b"agents: \xff")
    with pytest.raises(ConfigError, match=r"app.yaml: is not UTF-8 \(byte 8\). Save it as UTF-8."):
        load(tmp_path / "app.yaml", ENVIRON)


def test_a_dotenv_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GOOD=1\nA='open\n")
    (line,) = problems(tmp_path, DEPLOY)
    assert line == ".env:2: cannot be read. Write NAME=value."


def test_no_fault_shows_what_a_variable_holds(tmp_path: Path) -> None:
    text = 'agents:\n  one: {graph: "${KEY}", channels: ["${KEY}"], reply: "${KEY}[", direct_messages: "${KEY}"}\n'
    lines = problems(tmp_path, text, {**ENVIRON, "KEY": "S3cr3t value"})
    assert len(lines) == 4
    assert "S3cr3t" not in "".join(lines)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_read_or_refused_in_one_line_a_problem(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    file = folder / "app.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file, ENVIRON)
    assert all(len(str(problem).splitlines()) == 1 for problem in caught.value.problems)


@given(st.integers(1, 3650), st.sampled_from("smhd"))
def test_durations_are_what_they_say(number: int, unit: str) -> None:
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    assert duration(f"{number}{unit}").total_seconds() == number * seconds


@given(st.one_of(st.text(), st.integers(), st.none(), st.floats()))
def test_nothing_else_is_a_duration(value: object) -> None:
    try:
        length = duration(value)
    except PydanticCustomError:
        return
    assert length.total_seconds() > 0
    assert isinstance(value, str)


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("# one\na:\n  - b: 1\n    c: 2\n")
    document, _ = read(file, {})
    assert document.where(("a", 0, "c")) == f"{file}:4: a[0].c"
    assert document.where(("a", 0, "missing")) == f"{file}:3: a[0].missing"


AGENTS = """\
agents:
  talk: {graph: a.py:g, direct_messages: true, channels: [ops]}
  other: {graph: b.py:g, channels: [dev]}
approvals:
"""
SEES_NOT = "talk takes direct messages, where only the requester sees a request"


@pytest.mark.promise("P6")
@pytest.mark.parametrize(
    "rules",
    [
        "  - approvers: {users: [bob]}\n",
        "  - when: {agent: ta*}\n    approvers: {users: [bob]}\n",
        "  - when: {tool: drop_*}\n    approvers: {users: [bob, carol]}\n    quorum: 2\n    own_requests: true\n",
        "  - when: {kind: question}\n    approvers: {users: [bob]}\n",
    ],
    ids=["of all agents", "by a pattern", "two of them", "of questions"],
)
def test_a_rule_whose_approvers_would_not_see_its_card(tmp_path: Path, rules: str) -> None:
    (line,) = problems(tmp_path, AGENTS + rules)
    assert SEES_NOT in line
    seen = 'Add notify: dm, or post_to: "#ops" or another channel that the approvers are in'
    assert line.endswith(f"{seen}, or remove direct_messages.")


@pytest.mark.parametrize(
    "rules",
    [
        "  - approvers: {users: [bob]}\n    post_to: ops\n",
        "  - when: {agent: other}\n    approvers: {users: [bob]}\n",
        "  - approvers: {users: [bob]}\n    own_requests: true\n",
        "  - when: {kind: question}\n",
        ("  - when: {agent: talk}\n    approvers: {users: [bob]}\n    post_to: ops\n  - approvers: {users: [bob]}\n"),
    ],
    ids=["posted to a channel", "of another agent", "own requests", "questions to the requester", "an earlier rule"],
)
def test_a_rule_whose_approvers_see_its_card(tmp_path: Path, rules: str) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(AGENTS + rules, encoding="utf-8")
    assert load(file, ENVIRON).agents
