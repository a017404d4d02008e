"""Checks a history against the rules that must hold whatever failed. Imports the standard library only.

`python -m bench.chaos.checker HISTORY` prints each broken rule with the lines that prove it, and exits with 1
if there is any.
"""
