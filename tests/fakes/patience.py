"""The time-out of waits that are not the subject of a test.

A busy machine can delay everything for many seconds, and no test may fail because of that. So every wait takes
`PATIENCE`, including the workspace's wait for an ack and the bot's for Slack. A test sets a time-out of its own only if
it is about that time-out. A wait ends as soon as its condition holds, so a long time-out costs nothing.
"""

PATIENCE = 60.0
"""Seconds, far below what pytest gives a test, so that a wait fails first and says what it saw instead."""
