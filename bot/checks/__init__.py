"""What `signoff check` finds before the bot starts.

Imports the configuration and the rules; the world is asked through probes that `bot.wiring` makes.
"""
