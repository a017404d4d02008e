"""`make wheels` tells by a wheel's name where it installs."""

import pytest
from packaging.markers import Marker
from packaging.utils import parse_wheel_filename

from bench.wheels import SYSTEMS, Package

NONE = ["3.11", "3.12", "3.13", "3.14"]


def missing(*wheels: str, marker: str = "") -> dict[str, list[str]]:
    """Give the Pythons without a wheel, for each system that has such."""
    tags = frozenset(tag for wheel in wheels for tag in parse_wheel_filename(f"a-1.0-{wheel}.whl")[3])
    package = Package("a", "1.0", "", Marker(marker) if marker else None, tags)
    return {system.name: found for system in SYSTEMS if (found := package.missing(system))}


@pytest.mark.parametrize(
    ("wheel", "fits"),
    [
        ("py3-none-any", {system.name for system in SYSTEMS}),
        ("py3-none-manylinux_2_28_x86_64", {"glibc x86_64"}),
        ("cp311-abi3-manylinux_2_17_aarch64.manylinux2014_aarch64", {"glibc aarch64"}),
        ("cp310-abi3-musllinux_1_2_x86_64", {"musl x86_64"}),
        ("py3-none-macosx_10_9_universal2", {"macOS 14 arm64", "macOS 14 x86_64"}),
        ("cp311-abi3-macosx_11_0_arm64", {"macOS 14 arm64"}),
        ("py3-none-win_amd64", set()),
        ("py3-none-manylinux_2_39_x86_64", set()),
    ],
)
def test_the_systems_that_a_wheel_installs_on(wheel: str, fits: set[str]) -> None:
    assert missing(wheel) == {system.name: NONE for system in SYSTEMS if system.name not in fits}


def test_a_python_without_a_wheel_is_named() -> None:
    wheels = [f"cp3{minor}-cp3{minor}-manylinux_2_17_x86_64" for minor in (11, 12, 13)]
    assert missing(*wheels)["glibc x86_64"] == ["3.14"]
    assert missing("cp314-cp314t-manylinux_2_17_x86_64")["glibc x86_64"] == NONE, "of a Python without the GIL"


def test_what_a_system_does_not_need_is_not_missing() -> None:
    assert missing("py3-none-win_amd64", marker="sys_platform == 'win32'") == {}
    found = missing(marker="python_version < '3.12'")
    assert found == {system.name: ["3.11"] for system in SYSTEMS}
