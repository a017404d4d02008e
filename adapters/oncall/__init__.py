"""Sources of who is on call: services over HTTP, calendars in iCalendar, rotations in `app.yaml`. Imports the engine.

One module for each source, which implements `engine.ports.ShiftSource`; the services share `rows` and `client`. What
they say of people is untrusted: `bot.oncall` finds the person in Slack, and whether that person may decide. A new
source also needs an entry in `bot.config.oncall`, and `bot.wiring.oncall` opens it.
"""
