"""The parts of cards and modals: ids and values of buttons, blocks, layout, sentences, untrusted text made safe. Pure.

Imports nothing of `adapters` but Slack's limits (`adapters.blockkit`).
"""
