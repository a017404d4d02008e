"""Signoff's extras: the command that installs one, which depends on how Signoff itself was installed."""

import json
import shlex
import sys
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

_SIGNOFF = "signoff"


def install_command(extra: str) -> str:
    """Give the `pip install` that adds an extra to this environment.

    It names the clone or the wheel that pip installed Signoff from, as pip wrote it down (PEP 610). Where that is gone,
    or Signoff came from elsewhere, it names the packages of the extra: no index is known to have Signoff.
    """
    pip = f"{shlex.quote(sys.executable)} -m pip install"
    try:
        installed = metadata.distribution(_SIGNOFF)
    except metadata.PackageNotFoundError:  # a checkout on the path
        return f'{pip} -e "{Path(__file__).parents[1]}[{extra}]"'
    if source := _source(installed):
        return f'{pip} {source}[{extra}]"'
    return " ".join([pip, *(f'"{each}"' for each in _packages(installed, extra))])


def _source(installed: metadata.Distribution) -> str:
    """The folder or wheel on this machine that Signoff was installed from, as pip takes it; empty if none is left."""
    found = json.loads(installed.read_text("direct_url.json") or "{}")
    url = urlsplit(found.get("url", ""))
    path = Path(url2pathname(url.path))
    if url.scheme != "file" or not (path / "pyproject.toml" if "dir_info" in found else path).is_file():
        return ""
    return f'-e "{path}' if found.get("dir_info", {}).get("editable") else f'"{path}'


def _packages(installed: metadata.Distribution, extra: str) -> list[str]:
    """What pip needs to be told for the packages of an extra."""
    parts = (each.partition(";") for each in installed.requires or ())
    return [package.strip() for package, _, marker in parts if f"extra == '{extra}'" in marker.replace('"', "'")]
