"""Requests for approval: the register (the only writer), what graphs ask, and what people decide.

Imports the rules, the masking and the telemetry.
"""
