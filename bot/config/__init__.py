"""`app.yaml`, `.env` and the environment as one object that is right or not there (P10).

Imports the engine and `bot.masking`.
"""
