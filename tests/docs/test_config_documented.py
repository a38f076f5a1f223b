"""`config.yaml` documents the configuration: it explains every key and states every default.

In `config.yaml`, a line `# words` is a comment. A line `#key: value` or `#  - key: value` is part
of an example. Without the `#`, the example takes effect.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from node.config.peers import Destination
from node.config.settings import Config, load
from tests.support.paths import ROOT

CONFIG = ROOT / "config.yaml"


def sections_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the section classes that a field's type mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in sections_in(part)]


def keys_of_model(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the path of every key, such as `dicom.port`; a path contains no list index."""
    for name, field in model.model_fields.items():
        yield prefix + name
        for section in sections_in(field.annotation):
            yield from keys_of_model(section, f"{prefix}{name}.")


def with_examples(text: str) -> str:
    """Return the text with all examples uncommented, and without the defaults that they replace."""
    none = r"^ *(\w+): (?:\[\]|null)\n(?= *# .*\n *#\1:)"
    emptied = re.sub(none, "", text, flags=re.MULTILINE)
    return re.sub(r"^( *)#(?=\w|  )", r"\1", emptied, flags=re.MULTILINE)


def explained_keys(text: str) -> dict[str, bool]:
    """Return each key of a YAML text, and whether it has a comment above or beside it."""
    lines = text.splitlines()
    found: dict[str, bool] = {}

    def walk(node: yaml.Node | None, prefix: str) -> None:
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                walk(item, prefix)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                line = key.start_mark.line
                above = lines[line - 1].lstrip().startswith("# ")
                name = f"{prefix}{key.value}"
                found[name] = found.get(name, False) or above or " # " in lines[line]
                walk(value, f"{name}.")

    walk(yaml.compose(text, yaml.SafeLoader), "")
    return found


EXPLAINED = explained_keys(with_examples(CONFIG.read_text(encoding="utf-8")))
# The names of sections need no comment, because their keys have comments.
LEAVES = [key for key in keys_of_model(Config) if key not in Config.model_fields]


@pytest.mark.parametrize("key", LEAVES)
def test_every_key_is_explained(key: str) -> None:
    """Administrators learn the keys from this file only."""
    assert EXPLAINED.get(key), f"config.yaml: {key} is missing or has no comment"


def test_the_file_holds_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the file, the node has the same settings, except for the example destination."""
    monkeypatch.chdir(ROOT)
    stated, default = load(CONFIG).model_dump(), load(None).model_dump()
    [destination] = stated.pop("destinations")
    assert default.pop("destinations") == ()
    assert stated == default
    for name, field in Destination.model_fields.items():
        if not field.is_required():
            assert destination[name] == field.default, name


def test_every_default_is_spelled_out() -> None:
    """The file states each default value, instead of leaving it to the code."""
    web = [f"destinations.{name}" for name in ("url", "user", "password_file", "token_file")]
    tls = ("dicom.tls.", "destinations.tls.")
    told = ("drift.alarms.webhook.", "drift.alarms.mail.")
    lists = ("dicom.callers.", "policy.overrides.")
    in_examples = (*tls, *told, *web, *lists, "audit.syslog.", "challenger.")
    stated = explained_keys(CONFIG.read_text(encoding="utf-8"))
    missing = [key for key in LEAVES if key not in stated and not key.startswith(in_examples)]
    assert missing == []


def test_the_examples_are_valid(tmp_path: Path) -> None:
    """Every commented example is valid when it is uncommented."""
    path = tmp_path / "config.yaml"
    path.write_text(with_examples(CONFIG.read_text(encoding="utf-8")), encoding="utf-8")
    config = load(path)
    assert len(config.dicom.callers) == 1
    assert len(config.policy.overrides) == 1
    assert config.challenger is not None
