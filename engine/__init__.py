"""What an approval is: synchronous, standard library only, told the time, no I/O.

The rooms build on one another in this order, and an import contract holds it:
ids, sources -> sentences -> authority (who may decide) -> asks (what a graph asks) -> approvals (what happened to it)
-> conversation (what a message means) -> rules (which rule governs) -> machine (what may happen) -> ports (what the
bot needs of the world). Apart from these: oncall (shifts), budget (calls of Slack's API), addresses.
"""
