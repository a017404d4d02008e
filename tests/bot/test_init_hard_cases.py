"""Hard cases of `signoff init`, each with the `signoff check` that follows; those with people are in tests/projects."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.made_projects import ASKING, one, process_as_it_was, project, written

from bot.cli import invoke
from bot.commands.init import write
from bot.config.problems import ProblemsError

SIGNOFF = str(Path(sys.executable).with_name("signoff"))
GRAPH = ASKING.format(name="thing")
MADE = GRAPH.replace("graph = builder.compile()", "")
OK = "app.yaml: OK (1 agent, 0 approval rules)."

Said = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    with process_as_it_was():
        yield


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Run a command; gives its exit code and all that it said."""

    def run(*words: str | Path) -> tuple[int, str]:
        code = invoke([str(each) for each in words])
        return code, "".join(capsys.readouterr())

    return run


def checked(said: Said, folder: Path) -> tuple[int, str]:
    return said("check", "--offline", "--config", folder / "app.yaml")


def works(said: Said, folder: Path, *words: str) -> str:
    """Init and check find nothing wrong; gives all that they said."""
    code, told = said("init", folder, *words)
    assert code == 0, told
    code, more = checked(said, folder)
    assert code == 0, more
    assert ": OK (" in more
    return told + more


def is_refused(said: Said, folder: Path, *words: str, target: str = "app.yaml") -> str:
    """Init ends with 1 in at most four lines, and leaves the folder as it was; check says that there is no app.yaml."""
    before = {each: each.lstat().st_mtime_ns for each in folder.rglob("*") if "__pycache__" not in str(each)}
    code, told = said("init", folder, *words)
    assert code == 1, told
    assert len(told.splitlines()) <= 4
    assert "Traceback" not in told
    after = {each: each.lstat().st_mtime_ns for each in folder.rglob("*") if "__pycache__" not in str(each)}
    assert after.keys() == before.keys()
    if not (folder / target).exists():
        code, more = checked(said, folder)
        assert (code, len(more.splitlines())) == (1, 1)
        assert "app.yaml: there is no such file" in more
    return told


# Graphs that do not load ----------------------------------------------------------------------------------------------


def test_a_folder_without_langgraph_json_and_without_graphs(tmp_path: Path, said: Said) -> None:
    (tmp_path / "notes.py").write_text("print('hello')\n")
    assert "has no langgraph.json, and no Python file in it has a graph" in is_refused(said, tmp_path)


def test_the_third_of_three_graphs_is_named_by_init_and_by_check(tmp_path: Path, said: Said) -> None:
    files = {"a.py": GRAPH, "bad.py": "import nowhere_to_be_found\n", "c.py": GRAPH}
    folder = project(tmp_path, {name: f"./{name}.py:graph" for name in ("a", "bad", "c")}, files)
    told = works(said, folder)
    assert "not written, bad: ./bad.py:graph: bad.py, line 1: ModuleNotFoundError" in told
    assert "warning: langgraph.json: no agent in app.yaml runs bad (./bad.py:graph)." in told
    code, again = said("init", folder, "--dry-run")
    assert code == 0
    assert "not written, bad: ./bad.py:graph: bad.py, line 1: ModuleNotFoundError" in again


@pytest.mark.parametrize(
    ("imports", "sentence"),
    [
        (
            "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:1/models', timeout=5)\n",
            "a.py, line 2: URL",
        ),
        ("import httpx\nhttpx.get('http://127.0.0.1:1/models', timeout=5)\n", "a.py, line 2: ConnectError"),
    ],
)
def test_a_graph_that_calls_out_while_it_is_imported(imports: str, sentence: str, tmp_path: Path, said: Said) -> None:
    folder = project(tmp_path, {"a": "./a.py:graph", "b": "./b.py:graph"}, {"a.py": imports + GRAPH, "b.py": GRAPH})
    told = works(said, folder)
    assert sentence in told
    assert "This code reaches over the network while it is imported: move it into a factory or a node" in told
    assert [*written(folder)["agents"]] == ["b"]


def test_a_factory_that_needs_a_key_that_only_app_yaml_can_give(tmp_path: Path, said: Said) -> None:
    text = f"{MADE}\ndef make(config):\n    return config['configurable']['tenant'] and builder\n"
    told = is_refused(said, project(tmp_path, {"a": "./a.py:make"}, {"a.py": text}))
    assert "KeyError: 'tenant'. Signoff calls a factory with parameters once at start, for an example of a" in told
    assert "with the keys of configurable: and context: in app.yaml" in told


