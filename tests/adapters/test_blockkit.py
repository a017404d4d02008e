from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.blockkit import check_home, check_message, check_modal, check_view, limits, options_of, texts_of

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def option(value: str, label: str = "label") -> Json:
    return {"text": plain(label), "value": value}


def button(action_id: str = "a", **more: Any) -> Json:
    return {"type": "button", "text": plain("Go"), "action_id": action_id, **more}


def section(**more: Any) -> Json:
    return {"type": "section", "text": mrkdwn("hello"), **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def asking(element: Json, **more: Any) -> Json:
    return {"type": "input", "label": plain("Field"), "element": element, **more}


def modal(*blocks: Json, **more: Any) -> Json:
    return {"type": "modal", "title": plain("Edit"), "submit": plain("Send"), "blocks": list(blocks), **more}


def message_problems(*blocks: Any) -> list[str]:
    return [problem.message for problem in check_message({"text": "x", "blocks": list(blocks)})]


def modal_problems(*blocks: Json, **more: Any) -> list[str]:
    return [problem.message for problem in check_modal(modal(*blocks, **more))]


CONFIRM = {"title": plain("Sure?"), "text": mrkdwn("Really"), "confirm": plain("Yes"), "deny": plain("No")}
MENU = {"type": "static_select", "action_id": "m", "options": [option("1"), option("2")]}


def test_a_full_message_passes() -> None:
    blocks = [
        {"type": "header", "text": plain("Deploy")},
        section(fields=[mrkdwn("*a*")] * 10, accessory=button(confirm=CONFIRM, style="danger", value="v")),
        {"type": "divider", "block_id": "line"},
        {
            "type": "context",
            "elements": [mrkdwn("by alice"), {"type": "image", "image_url": "http://x/y", "alt_text": ""}],
        },
        actions(button("x"), MENU, {"type": "overflow", "action_id": "o", "options": [option("1")]}),
        {"type": "markdown", "text": "# hi"},
        {"type": "file", "external_id": "e", "source": "remote"},
        {"type": "image", "image_url": "http://x/y", "alt_text": "a picture", "title": plain("A")},
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [
                        {"type": "text", "text": "a", "style": {"bold": True}},
                        {"type": "user", "user_id": "U1"},
                    ],
                },
                {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "{}"}], "border": 0},
                {
                    "type": "rich_text_list",
                    "style": "bullet",
                    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "a"}]}],
                },
            ],
        },
    ]
    assert message_problems(*blocks) == []


def test_a_full_modal_passes() -> None:
    boxes = {"type": "checkboxes", "options": [{"text": mrkdwn("*a*"), "value": "1", "description": mrkdwn("why")}]}
    view = modal(
        section(),
        asking({"type": "plain_text_input", "multiline": True, "initial_value": "x", "min_length": 1, "max_length": 9}),
        asking({"type": "number_input", "is_decimal_allowed": True, "initial_value": "1.5", "min_value": "-2"}),
        asking(boxes, optional=True, hint=plain("hint")),
        asking({**MENU, "initial_option": option("2")}),
        asking({"type": "multi_static_select", "options": [option("1")], "initial_options": [option("1")]}),
        asking({"type": "datepicker", "initial_date": "2026-02-28"}),
        asking({"type": "radio_buttons", "options": [option("1"), option("2")]}),
        private_metadata="x" * 3000,
        callback_id="edit",
        notify_on_close=True,
    )
    assert check_view(view) == []


