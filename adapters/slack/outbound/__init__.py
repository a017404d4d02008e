"""What the bot says in Slack: messages, cards, redraws, streamed words. The port `Chat`.

Imports the cards, the drawing and the workspace; never what comes in.
"""
