"""A running process besides its work: event loop, clock, HTTP, reload, its hold on agent names, graphs that load late.

Imports the configuration, the masking and the telemetry: nothing of the rules or of the on-call sources.
"""
