"""What README, CONTRIBUTING.md, SECURITY.md and docs name is there: files, and sections of other pages."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md")])
OURS = ("bot", "engine", "adapters", "tests", "docs", "examples", "bench", ".ci", ".github")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def paths_in(page: str) -> set[str]:
    """What stands in backticks and is a path in our folders: `bot/desk.py`, `tests/stories/`, not `bot.desk`."""
    spans = (span.rstrip("/") for span in _SPAN.findall(_FENCED.sub("", page)))
    return {each for each in spans if each.split("/")[0] in OURS and "/" in each and not re.search(r"[\s*{<]", each)}


def links_in(page: str) -> set[str]:
    return {
        link for link in _LINK.findall(_FENCED.sub("", page)) if "://" not in link and not link.startswith("mailto:")
    }


def anchors_of(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = (re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", each) for each in _HEADING.findall(_FENCED.sub("", page)))
    return {re.sub(r"[^\w\- ]", "", each.strip().lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    missing = {each for each in paths_in(page.read_text()) if not (ROOT / each).exists()}
    assert not missing, f"{page.relative_to(ROOT)} names what is not there"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    broken = set()
    for link in links_in(page.read_text()):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors_of(target.read_text())):
            broken.add(link)
    assert not broken, f"{page.relative_to(ROOT)} links to what is not there"


def test_no_page_installs_signoff_from_the_package_index() -> None:
    """Where nothing of ours is published: a page names the clone, or the wheel."""
    assert [page.name for page in PAGES if re.search(r"pip install \"?signoff", page.read_text())] == []


def test_paths_and_links_are_found() -> None:
    page = "`bot/desk.py` `tests/stories/` `bot.desk` `a/b` [one](docs/check.md#what) [two](https://x/y)\n```\n`bot/no.py`\n```"
    assert paths_in(page) == {"bot/desk.py", "tests/stories"}
    assert links_in(page) == {"docs/check.md#what"}
    assert anchors_of("# Put them in force: `SIGHUP`\n## P4, *shown*") == {"put-them-in-force-sighup", "p4-shown"}
