"""The examples and the sentences that pages show are those of the code: uses, deployment, backup, troubleshooting."""

import configparser
import json
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import yaml
from fakes.valkey import wait_until
from support.pages import DOCS, ROOT, SECRETS, blocks, file_of
from support.said import is_said, unknown_part

from adapters.redis import embedded
from bot.checks import interrupts
from bot.config.load import load
from bot.wiring.probes import probes

ROOMS = ("bot", "adapters", "engine")

# Uses -----------------------------------------------------------------------------------------------------------------

USES = {"team-approvals.md": "release", "clarification.md": "trip", "on-call-gate.md": "ops"}


@pytest.mark.parametrize("page", USES)
async def test_the_check_prints_of_a_use_what_its_page_shows(page: str, tmp_path: Path) -> None:
    (code,), (app,), (printed,) = (blocks(page, language) for language in ("python", "yaml", "text"))
    (tmp_path / f"{USES[page]}.py").write_text(code)
    (tmp_path / "app.yaml").write_text(app)
    config = load(tmp_path / "app.yaml", SECRETS)
    found = {str(name): (await probes().graph(config, name)).interrupts for name in config.agents}
    assert "\n".join(interrupts.table(found)).strip() == printed.strip()


# Deployment -----------------------------------------------------------------------------------------------------------


def test_the_unit_of_systemd_is_one(tmp_path: Path) -> None:
    text = file_of("deploy.md", "/etc/systemd/system/signoff.service")
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(text)
    service = unit["Service"]
    assert shlex.split(service["ExecStart"])[1:] == ["run"]
    assert int(service["TimeoutStopSec"]) > 30, "a stop takes up to 30 seconds"
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    file = tmp_path / "signoff.service"
    file.write_text(text.replace(service["ExecStart"], "/bin/true"))  # nothing is in /opt here
    command = ["systemd-analyze", "verify", "--man=no", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert (done.returncode, done.stderr) == (0, "")


def test_the_container_starts_a_command_that_exists_and_copies_before_it_installs() -> None:
    lines = file_of("deploy.md", "Dockerfile").splitlines()
    known = {"FROM", "RUN", "COPY", "ENV", "WORKDIR", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "CMD"}
    words = [line.split(maxsplit=1) for line in lines]
    assert {word for word, _ in words} <= known
    assert json.loads(dict(words)["CMD"]) == ["signoff", "run"]
    compile(json.loads(dict(words)["HEALTHCHECK"].partition("CMD ")[2])[2], "HEALTHCHECK", "exec")
    installs = next(i for i, line in enumerate(lines) if "/src/signoff[" in line)
    assert {"COPY signoff /src/signoff", "COPY project/requirements.txt ."} < set(lines[:installs])
    assert lines.index("COPY --chown=10001 project .") < lines.index("USER 10001"), "no root, and the code is there"
    assert "**/.env" in file_of("deploy.md", ".dockerignore").splitlines()


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="docker-compose is not installed")
def test_docker_compose_reads_the_compose_file(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(file_of("deploy.md", "compose.yaml"))
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / ".env").write_text("SLACK_BOT_TOKEN=xoxb-1\n")
    command = ["docker-compose", "--file", str(tmp_path / "compose.yaml"), "config"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, done.stderr
    signoff = yaml.safe_load(done.stdout)["services"]["signoff"]
    assert signoff["environment"] == {"REDIS_URL": "redis://valkey:6379/0", "SLACK_BOT_TOKEN": "xoxb-1"}


def test_the_compose_file_starts_a_valkey_as_signoff_needs_it(tmp_path: Path) -> None:
    made = yaml.safe_load(file_of("deploy.md", "compose.yaml"))
    assert set(made["services"]) == {"signoff", "valkey"}
    assert made["services"]["signoff"]["environment"]["REDIS_URL"].startswith("redis://valkey:")
    assert made["services"]["valkey"]["volumes"] == [f"{name}:/data" for name in made["volumes"]]
    options = made["services"]["valkey"]["command"][1:]
    assert options[options.index("--maxmemory-policy") + 1] == "noeviction"
    command = [embedded.find_server(), *options, "--port", "0", "--dir", str(tmp_path), "--daemonize", "no"]
    with subprocess.Popen([*command, "--unixsocket", "valkey.sock"], cwd=tmp_path, stdout=subprocess.DEVNULL) as server:  # noqa: S603 - ours
        try:
            wait_until((tmp_path / "appendonlydir").exists, "the server has read its options")
            assert server.poll() is None
        finally:
            server.kill()


def test_each_metric_that_a_page_names_exists() -> None:
    """So do the keys of a config: each stands in the code, a counter without its `_total`."""
    code = "".join(file.read_text(encoding="utf-8") for room in ROOMS for file in (ROOT / room).rglob("*.py"))
    named = {name for page in DOCS.glob("*.md") for name in re.findall(r"`(signoff_[a-z_]+)[`{]", page.read_text())}
    assert "signoff_rules_stale" in named
    assert {name for name in named if f'"{name.removesuffix("_total")}"' not in code} == set()


# Backup ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a short path, as a socket needs it."""
    with tempfile.TemporaryDirectory() as made:
        monkeypatch.chdir(made)
        Path("backup").mkdir()
        yield Path(made)


def run_block(number: int) -> None:
    """Run a shell block of docs/backup.md in this folder."""
    script = blocks("backup.md", "sh")[number].replace("/backup/", "backup/")
    if shutil.which("valkey-cli") is None:
        script = script.replace("valkey-cli", "redis-cli")
    subprocess.run(["/bin/sh", "-euc", script], check=True, capture_output=True)  # noqa: S603 - our own page


@pytest.mark.skipif(
    not (shutil.which("redis-cli") or shutil.which("valkey-cli")), reason=".ci/redis installs redis-cli"
)
def test_what_was_backed_up_is_there_after_a_restore(folder: Path) -> None:
    """From a running server, and from a stopped one; what came later is not."""
    stopped, running, restore = range(3)
    with embedded.running_sync(folder / ".signoff") as url, redis.Redis.from_url(url) as client:
        client.set("before", "1")
        run_block(running)
        client.set("after", "1")
    run_block(restore)
    with embedded.running_sync(folder / ".signoff") as url, redis.Redis.from_url(url) as client:
        assert client.keys() == [b"before"]
        client.set("later", "1")
    shutil.rmtree("backup/signoff-appendonlydir")
    shutil.rmtree(".signoff/appendonlydir.broken")
    run_block(stopped)
    run_block(restore)
    with embedded.running_sync(folder / ".signoff") as url, redis.Redis.from_url(url) as client:
        assert sorted(client.keys()) == [b"before", b"later"]


# Troubleshooting ------------------------------------------------------------------------------------------------------


def quoted() -> list[str]:
    """What the bot says, on any page: the pages quote nothing else."""
    texts = (page.read_text(encoding="utf-8") for page in sorted(DOCS.glob("*.md")))
    return [line for text in texts for line in re.findall(r"^> (.+)$", text, re.MULTILINE)]


@pytest.mark.parametrize("quote", quoted())
def test_a_sentence_that_a_page_quotes_is_one_of_the_code(quote: str) -> None:
    assert is_said(quote) or unknown_part(quote) == ""


def test_a_sentence_that_nobody_says_is_found() -> None:
    wrong = "You asked for this yourself, so the moon has to decide it."
    assert unknown_part(wrong)
    assert not is_said(wrong)
    assert len(quoted()) > 25
