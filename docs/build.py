"""Builds the site from docs/ into site/, and fails for whatever a reader would stumble over: `make docs`.

Zensical itself finds broken links and anchors. It does not notice pages that are missing in the navigation, and it
copies all other files of docs/ into the site, such as the scripts that take the pictures: that is done here.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "zensical.toml"
_PICTURE = re.compile(r"""<img\b[^>]*?\bsrc=["']?([^"'\s>]+\.png)[^>]*>""")
_LOADED = re.compile(r"""<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)""")


def main() -> int:
    """Build, and print each problem."""
    problems = [*navigation_problems(CONFIG), *undrawn_diagrams(CONFIG)]
    if not problems:
        # Its own interpreter, so that no activated environment is needed. NO_COLOR: the messages are read in logs, too.
        command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file", str(CONFIG)]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, "NO_COLOR": "1"}, check=False)  # noqa: S603 - ours
        if done.returncode:
            return done.returncode
        remove_tools(ROOT / "site")
        open_pictures(ROOT / "site")
        add_sources(CONFIG, ROOT / "site")
        problems = foreign_loads(ROOT / "site")
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201 - a script prints
    return 1 if problems else 0


def navigation_problems(config: Path) -> list[str]:
    """List the pages that the navigation lacks, names twice, or names although they do not exist."""
    project = tomllib.loads(config.read_text(encoding="utf-8"))["project"]
    folder = config.parent / project["docs_dir"]
    named = list(pages(project["nav"]))
    there = {str(page.relative_to(folder)) for page in folder.rglob("*.md")}
    return [
        *(f"{config.name}: nav lacks {page}. Add it." for page in sorted(there - set(named))),
        *(f"{config.name}: nav names {page}, which does not exist." for page in sorted(set(named) - there)),
        *(
            f"{config.name}: nav names {page} twice."
            for page in sorted({each for each in named if named.count(each) > 1})
        ),
    ]


def undrawn_diagrams(config: Path) -> list[str]:
    """List the blocks of Mermaid: the theme would load its interpreter (3 MB) from another host to draw them."""
    return [
        f"{config.name}: docs/{page.name} has a Mermaid block, which the site shows as text. Draw an SVG instead."
        for page in sorted((config.parent / "docs").glob("*.md"))
        if "```mermaid" in page.read_text(encoding="utf-8")
    ]


def pages(nav: object) -> Iterator[str]:
    """Give the pages of a navigation in reading order."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        for below in nav.values():
            yield from pages(below)
    elif isinstance(nav, list):
        for below in nav:
            yield from pages(below)


def add_sources(config: Path, site: Path) -> None:
    """Add llms.txt, the pages as they were written, to which it links, and all of them in llms-full.txt."""
    (site / "llms.txt").write_text(llms_txt(config), encoding="utf-8")
    (site / "llms-full.txt").write_text(llms_full_txt(config), encoding="utf-8")
    for page in (config.parent / "docs").glob("*.md"):
        shutil.copy(page, site)


def llms_txt(config: Path) -> str:
    """List the pages with the first paragraph of each, for language models: https://llmstxt.org."""
    project = tomllib.loads(config.read_text(encoding="utf-8"))["project"]
    lines = [f"# {project['site_name']}", "", f"> {project['site_description']}"]
    for section in project["nav"]:
        for title, below in section.items():
            lines += ["", f"## {title}", ""]
            for name in pages(below):
                text = (config.parent / project["docs_dir"] / name).read_text(encoding="utf-8")
                heading = text.partition("\n")[0].removeprefix("# ")
                lines.append(f"- [{heading}]({name}): {first_paragraph(text)}")
    return "\n".join(lines) + "\n"


def llms_full_txt(config: Path) -> str:
    """Give all pages in the order of the navigation, each behind its file's name."""
    project = tomllib.loads(config.read_text(encoding="utf-8"))["project"]
    folder = config.parent / project["docs_dir"]
    return "\n".join(
        f"<!-- {name} -->\n\n{(folder / name).read_text(encoding='utf-8')}" for name in pages(project["nav"])
    )


def first_paragraph(text: str) -> str:
    """Give a page's first paragraph in one line, without its links."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL).split("\n\n")
    paragraph = next(part for part in prose if part.strip() and part.strip()[0] not in "#|>!-[")
    return re.sub(r"\[([^]]*)\](\([^)]*\)|\[[^]]*\])", r"\1", " ".join(paragraph.split())).rstrip(":")


def remove_tools(site: Path) -> None:
    """Remove from the built site what is in docs/ only to make it."""
    for file in (*site.glob("*.py"), site / "images" / "words.json"):
        file.unlink()


def open_pictures(site: Path) -> None:
    """Let a click open a picture in its own size: in a column of a table it is small."""
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(_PICTURE.sub(r'<a href="\1">\g<0></a>', text), encoding="utf-8")


def foreign_loads(site: Path) -> list[str]:
    """List what a page would load from another host: the site has to work without the internet."""
    return [
        f"{page.relative_to(site)}: loads {address} from another host."
        for page in sorted(site.rglob("*.html"))
        for address in _LOADED.findall(page.read_text(encoding="utf-8"))
    ]


if __name__ == "__main__":
    sys.exit(main())
