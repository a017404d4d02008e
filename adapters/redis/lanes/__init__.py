"""Lanes and timers: work that must happen, in order, by one process at a time, even if processes die.

Imports the stores, the mailbox, the codec, the keys and the transport.
"""
