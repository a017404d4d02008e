"""Sentences for people in Slack: refusals, and how names and times are written. Imports sources and ids."""