@pytest.mark.parametrize("needed", ["runtime.execution_runtime", "runtime.ensure_user()"])
def test_a_factory_that_takes_a_server_runtime(needed: str, tmp_path: Path, said: Said) -> None:
    factory = f"async def make(config: dict, runtime: ServerRuntime):\n    return {needed} and builder\n"
    text = f"{MADE}\nfrom langgraph_sdk.runtime import ServerRuntime\n{factory}"
    assert "called once" not in works(said, project(tmp_path, {"a": "./a.py:make"}, {"a.py": text}))


@pytest.mark.parametrize("slow", ["time.sleep(0.3)\n{}", "{}\ndef make():\n    time.sleep(0.3)\n    return builder"])
def test_a_graph_that_takes_long_is_named_while_it_loads(
    slow: str, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.langgraph.opening.SECONDS_UNTIL_SAID", 0.1)
    spec = "./a.py:make" if "make" in slow else "./a.py:graph"
    folder = project(tmp_path, {"a": spec}, {"a.py": "import time\n" + slow.format(GRAPH)})
    told = works(said, folder)
    assert f"signoff init: still loading a ({spec})\n" in told
    assert f"signoff check: still loading a ({spec})\n" in told


def test_a_graph_that_loads_at_once_is_not_named_later(tmp_path: Path, said: Said) -> None:
    assert "still loading" not in works(said, one(tmp_path))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("raise SystemExit('no key')", "a.py, line 1: it ends the process (SystemExit: no key)"),
        ("import os\nos.environ['BANK_KEY']", "KeyError: 'BANK_KEY'. This variable of the environment is not set"),
        ("x = {}['k']", "a.py, line 1: KeyError: 'k'."),
        ("def (", "a.py, line 1: SyntaxError"),
        ("graph = 3", "is of type int, not a graph"),
    ],
)
def test_a_graph_that_does_not_load_is_one_line(text: str, sentence: str, tmp_path: Path, said: Said) -> None:
    told = is_refused(said, project(tmp_path, {"a": "./a.py:graph"}, {"a.py": text}, env=".env"))
    assert sentence in told
    assert len(told.splitlines()) == 1


def test_fifty_graphs(tmp_path: Path, said: Said) -> None:
    """With the imports, 50 graphs like this one took 3.6 s of CPU in init, 3.9 s in check, and 130 MiB in each."""
    names = [f"graph-{number}" for number in range(50)]
    folder = project(tmp_path, {name: f"./{name}.py:graph" for name in names}, {f"{name}.py": GRAPH for name in names})
    told = works(said, folder)
    assert "app.yaml: OK (50 agents" in told
    assert [*written(folder)["agents"]] == names
    assert sum(bool(each.get("direct_messages")) for each in written(folder)["agents"].values()) == 1


# The environment ------------------------------------------------------------------------------------------------------


def test_an_env_file_that_is_missing_is_named_and_no_fault(tmp_path: Path, said: Said) -> None:
    told = works(said, one(tmp_path, env=".env.prod"))
    assert "env of langgraph.json: there is no file .env.prod, so it sets no variables" in told
    assert "warning: langgraph.json: env: there is no file .env.prod, so it sets no variables." in told


def test_keys_that_are_not_used_are_named(tmp_path: Path, said: Said) -> None:
    built = {"python_version": "3.12", "dockerfile_lines": ["RUN x"], "pip_config_file": "./pip.conf"}
    told = works(said, one(tmp_path, **built, dependecies=["."], auth={"path": "./auth.py:auth"}))
    assert "not used of langgraph.json: auth, dependecies" in told
    assert "warning: langgraph.json: dependecies is not used: Signoff does not know this key." in told
    assert not [each for each in built if each in told]


def test_windows_line_ends_everywhere(tmp_path: Path, said: Said) -> None:
    folder = one(tmp_path, env=".env")
    (folder / ".env").write_text("REGION=us\n")
    for each in (folder / "langgraph.json", folder / ".env", folder / "src" / "a.py"):
        each.write_bytes(each.read_bytes().replace(b"\n", b"\r\n"))
    works(said, folder)
    file = folder / "app.yaml"
    assert b"\r" not in file.read_bytes()
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert OK in checked(said, folder)[1]
    assert os.environ["REGION"] == "us"


