"""The blocks of the pages in docs/."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-1-1-abc",
    "SLACK_APP_TOKEN": "xapp-1-1-abc",
    "SLACK_SIGNING_SECRET": "secret",
}
BLOCK = re.compile(r"^( *)```(\w*)([^\n]*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


def blocks(page: str, *languages: str) -> list[str]:
    """The blocks of a page in these languages, without their indentation."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [
        re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)
        for indent, language, _, body in BLOCK.findall(text)
        if language in languages
    ]


def file_of(page: str, title: str) -> str:
    """The block with this title."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.search(rf'^```\w+ title="{re.escape(title)}"\n(.*?)^```', text, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]
