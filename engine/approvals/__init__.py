"""A request for approval: its data, what can happen to it, how votes add up, whom to call, effects, audit rows.

Imports asks, authority, sentences, sources and ids.
"""
