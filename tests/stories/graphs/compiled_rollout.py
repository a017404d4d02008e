"""The same with its breakpoints compiled in, before one node and after another."""

from stories.graphs.rollout import builder

graph = builder.compile(interrupt_before=["deploy"], interrupt_after=["deploy"])
