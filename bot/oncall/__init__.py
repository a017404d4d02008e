"""The port `OnCall`: who is on call by the sources of `oncall:`.

Imports the engine, the configuration and the telemetry.
"""
