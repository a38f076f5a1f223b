"""YAML files that say what their author meant: safe, and without a key written twice."""

from pathlib import Path
from typing import Any

import yaml


class _StrictLoader(yaml.SafeLoader):
    """YAML's safe loader, which here refuses two equal keys instead of taking the last.

    And aliases: a few lines of them stand for more than any memory holds.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node; raise where it only points to another."""
        if self.check_event(yaml.AliasEvent):
            mark = self.get_mark()
            raise yaml.composer.ComposerError(
                None, None, "an alias (*name): write the value out", mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping; raise where a key stands twice."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key that is no word", key.start_mark
                )
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is written twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_mapping(path: Path) -> dict[str, Any]:
    """Return a file's top-level mapping, empty for an empty file.

    Raises OSError, or ValueError with one line that says what is wrong and where.
    """
    try:
        with path.open(encoding="utf-8") as file:
            content = yaml.load(file, _StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}" if mark else "unknown line"
        raise ValueError(f"not valid YAML, {where}: {error.problem}") from None
    except (yaml.reader.ReaderError, UnicodeDecodeError) as error:
        raise ValueError(f"not valid YAML: {error.reason}") from None
    except RecursionError:
        raise ValueError("not valid YAML: nested too deep") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # PyYAML's own, of a date that does not exist, or a number that is none.
        raise ValueError(f"not valid YAML: {type(error).__name__} in a value") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ValueError(f"holds a {type(content).__name__}, not sections with keys")
    return content
