"""docs/performance.md shows what bench/figures.json holds, and its chart what the hops took."""

import json
import re
import xml.etree.ElementTree as ET

import pytest

from bench import chart, page
from bench.table import Row


def test_the_page_and_its_chart_show_what_was_measured() -> None:
    """`python -m bench.page` writes both."""
    kept = page.read()
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.page(text, kept) == text
    assert page.drawn(kept) == page.CHART.read_text(encoding="utf-8")


def test_each_block_of_figures_stands_on_the_page_once() -> None:
    found = re.findall(r"<!-- figures: ([a-z ]+) -->", page.PAGE.read_text(encoding="utf-8"))
    assert sorted(found) == sorted(page.BLOCKS)


def test_a_block_is_written_anew_and_all_else_stays() -> None:
    row = Row("clicks a second", "", "1x", [3.0, 5.0, 4.0], [2.0, 2.0, 2.0])
    kept = {"figures": {"growth": [vars_of(row)]}}
    text = page.page("before\n<!-- figures: growth -->\nold\n<!-- end -->\nafter\n", kept)
    assert "| clicks a second | 4 | 3 to 5 | 2 | 2.00x | 1x |" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("<!-- end -->\nafter\n")
    with pytest.raises(KeyError):
        page.page("<!-- figures: nothing -->\n<!-- end -->\n", kept)


def vars_of(row: Row) -> dict[str, object]:
    return {name: getattr(row, name) for name in ("name", "unit", "aim", "ours", "references")}


def test_each_piece_of_a_bar_is_as_long_as_what_it_took() -> None:
    before = json.loads(page.BEFORE.read_text(encoding="utf-8"))
    report = before["decide"]
    assert sum(chart.pieces(report)) == pytest.approx(sum(micros for *_, micros in report["cpu_us"]) / 1000)
    half = {way: {"cpu_us": [[hop, part, us / 2] for hop, part, us in of["cpu_us"]]} for way, of in before.items()}
    drawn = ET.fromstring(chart.chart(before, half))  # noqa: S314 - our own picture
    bars = [
        float(each.get("width", 0))
        for each in drawn.iter("{http://www.w3.org/2000/svg}rect")
        if each.get("height") == "30"
    ]
    pieces = len(chart.GROUPS)
    assert len(bars) == 4 * pieces
    for first in (0, 2 * pieces):
        for long, short in zip(bars[first : first + pieces], bars[first + pieces : first + 2 * pieces], strict=True):
            assert long + 1 == pytest.approx(2 * (short + 1), abs=0.3), "a pixel lies between two pieces"
