"""What the bot does: performs what the lanes hold, graph runs, cards, messages, calls to people.

Imports the rules, the register and the masking; never what comes in.
"""
