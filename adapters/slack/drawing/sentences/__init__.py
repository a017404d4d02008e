"""Sentences that people read in Slack, in trusted mrkdwn unless they say otherwise: a module for each subject. Pure.

Imports untrusted text and Markdown, and no blocks.
"""
