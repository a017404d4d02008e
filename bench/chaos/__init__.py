"""Chaos: a bot of three workers under load, while everything around it fails, and a checker of what people saw.

`make chaos` runs `bench.chaos.run`: people click, workers are killed and frozen, Redis and Slack fail, clocks jump.
What was observed from outside is written as a history, a JSON line for each fact. `bench.chaos.checker` reads it and
knows the rules. It imports nothing of Signoff, and neither do the graphs.
"""
