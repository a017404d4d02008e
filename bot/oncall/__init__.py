"""The port `OnCall`: the people on call by the sources of `oncall:`.

Imports the configuration, the masking and the telemetry: nothing of the rules or of the process.
"""
