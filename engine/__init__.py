"""The rules of approvals: pure and synchronous, standard library only, told the time, no I/O.

The rooms build on one another in this order: ids and sources (where the right to decide comes from), sentences,
authority (who may decide), asks (what a graph asks), approvals (what happened to a request), conversation (what a
message means), rules (which rule governs), machine (what may happen next). The ports are what the bot needs of the
world. Shifts (oncall), budgets of calls and addresses import nothing of the engine.
"""
