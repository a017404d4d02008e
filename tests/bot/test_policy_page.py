"""What docs/policy-tests.md shows is what the commands print."""

import re
from pathlib import Path

import pytest

from bot.cli import invoke

PAGE = (Path(__file__).parents[2] / "docs" / "policy-tests.md").read_text(encoding="utf-8")
RULES, CASES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
TESTED, EXPLAINED, _ = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_API_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.yaml").write_text(RULES)
    (tmp_path / "cases.yaml").write_text(CASES)
    return tmp_path


def test_its_cases_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["policy", "test", "cases.yaml"]) == 0
    assert TESTED.endswith(f"cases.yaml\n{capsys.readouterr().out}")


def test_its_failing_case_fails_like_this(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "app.yaml").write_text(RULES.replace("args.amount > 1000", "args.amount > 9000"))
    assert invoke(["policy", "test", "cases.yaml"]) == 1
    line = capsys.readouterr().out.splitlines()[0]
    assert line in PAGE


def test_its_explanation_is_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    call = ["explain", "--agent", "shop", "--tool", "refund_order", "--args", '{"amount": 5000}']
    assert invoke([*call, "--at", "2026-12-01T15:50Z"]) == 0
    assert EXPLAINED.partition("\n")[2] == capsys.readouterr().out
