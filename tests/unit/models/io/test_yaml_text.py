"""YAML text is read; other text gives a clear message."""

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
def test_text_that_is_not_yaml_is_described(text: str, instead: str) -> None:
    """For some of these texts, PyYAML raises errors other than YAMLError."""
    with pytest.raises(ValueError, match=f"^{instead}"):
        read_yaml(text)
