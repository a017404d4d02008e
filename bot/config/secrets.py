"""The secrets of a process: tokens and addresses that only the environment holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.config.entries import Mode
from bot.config.problems import ConfigProblem


@dataclass(frozen=True, slots=True)
class Secrets:
    """The values that only the environment holds. `repr` hides them.

    `redis_url` None: the embedded server. `slack_api_url` None: Slack itself; else the address of a stand-in.
    """

    slack_bot_token: str = field(repr=False)
    slack_app_token: str | None = field(default=None, repr=False)
    slack_signing_secret: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    slack_api_url: str | None = field(default=None, repr=False)

    def values(self) -> tuple[str | None, ...]:
        """Values that must never be shown. Of an address only its password is secret: `bot.masking` knows it."""
        return (self.slack_bot_token or None, self.slack_app_token, self.slack_signing_secret)


def read_secrets(environ: Mapping[str, str], mode: Mode | None) -> tuple[Mode, Secrets, Sequence[ConfigProblem]]:
    """The mode, the secrets, and the problems with them; a token that is missing is empty."""
    found = {name: environ.get(name, "").strip() or None for name in _FIXES}
    if mode is None:
        mode = Mode.SOCKET if found["SLACK_APP_TOKEN"] or not found["SLACK_SIGNING_SECRET"] else Mode.HTTP
    needed = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN" if mode is Mode.SOCKET else "SLACK_SIGNING_SECRET")
    wrong = [ConfigProblem(name, "is not set", _FIXES[name]) for name in needed if found[name] is None]
    for name, prefix in (("SLACK_BOT_TOKEN", "xoxb-"), ("SLACK_APP_TOKEN", "xapp-")):
        value = found[name]
        if value is not None and not (value.startswith(prefix) and value != prefix):
            what = f"has nothing after {prefix}" if value == prefix else f"does not start with {prefix}"
            wrong.append(ConfigProblem(name, what, _FIXES[name]))
    url = found["SLACK_API_URL"]
    if url is not None and not url.startswith(("http://", "https://")):
        wrong.append(ConfigProblem("SLACK_API_URL", "is not an address", _FIXES["SLACK_API_URL"]))
    secrets = Secrets(
        slack_bot_token=found["SLACK_BOT_TOKEN"] or "",
        slack_app_token=found["SLACK_APP_TOKEN"],
        slack_signing_secret=found["SLACK_SIGNING_SECRET"],
        redis_url=found["REDIS_URL"],
        slack_api_url=url,
    )
    return mode, secrets, wrong


_FIXES: Final = {
    "SLACK_BOT_TOKEN": "Copy the Bot User OAuth Token (xoxb-) from your app's OAuth & Permissions page.",
    "SLACK_APP_TOKEN": (
        "Make an app-level token (xapp-) with connections:write on your app's Basic Information page, "
        "or set SLACK_SIGNING_SECRET to be reached over HTTP."
    ),
    "SLACK_SIGNING_SECRET": "Copy the Signing Secret from your app's Basic Information page.",
    "REDIS_URL": "Write redis://HOST:PORT/0.",
    "SLACK_API_URL": "Write http://HOST:PORT/api/, or unset it to reach Slack itself.",
}
OF_SLACK: Final = frozenset(_FIXES) - {"REDIS_URL"}
"""The variables without which Slack cannot be asked."""
