"""Performs the effects that the lanes hold: graph runs, cards, messages, timers, calls to people.

Imports the approvals, the rules, the masking and the telemetry: nothing of what comes in.
"""
