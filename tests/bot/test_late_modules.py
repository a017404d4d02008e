"""A package that comes late is the same to whoever uses it."""

import subprocess
import sys

import pytest

USES = {
    "a name of it": "from langsmith.types import Run; Run.model_fields",
    "all of its names": "from langsmith.types import *; Run.model_fields",
    "its name in the package around it": "import langsmith; langsmith.types.Run.model_fields",
    "a module in it": "from langsmith.types.run import Run; Run.model_fields",
    "a client that uses it": "from langsmith import Langsmith; Langsmith(api_key='x').runs",
    "many threads": "from concurrent.futures import ThreadPoolExecutor as P; import langsmith.types as t\n"
    "with P(8) as pool: assert len(set(pool.map(lambda _: t.Run, range(64)))) == 1",
}


def ran(code: str) -> str:
    """What a new process prints."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_package_that_comes_late_has_all_that_it_has(use: str) -> None:
    ran(f"from bot.runtime.late_modules import spare\nspare()\nimport langchain_core.tracers.base\n{use}")


def test_langchain_does_not_make_the_models_of_a_service_that_nobody_calls() -> None:
    count = "import sys, langchain_core.tracers.base; print(len([m for m in sys.modules if 'langsmith.types' in m]))"
    assert int(ran(f"from bot.runtime.late_modules import spare; spare(); {count}")) < 5 < int(ran(count))


def test_what_has_no_such_name_says_so() -> None:
    ran(
        "from bot.runtime.late_modules import spare\nspare()\nimport langsmith.types\n"
        "assert not hasattr(langsmith.types, 'nothing_of_the_kind')\nassert langsmith.types.Run"
    )