# Folders --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a project", "prüfung ✓", "d/" * 40, "$HOME {x} #1", "-rf"])
def test_folders_of_any_name(name: str, tmp_path: Path, said: Said) -> None:
    works(said, one(tmp_path / "here" / name))


def test_a_folder_that_is_missing_or_is_none(tmp_path: Path, said: Said) -> None:
    (tmp_path / "langgraph.json").write_text("{}")
    assert said("init", tmp_path / "gone") == (
        1,
        f"{tmp_path}/gone: there is no such folder. Name the project's folder.\n",
    )
    is_file = f"{tmp_path}/langgraph.json: is no folder. Name the project's folder.\n"
    assert said("init", tmp_path / "langgraph.json") == (1, is_file)


def test_a_monorepo_whose_app_needs_a_library_beside_it(tmp_path: Path, said: Said) -> None:
    files = {"a.py": "from prices import price\n" + GRAPH, "../../libs/pricing/prices.py": "def price(): return 3\n"}
    folder = project(tmp_path / "apps" / "shop", {"a": "./a.py:graph"}, files, dependencies=["../../libs/pricing"])
    works(said, folder)


@pytest.mark.parametrize("spec", ["./src/shop/graph.py:graph", "shop.graph:graph"])
def test_a_package_in_src_that_is_not_installed(spec: str, tmp_path: Path, said: Said) -> None:
    files = {"src/shop/__init__.py": "", "src/shop/graph.py": "import shop\n" + GRAPH, "pyproject.toml": ""}
    told = is_refused(said, project(tmp_path, {"a": spec}, files))
    assert f"It is a package of this project: run `pip install -e .` in {tmp_path}, with {sys.executable}" in told


def test_a_library_of_a_monorepo_that_is_not_installed_is_never_looked_for_elsewhere(
    tmp_path: Path, said: Said
) -> None:
    files = {"a.py": "import prices\n" + GRAPH, "../../libs/pricing/src/prices.py": ""}
    folder = project(tmp_path / "apps" / "shop", {"a": "./a.py:graph"}, files, dependencies=["../../libs/pricing"])
    library = tmp_path / "libs" / "pricing"
    told = is_refused(said, folder)
    assert f"It is in {library}/src: name that folder among the dependencies of langgraph.json" in told
    (library / "pyproject.toml").touch()
    told = is_refused(said, folder)
    assert f"run `pip install -e .` in {library}, " in told
    assert "pip install prices" not in told


def unprivileged(*words: str | Path) -> tuple[int, str]:
    """Run a command as a process that may not write where the mode of a file forbids it."""
    command = [SIGNOFF, *map(str, words)]
    if os.geteuid() == 0:
        dropped = "-dac_override,-dac_read_search"
        command = ["setpriv", "--inh-caps", dropped, "--bounding-set", dropped, *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    return done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root, and setpriv is not installed")
def test_a_folder_that_is_read_only_with_one_in_it_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir(mode=0o000)
    (tmp_path / "a.py").write_text(GRAPH)
    before = sorted(tmp_path.iterdir())
    tmp_path.chmod(0o555)
    try:
        code, told = unprivileged("init", tmp_path)
    finally:
        tmp_path.chmod(0o755)
    fix = "Make the folder writable, or see the file with --dry-run."
    assert (code, told) == (1, f"{tmp_path}/app.yaml: cannot be written: Permission denied. {fix}\n")
    assert sorted(tmp_path.iterdir()) == before


# An app.yaml that is there --------------------------------------------------------------------------------------------

BEFORE = {
    "of another project": b"agents:\n  x: {graph: gone.py:graph, channels: ['#x']}\n",
    "empty": b"",
    "not YAML": b"agents: [",
    "UTF-16": "agents: {}".encode("utf-16"),
    "of an older version": b"agents:\n  a: {graph: ./src/a.py:graph, channels: ['#a'], timeout: 5}\n",
}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE.keys())
def test_an_app_yaml_from_before(before: bytes, tmp_path: Path, said: Said) -> None:
    folder = one(tmp_path)
    (folder / "app.yaml").write_bytes(before)
    assert "app.yaml: exists already, so nothing was written. Add --force" in is_refused(said, folder)
    code, told = said("init", folder, "--dry-run")
    assert code == 0
    assert "app.yaml would be written: 1 agent" in told
    assert (folder / "app.yaml").read_bytes() == before
    code, told = checked(said, folder)
    assert code == 1
    assert "Traceback" not in told
    works(said, folder, "--force")


