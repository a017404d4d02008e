"""Checks decisions before they are sent: the reasons why one cannot be."""

from adapters.langgraph.dialects.edit_forms import changed_read_only
from adapters.langgraph.dialects.encoded import A_DECISION, decides
from adapters.langgraph.dialects.encoded import problems as of_template
from adapters.langgraph.dialects.json_schema import check
from adapters.langgraph.dialects.registry import BY_NAME
from engine.asks.ask import Action, Ask, Choice, Decision, Kind, ValueProblem, unstorable


def problems(ask: Ask, action: int, decision: Decision) -> list[ValueProblem]:
    """Say why a decision about an action cannot be sent; nothing if it can."""
    if ask.dialect not in BY_NAME:
        return [ValueProblem((), "Another version of the bot asked this, and this version cannot answer it.")]
    if not 0 <= action < len(ask.actions):
        return [ValueProblem((), "There is no such action in this request.")]
    asked = ask.actions[action]
    if decision.choice not in asked.choices:
        return [ValueProblem((), f"The agent does not accept {_WORDS[decision.choice]} here.")]
    unkept = [*unstorable(decision.value), *unstorable(decision.text)]
    return unkept or _of_choice(ask, asked, decision)


def _of_choice(ask: Ask, asked: Action, decision: Decision) -> list[ValueProblem]:
    match decision.choice:
        case Choice.EDIT:
            found = _of_edit(ask, asked, decision)
        case Choice.OPTION:
            found = _of_option(asked, decision)
        case Choice.ANSWER if ask.kind is Kind.FORM:
            found = check(decision.value, asked.schema or {})
        case Choice.ANSWER:
            found = _of_words(ask, decision.text)
        case _:
            found = []
    return found or list(of_template(ask, asked, decision))


def _of_option(action: Action, decision: Decision) -> list[ValueProblem]:
    option = next((each for each in action.options if each.word == decision.option), None)
    if option is None:
        return [ValueProblem((), "The agent does not accept this choice here.")]
    return [ValueProblem((), "Please write a few words.")] if option.takes_words and not decision.text.strip() else []


def _of_words(ask: Ask, text: str) -> list[ValueProblem]:
    if not text.strip():
        return [ValueProblem((), "Please write an answer.")]
    return [ValueProblem((), A_DECISION)] if decides(ask, text) else []


_WORDS = {
    Choice.APPROVE: "an approval",
    Choice.EDIT: "a changed value",
    Choice.REJECT: "a rejection",
    Choice.ANSWER: "an answer in words",
    Choice.SKIP: "skipping",
    Choice.REDO: "asking again",
    Choice.OPTION: "this choice",
}


def _of_edit(ask: Ask, action: Action, decision: Decision) -> list[ValueProblem]:
    if ask.kind is Kind.TOOL_CALL and isinstance(action.value, dict) and not isinstance(decision.value, dict):
        return [ValueProblem((), "The arguments of a tool must be an object.")]
    if ask.kind is Kind.TEXT and not (isinstance(decision.value, str) and decision.value.strip()):
        return [ValueProblem((), "Please write some text.")]
    return (
        [*check(decision.value, action.schema), *changed_read_only(action.schema, action.value, decision.value)]
        if action.schema
        else []
    )
