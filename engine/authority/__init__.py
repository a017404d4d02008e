"""Who may decide, how many of them must, and by when: policies, quorums, eligibility, working hours.

Imports sentences, sources and ids.
"""
