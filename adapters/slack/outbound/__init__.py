"""Everything the bot posts in Slack: cards, sheets, notices, agents' words. The port `Chat`.

Imports the cards, the drawing and the workspace; never the forms, never what comes in.
"""
