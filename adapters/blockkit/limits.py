"""Slack's Block Kit limits, each with the documentation page it comes from.

Sizes are in characters unless a name says otherwise. Slack counts characters, not bytes.
"""

# https://docs.slack.dev/reference/block-kit/blocks
MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
BLOCK_ID = 255

# https://docs.slack.dev/reference/methods/chat.postMessage (longer text is refused), .../chat.update
MESSAGE_TEXT = 40_000
UPDATE_TEXT = 4_000
# Not documented; seen as `msg_blocks_too_long` between 12,000 and 13,200. The lower figure is the safe one.
MESSAGE_BLOCKS_TEXT = 12_000

# https://docs.slack.dev/reference/views/modal-views
VIEW_TITLE = 24
VIEW_SUBMIT = 24
VIEW_CLOSE = 24
VIEW_PRIVATE_METADATA = 3_000
VIEW_CALLBACK_ID = 255
VIEW_EXTERNAL_ID = 255
# https://docs.slack.dev/reference/methods/views.open, error `view_too_large`
VIEW_BYTES = 250_000
# https://docs.slack.dev/reference/methods/views.push, error `push_limit_reached`
VIEW_STACK = 3

# https://docs.slack.dev/reference/block-kit/composition-objects/text-object
TEXT = 3_000
# https://docs.slack.dev/reference/block-kit/blocks/section-block
SECTION_TEXT = 3_000
SECTION_FIELDS = 10
SECTION_FIELD = 2_000
# https://docs.slack.dev/reference/block-kit/blocks/header-block
HEADER_TEXT = 150
# https://docs.slack.dev/reference/block-kit/blocks/actions-block
ACTIONS_ELEMENTS = 25
# https://docs.slack.dev/reference/block-kit/blocks/context-block
CONTEXT_ELEMENTS = 10
# https://docs.slack.dev/reference/block-kit/blocks/context-actions-block
CONTEXT_ACTIONS_ELEMENTS = 5
# https://docs.slack.dev/reference/block-kit/blocks/input-block
INPUT_LABEL = 2_000
INPUT_HINT = 2_000
# https://docs.slack.dev/reference/block-kit/blocks/image-block
IMAGE_URL = 3_000
IMAGE_ALT_TEXT = 2_000
IMAGE_TITLE = 2_000
# https://docs.slack.dev/reference/block-kit/blocks/markdown-block
MARKDOWN_TEXT = 12_000
# https://docs.slack.dev/reference/block-kit/blocks/table-block
TABLE_ROWS = 100
TABLE_COLUMNS = 20

# https://docs.slack.dev/reference/block-kit/block-elements/button-element
ACTION_ID = 255
BUTTON_TEXT = 75
BUTTON_URL = 3_000
BUTTON_VALUE = 2_000
ACCESSIBILITY_LABEL = 75
# https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element
PLAIN_TEXT_INPUT = 3_000
PLACEHOLDER = 150
# https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element
SELECT_OPTIONS = 100
SELECT_OPTION_GROUPS = 100
OPTION_GROUP_LABEL = 75
# https://docs.slack.dev/reference/block-kit/block-elements/checkboxes-element, .../radio-button-group-element
CHECKBOXES_OPTIONS = 10
RADIO_OPTIONS = 10
# https://docs.slack.dev/reference/block-kit/block-elements/overflow-menu-element
OVERFLOW_OPTIONS = 5
# https://docs.slack.dev/reference/block-kit/composition-objects/option-object
OPTION_TEXT = 75
OPTION_VALUE = 150
OPTION_DESCRIPTION = 75
OPTION_URL = 3_000
# https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object
CONFIRM_TITLE = 100
CONFIRM_TEXT = 300
CONFIRM_CONFIRM = 30
CONFIRM_DENY = 30
