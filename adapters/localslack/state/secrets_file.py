"""Tokens and signing secret of the workspace: made once, kept in the data folder, readable by its owner only."""

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from adapters.localslack.state import private


@dataclass(frozen=True, slots=True)
class AppSecrets:
    """The secrets of an installed app. `repr` hides the values, so they are never printed by accident."""

    bot_token: str = field(repr=False)
    app_token: str = field(repr=False)
    signing_secret: str = field(repr=False)
    verification_token: str = field(repr=False)


def load(folder: Path) -> AppSecrets:
    """Read the folder's secrets, or make them."""
    private.make_folder(folder)
    path = folder / "secrets.json"
    if path.exists():
        return AppSecrets(**json.loads(path.read_text(encoding="utf-8")))
    made = AppSecrets(
        bot_token=f"xoxb-local-{secrets.token_hex(12)}",
        app_token=f"xapp-1-local-{secrets.token_hex(12)}",
        signing_secret=secrets.token_hex(16),
        verification_token=secrets.token_hex(12),
    )
    private.write(path, json.dumps(asdict(made)).encode())
    return made
