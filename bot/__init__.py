"""The bot: command line, configuration, wiring, and the two ways through, from Slack to a graph and back.

Imports the engine; only `bot.wiring` imports adapters.
"""
