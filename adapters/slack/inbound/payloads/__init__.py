"""Slack's payloads as typed events: buttons, forms, messages, commands, changes. Pure.

Imports the ids and values of `adapters.slack.drawing.actions`, and nothing else of `adapters.slack`.
"""