@pytest.mark.parametrize("target", ["theirs.yaml", "/nowhere/app.yaml"])
def test_an_app_yaml_that_is_a_link(target: str, tmp_path: Path, said: Said) -> None:
    folder = one(tmp_path)
    (folder / "theirs.yaml").write_text("agents: {}\n")
    (folder / "app.yaml").symlink_to(target)
    assert "exists already" in is_refused(said, folder, target="theirs.yaml")
    works(said, folder, "--force")
    assert not (folder / "app.yaml").is_symlink()
    assert (folder / "theirs.yaml").read_text() == "agents: {}\n"  # init writes nothing but app.yaml


def test_an_app_yaml_that_is_a_folder(tmp_path: Path, said: Said) -> None:
    folder = one(tmp_path)
    (folder / "app.yaml").mkdir()
    for words in ([], ["--force"]):
        assert "app.yaml: is a folder, so nothing was written. Rename it" in is_refused(said, folder, *words)
    assert said("init", folder, "--dry-run")[0] == 0
    assert "app.yaml: cannot be read: Is a directory" in checked(said, folder)[1]


def test_a_second_run_changes_nothing_and_is_told_so(tmp_path: Path, said: Said) -> None:
    folder = one(tmp_path)
    works(said, folder)
    first = (folder / "app.yaml").read_bytes()
    assert "exists already" in is_refused(said, folder)
    assert (folder / "app.yaml").read_bytes() == first


def test_of_two_runs_at_the_same_time_one_writes_and_the_other_is_told(tmp_path: Path) -> None:
    folder = one(tmp_path)
    command = [SIGNOFF, "init", str(folder)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]  # noqa: S603 - our own command
    told = {each.communicate()[0].split(": ")[1].split(",")[0]: each.returncode for each in runs}
    assert told == {"1 agent\n  refunds": 0, "exists already": 1}
    assert len(written(folder)["agents"]) == 1
    assert not [*folder.glob(".app.yaml*")]