TOO_LONG: list[tuple[Any, str]] = [
    (section(text=mrkdwn("x" * 3001)), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    (section(fields=[mrkdwn("x" * 2001)]), "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]"),
    (section(fields=[mrkdwn("x")] * 11), "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
    (section(block_id="x" * 256), "must be less than 256 characters [json-pointer:/blocks/0/block_id]"),
    (
        {"type": "header", "text": plain("x" * 151)},
        "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
    ),
    ({"type": "markdown", "text": "x" * 12001}, "must be less than 12001 characters [json-pointer:/blocks/0/text]"),
    (
        {"type": "context", "elements": [mrkdwn("x")] * 11},
        "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
    ),
    (
        actions(*(button(str(index)) for index in range(26))),
        "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
    ),
    (actions(button(value="x" * 2001)), "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]"),
    (actions(button("x" * 256)), "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]"),
    (
        actions(button(text=plain("x" * 76))),
        "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
    ),
    (
        actions(button(confirm={**CONFIRM, "title": plain("x" * 101)})),
        "must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]",
    ),
    (
        actions(button(confirm={**CONFIRM, "deny": plain("x" * 31)})),
        "must be less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/deny/text]",
    ),
    (
        actions({**MENU, "options": [option(str(index)) for index in range(101)]}),
        "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    (
        actions({**MENU, "options": [option("1", "x" * 76)]}),
        "must be less than 76 characters [json-pointer:/blocks/0/elements/0/options/0/text/text]",
    ),
    (
        actions({**MENU, "options": [option("x" * 151)]}),
        "must be less than 151 characters [json-pointer:/blocks/0/elements/0/options/0/value]",
    ),
    (
        section(accessory={"type": "overflow", "options": [option(str(index)) for index in range(6)]}),
        "no more than 5 items allowed [json-pointer:/blocks/0/accessory/options]",
    ),
    (
        section(accessory={"type": "checkboxes", "options": [option(str(index)) for index in range(11)]}),
        "no more than 10 items allowed [json-pointer:/blocks/0/accessory/options]",
    ),
    (
        {"type": "image", "image_url": "x" * 3001, "alt_text": "a"},
        "must be less than 3001 characters [json-pointer:/blocks/0/image_url]",
    ),
]

WRONG: list[tuple[Any, str]] = [
    (section(text=mrkdwn("")), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    (section(text="hello"), "must provide an object [json-pointer:/blocks/0/text]"),
    (section(colour="red"), "invalid additional property: colour [json-pointer:/blocks/0]"),
    ({"type": "section"}, "must define either `text` or `fields` [json-pointer:/blocks/0]"),
    ({"type": "banner"}, "unsupported type: banner [json-pointer:/blocks/0/type]"),
    ({"text": "x"}, "missing required field: type [json-pointer:/blocks/0]"),
    ("text", "must provide an object [json-pointer:/blocks/0]"),
    ({"type": "header", "text": mrkdwn("x")}, "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]"),
    (actions(), "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]"),
    (actions({"type": "lever"}), "unsupported type: lever [json-pointer:/blocks/0/elements/0/type]"),
    (actions({"type": "button"}), "missing required field: text [json-pointer:/blocks/0/elements/0]"),
    (
        actions(button(), button()),
        '`action_id` "a" already exists [json-pointer:/blocks/0/elements/1/action_id]',
    ),
    (
        actions(button(style="loud")),
        "must be a valid enum value: primary, danger [json-pointer:/blocks/0/elements/0/style]",
    ),
    (
        actions(button(confirm=dict(list(CONFIRM.items())[1:]))),
        "missing required field: title [json-pointer:/blocks/0/elements/0/confirm]",
    ),
    (
        actions({"type": "static_select"}),
        "must define either `options` or `option_groups` [json-pointer:/blocks/0/elements/0]",
    ),
    (
        actions({**MENU, "initial_option": option("9")}),
        "must be one of the provided options [json-pointer:/blocks/0/elements/0/initial_option]",
    ),
    (
        actions({**MENU, "options": [option("1"), option("1")]}),
        'option value "1" already exists [json-pointer:/blocks/0/elements/0/options]',
    ),
    ({"type": "file", "source": "remote"}, "missing required field: external_id [json-pointer:/blocks/0]"),
    (
        {"type": "rich_text", "elements": [{"type": "poem"}]},
        "unsupported type: poem [json-pointer:/blocks/0/elements/0/type]",
    ),
]


@pytest.mark.parametrize(("block", "problem"), TOO_LONG + WRONG)
def test_a_block_that_slack_refuses(block: Any, problem: str) -> None:
    assert message_problems(block) == [problem]


INPUTS = [
    (
        {"type": "plain_text_input", "initial_value": "x" * 3001},
        "must be less than 3001 characters [json-pointer:/view/blocks/0/element/initial_value]",
    ),
    (
        {"type": "plain_text_input", "placeholder": plain("x" * 151)},
        "must be less than 151 characters [json-pointer:/view/blocks/0/element/placeholder/text]",
    ),
    (
        {"type": "plain_text_input", "min_length": 9, "max_length": 3},
        "min_length must be less than or equal to max_length [json-pointer:/view/blocks/0/element/min_length]",
    ),
    ({"type": "number_input"}, "missing required field: is_decimal_allowed [json-pointer:/view/blocks/0/element]"),
    (
        {"type": "number_input", "is_decimal_allowed": False, "initial_value": 3},
        "must provide a string [json-pointer:/view/blocks/0/element/initial_value]",
    ),
    (
        {"type": "number_input", "is_decimal_allowed": False, "initial_value": "7", "max_value": "5"},
        "must be between min_value and max_value [json-pointer:/view/blocks/0/element/initial_value]",
    ),
    (
        {"type": "datepicker", "initial_date": "tomorrow"},
        "must be a date in the format YYYY-MM-DD [json-pointer:/view/blocks/0/element/initial_date]",
    ),
    (
        {"type": "checkboxes", "options": [option("1")], "initial_options": []},
        "no fewer than 1 items allowed [json-pointer:/view/blocks/0/element/initial_options]",
    ),
    (button(), "unsupported type: button [json-pointer:/view/blocks/0/element/type]"),
]


@pytest.mark.parametrize(("element", "problem"), INPUTS)
def test_an_input_that_slack_refuses(element: Json, problem: str) -> None:
    assert modal_problems(asking(element)) == [problem]


def test_a_message_takes_fifty_blocks() -> None:
    assert message_problems(*[section()] * 50) == []
    assert message_problems(*[section()] * 51) == ["no more than 50 items allowed [json-pointer:/blocks]"]


def test_a_block_id_is_used_once() -> None:
    assert message_problems(section(block_id="b"), section(block_id="b")) == [
        '`block_id` "b" already exists [json-pointer:/blocks/1/block_id]'
    ]


def test_the_text_of_all_blocks_together_is_limited() -> None:
    fits = [section(text=mrkdwn("x" * 3000))] * 4
    assert message_problems(*fits) == []
    [problem] = check_message({"text": "x", "blocks": [*fits, section(text=mrkdwn("x"))]})
    assert problem.code == "msg_blocks_too_long"


def test_a_message_says_something() -> None:
    assert [problem.code for problem in check_message({"text": "", "blocks": []})] == ["no_text"]
    assert [problem.code for problem in check_message({})] == ["no_text"]


def test_text_is_limited_more_in_an_update() -> None:
    text = {"text": "x" * 4001}
    assert check_message(text) == []
    assert [problem.code for problem in check_message(text, text_limit=limits.UPDATE_TEXT)] == ["msg_too_long"]
    assert [problem.code for problem in check_message({"text": "x" * 40_001})] == ["msg_too_long"]


def test_blocks_are_an_array() -> None:
    assert [problem.code for problem in check_message({"text": "x", "blocks": {}})] == ["invalid_blocks_format"]


def test_a_modal_with_inputs_has_a_submit_button() -> None:
    view = modal(asking({"type": "plain_text_input"}))
    del view["submit"]
    assert [problem.message for problem in check_modal(view)] == [
        "must define `submit` to use an `input` block in modals [json-pointer:/view/blocks/0/input]"
    ]


def test_a_modals_own_limits() -> None:
    assert modal_problems(section(), title=plain("x" * 25)) == [
        "must be less than 25 characters [json-pointer:/view/title/text]"
    ]
    assert modal_problems(section(), submit=plain("x" * 25)) == [
        "must be less than 25 characters [json-pointer:/view/submit/text]"
    ]
    assert modal_problems(section(), private_metadata="x" * 3001) == [
        "must be less than 3001 characters [json-pointer:/view/private_metadata]"
    ]
    assert modal_problems(*[section()] * 101) == ["no more than 100 items allowed [json-pointer:/view/blocks]"]
    assert modal_problems() == ["no fewer than 1 items allowed [json-pointer:/view/blocks]"]


def test_markdown_is_for_messages_only() -> None:
    assert modal_problems({"type": "markdown", "text": "x"}) == [
        "unsupported type: markdown [json-pointer:/view/blocks/0/type]"
    ]


def test_a_view_is_at_most_250_kilobytes() -> None:
    view = modal(*[section(text=mrkdwn("x" * 2900))] * 90)
    assert [problem.code for problem in check_modal(view)] == ["view_too_large"]


def test_a_home_tab_takes_inputs_without_submit() -> None:
    home = {"type": "home", "blocks": [asking({"type": "plain_text_input"})]}
    assert check_home(home) == check_view(home) == []
    assert [problem.message for problem in check_view({**home, "title": plain("x")})] == [
        "invalid additional property: title [json-pointer:/view]"
    ]


@pytest.mark.parametrize("view", [None, [], "x", {}, {"type": "page"}, {"type": ["modal"]}])
def test_what_is_no_view_is_refused(view: Any) -> None:
    assert [problem.code for problem in check_view(view)] == ["invalid_arguments"]


def test_texts_and_options_are_found_wherever_they_stand() -> None:
    groups = {"option_groups": [{"label": plain("g"), "options": [option("1", "one")]}]}
    assert list(texts_of([section(fields=[plain("f")]), {"type": "markdown", "text": "m"}])) == ["hello", "f", "m"]
    assert options_of(groups) == [option("1", "one")]


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
kinds = st.sampled_from(
    ["section", "actions", "input", "mrkdwn", "plain_text", "button", "static_select", "checkboxes"]
)
names = st.sampled_from(["type", "text", "elements", "element", "options", "initial_option", "accessory", "block_id"])
anything = st.recursive(
    scalars | kinds,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner | kinds, max_size=4),
    max_leaves=12,
)


@given(anything)
def test_no_json_makes_the_validator_raise(value: Any) -> None:
    for problem in [
        *check_message({"text": "x", "blocks": [value]}),
        *check_view({"type": "modal", "blocks": [value]}),
    ]:
        assert problem.message
