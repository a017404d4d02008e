"""The wheel in an environment of its own: the command, the import name with its types, the schema for editors."""

import os
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import signoff

ROOT = Path(__file__).parents[2]
EXAMPLES = ("deploy", "refunds", "travel", "database", "signoff_examples_databases")
PACKAGES = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"


@pytest.fixture(scope="module")
def project(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose `.venv` has the wheel, as pip installs it. What the wheel needs is read from the tests' own."""
    folder = tmp_path_factory.mktemp("project")
    environment = folder / ".venv"
    run(folder, sys.executable, "-m", "venv", "--without-pip", str(environment))
    pip = [sys.executable, "-m", "pip", "--isolated", "--python", str(environment / "bin" / "python")]
    run(folder, *pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    needed = Path(sys.prefix) / PACKAGES  # added by a .pth, so that the .pth in there, to the checkout, is not read
    (environment / PACKAGES / "needed.pth").write_text(f"{needed}\n")
    return folder


def run(folder: Path, *command: str) -> str:
    """Give what a command prints, with no path to the checkout from the environment."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - ours
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_the_wheel_holds_what_runs_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (archive.read(each).decode() for each in names if each.endswith("/METADATA"))
    assert {name.partition("/")[0] for name in names} == {
        *("adapters", "bot", "engine", "signoff", "signoff-0.1.0.dist-info", "signoff-0.1.0.data"),
    }
    assert "signoff-0.1.0.data/data/share/signoff/app.schema.json" in names
    assert {f"{each}/py.typed" for each in ("adapters", "bot", "engine", "signoff")} <= set(names)
    assert {"bot/demo/app.yaml", *(f"bot/demo/examples/{each}.py" for each in EXAMPLES)} <= set(names)
    extras = [line for line in metadata.splitlines() if line.startswith("Provides-Extra")]
    assert extras == [f"Provides-Extra: {each}" for each in ("examples", "fast", "ical", "rules", "vectors")]


def test_the_command_the_module_and_the_import_name_are_of_one_version(project: Path) -> None:
    version = f"signoff {signoff.__version__}"
    assert run(project, ".venv/bin/signoff", "--version") == version
    assert run(project, ".venv/bin/python", "-m", "signoff", "--version") == version
    code = f"import signoff; print({[*signoff.__all__]!r} == signoff.__all__, signoff.__file__, signoff.__version__)"
    file = project / ".venv" / PACKAGES / "signoff" / "__init__.py"
    assert run(project, ".venv/bin/python", "-c", code) == f"True {file} {signoff.__version__}"


def test_an_extra_is_installed_from_the_wheel_by_the_command_that_messages_name(project: Path, wheel: Path) -> None:
    code = "from adapters.extras import install_command; print(install_command('rules'))"
    told = run(project, ".venv/bin/python", "-c", code)
    python = project / ".venv" / "bin" / "python"
    assert told == f'{python} -m pip install "{wheel}[rules]"'
    pip, (_, *command) = [sys.executable, "-m", "pip", "--python", str(python)], shlex.split(told)[2:]
    assert "signoff" not in run(project, *pip, *command, "--no-index", "--dry-run").partition("Would install")[2]


def test_the_import_brings_langgraph_and_redis_only_with_a_name_that_needs_them(project: Path) -> None:
    code = """if True:
        import sys, signoff
        before = {"langgraph", "redis"} & {*sys.modules}
        from signoff import AsyncRedisSaver, AsyncRedisStore, RedisSaver, RedisStore
        print(before, sorted({"langgraph", "redis"} & {*sys.modules}), RedisStore.__name__)
    """
    assert run(project, ".venv/bin/python", "-c", code) == "set() ['langgraph', 'redis'] RedisStore"


def test_a_type_checker_reads_the_types_of_what_is_imported(project: Path) -> None:
    """With the packages of others left out, which would take a minute to read."""
    (project / "typed.py").write_text("import signoff\nreveal_type(signoff.RedisSaver)\nsignoff.RedisServer\n")
    others = ["langgraph", "langchain_core", "redis", "ormsgpack", "pydantic", "numpy", "hiredis", "httpx", "structlog"]
    sections = "".join(f"[mypy-{each}.*]\nfollow_imports = skip\n" for each in others)
    (project / "mypy.ini").write_text(f"[mypy]\ncache_dir = {project}/.mypy\n{sections}")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--python-executable", ".venv/bin/python", "typed.py"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    revealed, error = done.stdout.splitlines()[:2]
    assert revealed.endswith('-> adapters.redis.checkpointer.saver.RedisSaver"')
    assert error.startswith('typed.py:3: error: Module has no attribute "RedisServer"'), done.stdout


def test_the_schema_is_found_from_what_init_writes(project: Path) -> None:
    graph = "from langgraph.graph import MessagesState, StateGraph\nimport langgraph.graph as g\n"
    graph += 'graph = StateGraph(MessagesState).add_node("a", lambda s: s).add_edge(g.START, "a").compile()\n'
    (project / "agent.py").write_text(graph)
    (project / "langgraph.json").write_text('{"dependencies": ["."], "graphs": {"agent": "./agent.py:graph"}}')
    run(project, ".venv/bin/signoff", "init")
    first = (project / "app.yaml").read_text().splitlines()[0]
    schema = project / first.removeprefix("# yaml-language-server: $schema=")
    assert schema == project / ".venv" / "share" / "signoff" / "app.schema.json"
    assert schema.read_text() == (ROOT / "docs" / "app.schema.json").read_text()
    assert run(project, ".venv/bin/signoff", "schema") == schema.read_text().strip()
