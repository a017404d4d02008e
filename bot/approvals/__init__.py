"""Requests for approval: the register is their only writer, the reconciler opens them, decisions close them.

Imports the rules, the masking and the telemetry: nothing of the configuration, of what comes in or of what goes out.
"""
