"""`signoff init`: writes an `app.yaml` for the LangGraph project of a folder, and nothing else.

The graphs are those of langgraph.json, else those that the project's Python files have. Each is loaded as `run` loads
it. The exit code is 0 only if the first message would reach each graph that loads; one that does not load is named, and
the others are written. Nothing is asked, and an `app.yaml` that is there stays unless `--force` says otherwise.
"""

import contextlib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from bot.checks.modules import clashing
from bot.commands.environment import enter, export
from bot.commands.init_file import Draft, Entry, LeftOut, agent_names, said_lines, text_of
from bot.config.problems import ConfigProblem, ProblemsError
from bot.config.project import FILE_NAME, Project, read_project
from bot.config.schema import editor_lines, installed_schema
from bot.config.values import CHANNEL
from bot.masking import masked, remember, secret_variables

if TYPE_CHECKING:
    from bot.wiring.projects import Inferred, Unusable

TARGET: Final = "app.yaml"
_NO_GRAPH: Final = (
    'Write langgraph.json: {"graphs": {"agent": "./agent.py:graph"}, "dependencies": ["."]}, or name the folder of '
    "your project: signoff init DIR."
)
_OTHER_LANGUAGES: Final = (".ts", ".tsx", ".js", ".mjs", ".cjs", ".jsx", ".mts", ".cts")
_STEPS_TOLD: Final = 3
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. `channel` is "" where each agent gets a channel of its own."""

    folder: Path
    force: bool = False
    channel: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class _Graphs:
    """The graphs to load, by id: their specs, and the descriptions that the project gives."""

    specs: Mapping[str, str]
    descriptions: Mapping[str, str]
    project: Project | None


async def init(options: Options) -> int:
    """Write the file; gives the exit code. Raises ProblemsError where nothing is written."""
    _check(options)
    folder = options.folder.absolute()
    graphs = _graphs_of(folder)
    with contextlib.redirect_stdout(sys.stderr):  # what graphs print is no part of the result
        found = await _loaded(graphs, folder)
        unfit_store = await _store_problem(graphs)
    if not any(_is_usable(each) for each in found.values()):
        raise ProblemsError(_none_usable(graphs, found))
    draft = _draft(options, graphs, found, folder)
    if options.dry_run:
        sys.stdout.write(text_of(draft))
    else:
        write(folder / TARGET, text_of(draft), force=options.force)
    lines = [*_told(options, draft, graphs, unfit_store)]
    (sys.stderr if options.dry_run else sys.stdout).write(masked("".join(f"{line}\n" for line in lines)))
    return 0 if all(each.found.is_reached for each in draft.entries) and not unfit_store else 1


# The project ----------------------------------------------------------------------------------------------------------


def _check(options: Options) -> None:
    if not options.folder.is_dir():
        what = "is no folder" if options.folder.exists() else "there is no such folder"
        raise ProblemsError([ConfigProblem(str(options.folder), what, "Name the project's folder.")])
    if options.channel and not CHANNEL.fullmatch(options.channel):
        fix = "Write its name as Slack shows it, in lower case: '#deploys'."
        raise ProblemsError([ConfigProblem("--channel", f'"{options.channel}" is not a channel', fix)])
    file = options.folder / TARGET
    replaceable = options.force and (file.is_symlink() or not file.is_dir())
    if os.path.lexists(file) and not (replaceable or options.dry_run):
        raise _taken(file)


def _taken(file: Path) -> ProblemsError:
    if file.is_dir() and not file.is_symlink():
        fix = f"Rename it, since the configuration of the agents is to be in a file {file.name}."
        return ProblemsError([ConfigProblem(str(file), "is a folder, so nothing was written", fix)])
    fix = "Add --force to replace it, or --dry-run to see what would be written."
    return ProblemsError([ConfigProblem(str(file), "exists already, so nothing was written", fix)])


def _graphs_of(folder: Path) -> _Graphs:
    """The graphs of a project; its environment and folders are in force from now on. Raises ProblemsError."""
    from bot.wiring.projects import candidates, shortened

    export(folder)
    file = folder / FILE_NAME
    if os.path.lexists(file):
        project = _project(file)
        remember(secret_variables(project.env))
        enter(project)
        descriptions = {name: shortened(each.description) for name, each in project.graphs.items() if each.description}
        return _Graphs({name: each.path for name, each in project.graphs.items()}, descriptions, project)
    found = candidates(folder)
    if not found:
        what = f"has no {FILE_NAME}, and no Python file in it has a graph"
        raise ProblemsError([ConfigProblem(str(folder), what, _NO_GRAPH)])
    specs: dict[str, str] = {}
    for each in found:
        name, number = each.name, 2
        while name in specs:
            name, number = f"{each.name}-{number}", number + 1
        specs[name] = each.spec
    return _Graphs(specs, {}, None)


def _project(file: Path) -> Project:
    """Read langgraph.json. Raises ProblemsError with its first problems, at most four lines in all."""
    try:
        return read_project(file, os.environ)
    except ProblemsError as error:
        raise ProblemsError(_first_of(error.problems, str(file), "more problems")) from None


async def _loaded(graphs: _Graphs, folder: Path) -> "Mapping[str, Inferred | Unusable]":
    from bot.wiring.projects import Unusable, inferred

    def waiting(name: str) -> None:
        sys.stderr.write(f"signoff init: still loading {name} ({graphs.specs[name]})\n")
        sys.stderr.flush()

    refused = {name: Unusable(why) for name, why in _refused(graphs, folder)}
    found = await inferred({name: spec for name, spec in graphs.specs.items() if name not in refused}, folder, waiting)
    return {name: refused[name] if name in refused else found[name] for name in graphs.specs}


async def _store_problem(graphs: _Graphs) -> str:
    from bot.wiring.projects import store_problem

    return await store_problem(graphs.project)


def _refused(graphs: _Graphs, folder: Path) -> Iterator[tuple[str, str]]:
    """The graphs that must not be imported, each with the reason."""
    folders = graphs.project.folders if graphs.project is not None else ()
    for name, spec in graphs.specs.items():
        if _is_of_another_language(spec):
            yield name, "it is not Python. Run it on a LangGraph Server, and write server: for it (docs/server.md)"
        elif clash := next(iter(clashing([spec], folder, folders)), None):
            yield name, str(clash).removesuffix(".")


def _is_of_another_language(spec: str) -> bool:
    return spec.rpartition(":")[0].endswith(_OTHER_LANGUAGES) or spec.endswith(_OTHER_LANGUAGES)


def _is_usable(found: Any) -> bool:
    from bot.wiring.projects import Inferred

    return isinstance(found, Inferred)


_MOST_TOLD: Final = 3


def _none_usable(graphs: _Graphs, found: "Mapping[str, Inferred | Unusable]") -> list[ConfigProblem]:
    """The problem of each graph, at most four lines in all."""
    where = FILE_NAME if graphs.project is not None else "signoff init"
    told = [ConfigProblem(f"{where}: {name}", f"{graphs.specs[name]}: {each.why}", "") for name, each in found.items()]  # type: ignore[union-attr]
    return _first_of(told, where, "more graphs do not load either")


def _first_of(problems: Sequence[ConfigProblem], where: str, others: str) -> list[ConfigProblem]:
    rest = len(problems) - _MOST_TOLD
    if rest <= 1:
        return [*problems]
    return [*problems[:_MOST_TOLD], ConfigProblem(where, f"{rest} {others}", "Nothing was written.")]


# The draft ------------------------------------------------------------------------------------------------------------


def _draft(options: Options, graphs: _Graphs, found: "Mapping[str, Inferred | Unusable]", folder: Path) -> Draft:
    from bot.wiring.projects import Inferred, with_description

    usable = {name: each for name, each in found.items() if isinstance(each, Inferred)}
    names = agent_names([*usable])
    direct = next((name for name, each in usable.items() if each.talks and each.is_reached), next(iter(usable)))
    entries = [
        Entry(
            name=names[id_],
            id=id_,
            spec=graphs.specs[id_],
            channel=_channel(options, names[id_]),
            direct=id_ == direct,
            found=with_description(each, graphs.descriptions.get(id_) or each.description),
        )
        for id_, each in usable.items()
    ]
    left = [
        LeftOut(name, graphs.specs[name], each.why) for name, each in found.items() if not isinstance(each, Inferred)
    ]
    return Draft(
        editor=editor_lines(folder, installed_schema()),
        project=FILE_NAME if graphs.project is not None else "",
        variables=_variables(graphs, folder),
        entries=entries,
        left_out=left,
        shared=bool(options.channel),
    )


def _channel(options: Options, name: str) -> str:
    """A channel of its own for each agent: there a mention starts it, whatever the message begins with."""
    if not options.channel:
        return f"#{name.lower()}"
    is_id = options.channel[:1].isupper()  # the name of a channel is in lower case
    return options.channel if is_id else f"#{options.channel.removeprefix('#')}"


def _variables(graphs: _Graphs, folder: Path) -> Sequence[str]:
    from bot.wiring.projects import variables

    named = graphs.project.env if graphs.project is not None else {}
    return sorted({*variables(folder), *filter(_VARIABLE.fullmatch, named)})


# Writing --------------------------------------------------------------------------------------------------------------


def write(file: Path, text: str, *, force: bool) -> None:
    """Write the whole file or nothing, also when two do so at once. Raises ProblemsError."""
    made = file.with_name(f".{TARGET}.{uuid4().hex}")
    try:
        try:
            with made.open("x", encoding="utf-8", newline="\n") as out:
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
            if force:
                made.replace(file)
            else:
                _publish(made, file)
        finally:
            made.unlink(missing_ok=True)
    except FileExistsError:
        raise _taken(file) from None
    except OSError as error:
        fix = "Make the folder writable, or see the file with --dry-run."
        raise ProblemsError([ConfigProblem(str(file), f"cannot be written: {error.strerror}", fix)]) from None


def _publish(made: Path, file: Path) -> None:
    """Give a finished file its name unless that is taken, in one step where the file system has links."""
    try:
        os.link(made, file)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(file):
            raise FileExistsError(str(file)) from None
        made.rename(file)


# What is told ---------------------------------------------------------------------------------------------------------


def _some(steps: Sequence[str]) -> str:
    more = len(steps) - _STEPS_TOLD
    return ", ".join(steps[:_STEPS_TOLD]) + (f" and {more} more" if more > 0 else "")


def _next(draft: Draft, unfit_store: str) -> str:
    if not all(each.found.is_whole for each in draft.entries):
        return f"complete the lines of {TARGET} marked TO DO"
    if unfit_store:
        return f"correct store: in {FILE_NAME}"
    if all(each.found.is_reached for each in draft.entries):
        return "signoff demo"
    return f"signoff demo, with a first message that gives the values; or write constants for them in {TARGET}"


def _told(options: Options, draft: Draft, graphs: _Graphs, unfit_store: str) -> list[str]:
    count = len(draft.entries)
    done = "would be written" if options.dry_run else "written"
    lines = [f"{options.folder / TARGET} {done}: {count} agent{'s' * (count != 1)}"]
    for each in draft.entries:
        asks = f"asks people in {_some(each.found.asks)}" if each.found.asks else "asks nobody by itself"
        where = f"{each.channel}{' and direct messages' if each.direct else ''}"
        lines.append(f"  {each.name}: {each.spec}, in {where}; {asks}")
        if each.found.stated:
            lines.append(f"    the first message must give, one per line: {said_lines(each.found.stated)}")
        lines += [
            f"    TO DO: it needs {missing}; without it the first message fails" for missing in each.found.missing
        ]
        lines += [f"    {sentence}" for sentence in each.found.unfit]
    lines += [f"  not written, {left.id}: {left.spec}: {left.why}" for left in draft.left_out]
    if graphs.project is not None and graphs.project.unused:
        lines.append(f"  not used of {FILE_NAME}: {', '.join(graphs.project.unused)}")
    if graphs.project is not None and graphs.project.missing_env:
        lines.append(f"  env of {FILE_NAME}: there is no file {graphs.project.missing_env}, so it sets no variables")
    lines += [f"  {unfit_store}"] if unfit_store else []
    if unset := [name for name in draft.variables if not os.environ.get(name)]:
        lines.append(f"  the project reads, and nothing sets: {', '.join(unset)}")
    lines.append(f"Next: {_next(draft, unfit_store)}")
    return [" ".join(line.split()) if not line.startswith(" ") else line for line in lines]
