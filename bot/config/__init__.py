"""`app.yaml`, `.env` and the environment as one valid object, or every problem that makes it invalid (P10).

Imports the engine and `bot.masking`.
"""
