"""Answers to somebody who pressed a button, sent a form or wrote a command."""

NO_EFFECT = "No effect"
NOT_POSSIBLE = "Not possible"

# Could not be done ----------------------------------------------------------------------------------------------------

NOT_KEPT = (
    "Signoff couldn't save this just now, so it doesn't count. Please try again in a moment; "
    "if it was saved after all, the second try has no effect."
)
NOT_DONE = "That didn't work just now. Please press the button again; pressing it twice does no harm."
NOT_READ = "Signoff couldn't read this form, so nothing was changed. Please close it and open it again."
NOT_ANSWERED = "That couldn't be looked up just now. Please try again in a moment."
STEPS_NOT_READ = "The history couldn't be read just now. Nothing was changed; please try again in a moment."
TOO_SLOW = "Slack closed the form before it could open. Nothing was changed; please press the button again."
PERHAPS_NOT_OPEN = (
    "Slack didn't confirm that the form opened. Nothing was changed; "
    "if you don't see it, please press the button again."
)
CANNOT_BE_SHOWN = "Slack can't show this. Nothing was changed."

# No longer there ------------------------------------------------------------------------------------------------------

REQUEST_GONE = "This request is no longer stored. Nothing was changed."
REQUESTS_GONE = "These requests are no longer stored. Nothing was changed."
STEP_GONE = "That step of the conversation is no longer stored."
OVERTAKEN = (
    "Somebody else changed this request before you sent this form, so nothing was sent. "
    "Copy what you wrote, close the form and open it again."
)
"""An error at an input, where Slack shows plain text: a mention would appear as its id."""
REOPEN = (
    "This form was opened for an older version of the bot, so nothing was sent. "
    "Copy what you wrote, close the form and press the button again."
)
"""An error at an input of a modal that stays open, so that nothing typed is lost."""

# Commands -------------------------------------------------------------------------------------------------------------

HELP = (
    "`/signoff list`: requests that wait for your decision\n"
    "`/signoff mine` or `/signoff status`: your own open requests, who can decide them, and by when\n"
    "`/signoff show ID`: one request\n"
    "`/signoff who ID`: who can decide it now, and why\n"
    "`/signoff withdraw ID`: withdraw your request\n"
    "`/signoff history [ID]`: the steps of its conversation, or of one in this channel\n"
    "`/signoff grants`: permissions that you gave for a while\n"
    "ID is the short id of a request, or the link to its card."
)
UNKNOWN = "I don't know that command. Try one of these:"
WHICH = "Which request? Add its short id, or the link to its card. `/signoff list` and `/signoff mine` show them."
NOT_FOUND = "There is no such request, or you can't see it. Only open requests and your latest ones are found."
WITHDRAWN = "You withdrew the request, and its run was stopped."
NOT_AN_OBJECT = "This has to be an object."
NO_CONVERSATIONS = "You have no conversations here yet."
NO_STEPS = "This conversation has no steps yet."
