"""Requests for approval. The reconciler opens them, decisions gather facts for `engine.machine`, the register writes.

Imports the rules, the masking and the telemetry: nothing of the configuration, of what comes in or of what goes out.
"""
