"""`constraints.txt` pins every dependency in `pyproject.toml`, so installations are equal."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OWN = PROJECT["name"]
PINS = dict(
    re.findall(r"^([\w.-]+)==([\w.+]+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
)
RELEASES = {canonicalize_name(name): release for name, release in PINS.items()}

GROUPS = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
ASKED = [Requirement(text) for group in GROUPS for text in group]


@pytest.mark.parametrize("asked", [r for r in ASKED if r.name != OWN], ids=str)
def test_every_dependency_is_pinned(asked: Requirement) -> None:
    """Each dependency is pinned to a release that pyproject.toml allows."""
    release = RELEASES.get(canonicalize_name(asked.name))
    assert release, f"{asked.name} has no pin in constraints.txt"
    assert asked.specifier.contains(release)


def test_pins_name_no_local_build() -> None:
    """A label such as +cpu would exclude every other build of the same release."""
    assert not [release for release in RELEASES.values() if "+" in release]
