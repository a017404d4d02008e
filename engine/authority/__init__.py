"""The right to decide: policies, eligibility, quorums, deadlines and working hours.

Imports sentences, sources and ids.
"""
