"""What cards and modals are made of: blocks, layout, words, and untrusted text made safe. Pure.

Imports Slack's limits (`adapters.blockkit`) and nothing else of the adapters.
"""
