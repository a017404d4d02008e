"""Reads a compiled graph: finds its questions, and the answers that each of them takes.

The work is counted in steps, so that every process knows the same questions of the same code. Code that cannot be read
makes a question unknown, and never an error.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from adapters.langgraph.reading.answers.conventions import Convention, convention_of
from adapters.langgraph.reading.answers.graphs import NodeEntry, entries
from adapters.langgraph.reading.answers.probe import Site, probe, sites_of
from adapters.langgraph.reading.code.run import allowed
from adapters.langgraph.reading.code.sources import forget_changed
from adapters.langgraph.reading.reach import Reach
from adapters.langgraph.reading.readings import Reading, Readings

_log = structlog.get_logger(__name__)
_GRAPH_STEPS, _QUESTION_STEPS, _SEARCH_STEPS = 700_000, 250_000, 50_000
"""The most steps for a graph, for one of its questions, and for finding the questions of a node. A step takes some four
microseconds, so a graph is read in three seconds at most."""
_GLANCE_STEPS = 5_000
"""The steps for a node whose code does not name `interrupt`: it asks nothing, as far as we can foresee."""
_LEAST_SHARE = 50_000
"""The least steps for a question, even if others are left: many short readings are better than none."""
_MOST_SECONDS = 8.0
"""The processor time at most: a last resort, since the questions that are known should depend on the code alone."""
_MOST_NAMED = 10
TOO_LONG = "its code is too long to read completely"
BROKEN = "its code could not be read"


_one_at_a_time = threading.Lock()


def read_graph(graph: Any, *, loaded: bool = True) -> Readings:
    """Read a compiled graph. Never raises: code that cannot be read is not known.

    `loaded`: its code was imported just now, so files are read again if they have changed. Of a graph that a factory
    makes later the code is older than the files may be.
    """
    with _one_at_a_time:
        if loaded:
            forget_changed()
        return _read(graph)


def _read(graph: Any) -> Readings:
    asked, found, unread = list[tuple[NodeEntry, Site]](), dict[str, list[Reading]](), dict[str, str]()
    with allowed(_GRAPH_STEPS, _MOST_SECONDS) as work:
        for entry in _entries(graph):
            try:
                sites, whole = _search(entry)
            except Exception:  # noqa: BLE001 - whatever the code looks like, it is only not known then
                _log.exception("a node's code could not be read", node=entry.path)
                unread[entry.path] = BROKEN
                continue
            asked += [(entry, site) for site in sites]
            if not whole:
                unread[entry.path] = TOO_LONG
        for done, (entry, site) in enumerate(asked):
            share = max(_LEAST_SHARE, work.left // (len(asked) - done))
            try:
                found.setdefault(entry.path, []).append(_reading(entry, site, share))
            except Exception:  # noqa: BLE001 - likewise
                _log.exception("a node's code could not be read", node=entry.path)
                unread[entry.path] = BROKEN
    _log_unread(found, unread)
    return Readings({path: tuple(each) for path, each in found.items()}, unread)


def _log_unread(found: Mapping[str, Sequence[Reading]], unread: Mapping[str, str]) -> None:
    """Log what was not read: cards stay safe, but an operator should know."""
    for path, why in unread.items():
        _log.warning("a node's questions are not all known", node=path, why=why)
    cut = [
        f"{each.path} ({each.line})" for all_of in found.values() for each in all_of if each.convention.why == TOO_LONG
    ]
    if cut:
        _log.warning(
            "code is too long to read completely, so the effects of its answers are not known",
            at=cut[:_MOST_NAMED],
            count=len(cut),
        )


def _entries(graph: Any) -> Sequence[NodeEntry]:
    try:
        return list(entries(graph))
    except Exception:  # noqa: BLE001 - likewise
        _log.exception("a graph's nodes could not be read")
        return ()


def _search(entry: NodeEntry) -> tuple[Sequence[Site], bool]:
    """Find the questions that a node asks, and tell whether those are all."""
    names_one = bool(Reach(entry.function).asks)
    with allowed(_SEARCH_STEPS if names_one else _GLANCE_STEPS, _MOST_SECONDS) as search:
        sites = sites_of(entry)
    if not names_one and not sites:
        return sites, True
    return sites, search.left >= 0


def _reading(entry: NodeEntry, site: Site, share: int) -> Reading:
    with allowed(min(_QUESTION_STEPS, share), _MOST_SECONDS) as work:
        probed = probe(entry, site.key, site.payload)
        known = convention_of(probed) if work.left >= 0 else Convention()
    whole = work.left >= 0
    if not whole:
        known = Convention(why=TOO_LONG)
    return Reading(entry.path, site.key, probed.payload, probed, known, whole, site.schema)
