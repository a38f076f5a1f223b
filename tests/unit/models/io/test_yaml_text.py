"""The words of a bundle are YAML, or it is said what they are instead."""

import pytest

from models.io.yaml_text import read_yaml


def test_yaml_is_read() -> None:
    assert read_yaml("name: demo\nlimits: [a, b]\n") == {"name": "demo", "limits": ["a", "b"]}


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("a: [", "not YAML"),
        ("a: \0", "not YAML"),
        ("[" * 1500, "nested too deep"),
        ("a: 2024-99-99", "not readable: ValueError"),
        ("a: !!int ''", "not readable: IndexError"),
        ("a: !!timestamp x", "not readable: AttributeError"),
    ],
)
def test_what_is_none_is_said_to_be(text: str, instead: str) -> None:
    """PyYAML's loader ends on some of these with an error that is not its own."""
    with pytest.raises(ValueError, match=f"^{instead}"):
        read_yaml(text)
