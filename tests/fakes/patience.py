"""How long a test waits for what is not its subject.

A machine that is busy with something else may hold everything up for many seconds: no test fails because of that. So
whatever waits has `PATIENCE`, also the workspace for an ack and the bot for Slack. Only where a time-out is what a test
is about does it set one of its own. A wait ends as soon as there is what it waits for: patience costs nothing.
"""

PATIENCE = 60.0
"""Seconds, far below what pytest gives a test, so that a wait fails first and says what it saw instead."""
