"""Sources of who is on call: services over HTTP, calendars in iCalendar, rotations in `app.yaml`.

Each implements `engine.ports.ShiftSource`. What they say of people is untrusted: who in Slack that is, and whether that
person may decide, is settled elsewhere (`bot.oncall.on_call`).
"""
