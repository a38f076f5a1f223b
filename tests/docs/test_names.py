"""Public names have one meaning: a class name is unique, and a bound name is a noun."""

import ast
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.support.paths import ROOT

PACKAGES = ("node", "models")
FORBIDDEN = {"one", "found", "shown", "seen", "said", "told", "known", "what", "whole", "taken"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Return each module of the product with its path."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def bound_names(tree: ast.Module) -> Iterator[str]:
    """Return the names that a module binds: variables, parameters, functions, attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.alias(asname=str(name)):
                yield name


def test_public_class_names_are_unique() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path, tree in modules():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path)
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_bound_name_is_a_participle_or_pronoun(package: str) -> None:
    hits = [
        f"{path}: {name}"
        for path, tree in modules()
        if path.startswith(f"{package}/")
        for name in bound_names(tree)
        if name in FORBIDDEN
    ]
    assert hits == []


def test_every_package_has_a_docstring_of_one_sentence() -> None:
    faults = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.name == "__init__.py":
                text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
                if not text.endswith(".") or "\n\n" in text:
                    faults.append(f"{path.relative_to(ROOT)}: {text!r}")
    assert faults == []
