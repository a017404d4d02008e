"""`signoff check`: every problem that can be found before the bot starts.

Imports the configuration and the rules, and nothing of a running bot; the wiring implements its probes.
"""
