"""A tiny project that is set up by this repository's own Makefile, from made-up packages in a folder and no index."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[2]

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""

BACKEND = """
import shutil

def build_editable(folder, settings=None, metadata=None):
    return shutil.copy("wheels/signoff-0.1.0-py3-none-any.whl", folder).rpartition("/")[2]
"""

# What an environment has, as it is found when it is imported.
INSTALLED = """
from importlib import import_module
from importlib.metadata import distributions
for name in {each.name for each in distributions()} - {"pip", "setuptools"}:
    print(name, import_module(name).version)
"""

# A Python whose environments have the pip of the tests' own environment, in place of the one that it brings.
NEWEST_PIP = """#!/bin/sh
[ "$2" = venv ] || exec {python} "$@"
{python} -m venv --without-pip "$3" && cp -Rp {site}/pip {site}/pip-*.dist-info "$3"/lib/python*/site-packages/
"""


@dataclass(slots=True)
class ScratchProject:
    """A folder with a Makefile, locks and wheels; `python` makes its environments."""

    folder: Path
    python: str = sys._base_executable  # type: ignore[attr-defined] # the one outside of our own environment
    digests: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Lay the folder out."""
        (self.folder / "wheels").mkdir(parents=True)
        shutil.copy(ROOT / "Makefile", self.folder)
        (self.folder / "pyproject.toml").write_text(PROJECT)
        (self.folder / "backend.py").write_text(BACKEND)
        self.wheel("signoff", "0.1.0", ["top", "plain>=1"], extra="examples")

    def with_newest_pip(self) -> None:
        """Use the pip that our developers' lock names."""
        wrapper = self.folder / "python"
        site = Path(sys.prefix) / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
        wrapper.write_text(NEWEST_PIP.format(python=self.python, site=site))
        wrapper.chmod(0o700)
        self.python = str(wrapper)

    def wheel(self, name: str, version: str, needs: Sequence[str] = (), *, extra: str = "") -> None:
        """Release a package, which holds one module that knows its version."""
        info = f"{name}-{version}.dist-info"
        head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        head += [f"Requires-Dist: {each}" for each in needs] + [f"Provides-Extra: {extra}"] * bool(extra)
        files = {
            f"{name}.py": f"version = {version!r}\n",
            f"{info}/METADATA": "\n".join(head),
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(f"{each},,\n" for each in [*files, f"{info}/RECORD"])
        path = self.folder / "wheels" / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for inside, text in (files | {f"{info}/RECORD": record}).items():
                archive.writestr(inside, text)
        self.digests[f"{name}=={version}"] = sha256(path.read_bytes()).hexdigest()

    def lock(self, name: str, *pins: str) -> None:
        """Write a lock."""
        lines = [f"{pin} --hash=sha256:{self.digests[pin]}\n" for pin in pins]
        (self.folder / name).write_text("".join(lines))

    def make(self, *targets: str) -> subprocess.CompletedProcess[str]:
        """Run `make` as a user does, with no index and no settings of this machine."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "MAKE", "MFLAGS"))}
        environment = {
            **ours,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.folder / "wheels"),
        }
        command = ["make", "--no-print-directory", f"PYTHON={self.python}", *targets]
        return subprocess.run(  # noqa: S603 - our own Makefile, and no shell
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def installed(self, environment: str = ".venv") -> Mapping[str, str]:
        """Give the made-up packages of an environment, with their versions."""
        # -I: our own signoff.py may be in the working folder.
        command = [str(self.folder / environment / "bin" / "python"), "-I", "-c", INSTALLED]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ours
        return dict(line.split() for line in done.stdout.splitlines())
