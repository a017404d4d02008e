"""Draws where the time of a click and of a request goes: milliseconds of one core, before and after, as an SVG.

The figures are those of `bench.hops`. The colours keep apart for people who see few of them, and each piece that has
room has its number.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

WAYS = {"ask": "A request: from a message to its card", "decide": "A click: from the button to the resumed graph"}
GROUPS: Mapping[str, Sequence[str]] = {
    "taking the message or the click": ("message", "click"),
    "the graph and its checkpoints": ("Hear", "Resume"),
    "cards and messages to Slack": ("DrawCard", "Say", "Call"),
    "lanes and timers": ("lanes", "SetTimer", "ClearTimer"),
    "garbage collector": ("garbage collector",),
    "all else: event loop, sockets": (),
}
"""The hops of each piece; the last has those that no other has."""
COLOURS = ("#0072b2", "#009e73", "#e69f00", "#56b4e9", "#cc79a7", "#999999")
_DARK = ("#0072b2", "#009e73")
"""Colours on which a number is white."""
_WIDTH, _LEFT, _RIGHT, _BAR, _TOP = 760, 86, 90, 30, 102
_ROOM = 30
"""The width that a number needs."""

Ways = Mapping[str, Mapping[str, Any]]


def pieces(report: Mapping[str, Any]) -> list[float]:
    """The milliseconds of each group."""
    of = {hop: number for number, hops in enumerate(GROUPS.values()) for hop in hops}
    found = [0.0] * len(GROUPS)
    for hop, _, micros in report["cpu_us"]:
        found[of.get(hop, len(GROUPS) - 1)] += micros / 1000
    return found


def chart(before: Ways, after: Ways) -> str:
    """Give the SVG."""
    most = max(sum(pieces(ways[way])) for ways in (before, after) for way in WAYS)
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    height = _TOP + len(WAYS) * 122 + 4
    lines = [*_head(height), *_legend()]
    for number, (way, title) in enumerate(WAYS.items()):
        top = _TOP + number * 122
        lines.append(f'  <text x="20" y="{top + 14}" class="name">{escape(title)}</text>')
        for row, (name, ways) in enumerate((("before", before), ("after", after))):
            lines += _bar(name, pieces(ways[way]), top + 26 + row * (_BAR + 8), scale)
    return "\n".join([*lines, "</svg>", ""])


def _head(height: int) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        "role=\"img\" font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif\" "
        'font-size="13">'
    )
    yield "  <title>Milliseconds of one core for a request and for a click, before and after</title>"
    yield "  <style>text { fill: #1d2b28; } .name { font-weight: 600; } .light { fill: #ffffff; }</style>"
    yield f'  <rect fill="#ffffff" width="{_WIDTH}" height="{height}" rx="8"/>'


def _legend() -> Iterator[str]:
    yield '  <text x="20" y="28" class="name">Milliseconds of one core</text>'
    for number, (name, colour) in enumerate(zip(GROUPS, COLOURS, strict=True)):
        x, y = 20 + number % 3 * 245, 44 + number // 3 * 22
        yield f'  <rect x="{x}" y="{y}" width="13" height="13" fill="{colour}"/>'
        yield f'  <text x="{x + 20}" y="{y + 11}">{escape(name)}</text>'


def _bar(name: str, values: Sequence[float], y: int, scale: float) -> Iterator[str]:
    yield f'  <text x="{_LEFT - 10}" y="{y + 20}" text-anchor="end">{name}</text>'
    x = float(_LEFT)
    for value, colour in zip(values, COLOURS, strict=True):
        width = value * scale
        yield f'  <rect x="{x:.1f}" y="{y}" width="{max(width - 1, 0):.1f}" height="{_BAR}" fill="{colour}"/>'
        if width >= _ROOM:
            shade = ' class="light"' if colour in _DARK else ""
            yield f'  <text x="{x + width / 2:.1f}" y="{y + 20}" text-anchor="middle"{shade}>{value:.1f}</text>'
        x += width
    yield f'  <text x="{x + 8:.1f}" y="{y + 20}" class="name">{sum(values):.1f} ms</text>'