@pytest.mark.parametrize("force", [False, True])
def test_of_many_who_write_at_once_each_writes_all_or_nothing(force: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    texts = [f"agents: {{a{number}: {'x' * 100_000}}}\n" for number in range(8)]
    start, won, lost = threading.Barrier(len(texts)), list[str](), list[str]()

    def run(text: str) -> None:
        start.wait()
        try:
            write(tmp_path / "app.yaml", text, force=force)
            won.append(text)
        except ProblemsError as error:
            lost.append(str(error))

    threads = [threading.Thread(target=run, args=(each,)) for each in texts]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(won) == (len(texts) if force else 1)
    assert all("exists already" in each for each in lost)
    assert (tmp_path / "app.yaml").read_text() in won
    assert [each.name for each in tmp_path.iterdir()] == ["app.yaml"]


# Names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["#", "##a", "a b", "#Deploys", "@alice", f"#{'x' * 81}", "#a,#b", "<#C012345|x>"])
def test_a_channel_that_is_none(name: str, tmp_path: Path, said: Said) -> None:
    told = is_refused(said, one(tmp_path), "--channel", name)
    assert (
        told
        == f"--channel: \"{name}\" is not a channel. Write its name as Slack shows it, in lower case: '#deploys'.\n"
    )


@pytest.mark.parametrize(
    ("name", "channel"),
    [("deploys", "#deploys"), ("#deploys", "#deploys"), ("C0123456789", "C0123456789"), ("général", "#général"),
     ("", "#refunds"), ("null", "#null"), ('"', '#"')],
)  # fmt: skip
def test_a_channel_of_any_spelling(name: str, channel: str, tmp_path: Path, said: Said) -> None:
    folder = one(tmp_path)
    works(said, folder, "--channel", name)
    assert written(folder)["agents"]["refunds"]["channels"] == [channel]


def test_ids_that_are_no_names_become_names_of_their_own(tmp_path: Path, said: Said) -> None:
    ids = [
        "pay/out",
        "pay.out",
        "PAY-OUT",
        "Zahlung ü",
        "支払い",
        " ",
        "x" * 100,
        "-",
        "on",
        "new\nline",
        "$x",
        "{a: b}",
    ]
    folder = project(tmp_path, dict.fromkeys(ids, "./a.py:graph"), {"a.py": GRAPH})
    told = works(said, folder)
    assert "app.yaml: OK (12 agents" in told
    agents = written(folder)["agents"]
    assert len({each.casefold() for each in agents}) == len(ids)
    channels = [each["channels"][0] for each in agents.values()]
    assert len(set(channels)) == len(ids)


def test_a_description_that_is_no_line_of_yaml(tmp_path: Path, said: Said) -> None:
    text = 'Pays: "all" of ${MONEY} # now\n\x1b[31m\u202e- x'
    folder = project(tmp_path, {"a": {"path": "./a.py:graph", "description": text}}, {"a.py": GRAPH})
    works(said, folder)
    assert written(folder)["agents"]["a"]["description"] == 'Pays: "all" of $${MONEY} # now [31m - x'


# langgraph.json -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"graphs": {"a": "./a.py:graph"}} // mine', "is not JSON"),
        ('{"graphs": {"a": "./a.py:graph",}}', "Remove the comma before the closing bracket."),
        ('{\n# the agents\n"graphs": {"a": "./a.py:graph"}}', "langgraph.json:2: is not JSON"),
        ('{"graphs": {"a": "./a.py:graph", "a": "./b.py:graph"}}', '"a" stands twice in one object'),
        ('{"graphs": {"a": "./a.py:graph"}}'.encode("utf-16"), "is not UTF-8"),
        (f'{{"graphs": {{"a": "./a.py:graph"}}, "ui": {"[" * 100_000}{"]" * 100_000}}}', "cannot be read as JSON"),
        (json.dumps({"graphs": dict.fromkeys("abcdefgh"), "dependencies": 3, "env": []}), "7 more problems"),
        ('{"graphs": {"a": "./a.py:graph"}, "dependencies": ["./gone"]}', 'there is no folder "./gone"'),
    ],
)
def test_a_langgraph_json_that_cannot_be_read(text: str | bytes, sentence: str, tmp_path: Path, said: Said) -> None:
    (tmp_path / "langgraph.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "a.py").write_text(GRAPH)
    told = is_refused(said, tmp_path)
    assert sentence in told
    assert "langgraph.json" in told
    assert is_refused(said, tmp_path, "--dry-run") == told


def test_a_langgraph_json_with_a_mark_of_its_encoding(tmp_path: Path, said: Said) -> None:
    folder = one(tmp_path)
    file = folder / "langgraph.json"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    works(said, folder)


def test_a_langgraph_json_that_leads_nowhere(tmp_path: Path, said: Said) -> None:
    (tmp_path / "langgraph.json").symlink_to("nowhere.json")
    assert "langgraph.json: there is no such file" in is_refused(said, tmp_path)


# States ---------------------------------------------------------------------------------------------------------------

FIELDS = "    question: str\n    tries: int = 3\n    answer: str = ''"


@pytest.mark.parametrize("head", ["class State(BaseModel):", "@dataclass\nclass State:"])
def test_a_state_that_is_a_class(head: str, tmp_path: Path, said: Said) -> None:
    text = f"""\
from dataclasses import dataclass
from langgraph.graph import START, StateGraph
from pydantic import BaseModel

{head}
{FIELDS}

def work(state):
    return {{"answer": f"{{state.question}} {{state.tries}}"}}

graph = StateGraph(State).add_node("work", work).add_edge(START, "work").compile()
"""
    folder = project(tmp_path, {"a": "./a.py:graph"}, {"a.py": text})
    works(said, folder)
    assert written(folder)["agents"]["a"]["input"] == {"question": "$text"}


def test_a_folder_that_the_demo_cannot_keep_anything_in(
    tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = one(tmp_path)
    works(said, folder)
    monkeypatch.chdir(folder)
    (folder / "taken").touch()
    code, told = said("demo", "--no-browser", "--port", "0", "--data", "taken/demo")
    assert code == 1
    assert told.splitlines()[-1].startswith(f"{folder}/taken/demo/slack: cannot be written: Not a directory.")
    assert told.splitlines()[-1].endswith("Name another folder with --data.")
