"""Requests for approval: the register (their only writer), the reconciler (what graphs ask), decisions (what people do).

Imports the rules, the masking and the telemetry: nothing of the configuration, of what comes in or of what goes out.
"""
