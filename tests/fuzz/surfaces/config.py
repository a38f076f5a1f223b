"""Configuration files: `load` returns a Config or raises ConfigError with one line per error."""

import os
from pathlib import Path
from random import Random

from node.config.settings import ENV_PREFIX, Config, ConfigError, load
from tests.fuzz.chance import mutate, weighted_choice
from tests.fuzz.surface import InvariantViolation, has_control_characters
from tests.fuzz.texts import YAML_VALUES, hostile_text
from tests.support.paths import ROOT

_SHIPPED = (ROOT / "config.yaml").read_bytes()
_SECTIONS = (*Config.model_fields, "nonsense", "")
_KEYS = ("port", "callers", "timeout", "url", "path", "threshold", "films", "level", "ca", "")


def run(rnd: Random, folder: Path) -> str:
    """Load one hostile configuration."""
    path = folder / "config.yaml"
    path.write_bytes(
        weighted_choice(rnd, (41, _shipped), (41, _sections), (16, _noise), (2, _bomb))(rnd)
    )
    environment = _environment(rnd)
    os.environ.update(environment)
    try:
        load(path)
    except ConfigError as error:
        _check(str(error))
        return "refused"
    finally:
        for name in environment:
            del os.environ[name]
        path.unlink()
    return "loaded"


def _check(message: str) -> None:
    lines = message.split("\n")
    if not message or any(has_control_characters(line) or len(line) > 1000 for line in lines):
        raise InvariantViolation(f"malformed message: {message[:200]!r}")


def _shipped(rnd: Random) -> bytes:
    """Return the shipped file with mutated bytes, sometimes with its comments as keys."""
    content = _SHIPPED.replace(b"\n# ", b"\n") if rnd.random() < 0.2 else _SHIPPED
    return mutate(rnd, content)


def _sections(rnd: Random) -> bytes:
    """Return sections with known and unknown keys and unusual values."""
    lines = []
    for _ in range(rnd.randint(1, 5)):
        section = rnd.choice(_SECTIONS)
        field = Config.model_fields.get(section)
        fields = list(getattr(field.annotation, "model_fields", {})) if field else []
        key = rnd.choice([*fields, *_KEYS])
        value = rnd.choice(YAML_VALUES) if rnd.random() < 0.8 else repr(hostile_text(rnd)[:2000])
        lines.append(
            weighted_choice(rnd, (5, f"{section}: {{{key}: {value}}}"), (2, f"{section}: {value}"))
        )
    return "\n".join(lines).encode()


def _noise(rnd: Random) -> bytes:
    return weighted_choice(rnd, (2, rnd.randbytes(rnd.randrange(300))), (1, hostile_text(rnd)))


def _bomb(rnd: Random) -> bytes:
    """Return YAML with exponential aliases, deep nesting or many keys."""
    match rnd.randrange(4):
        case 0:
            lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
            lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
            return "\n".join([*lines, "destinations: *a11"]).encode()
        case 1:
            return (rnd.choice("[{") * rnd.choice((100, 1500))).encode()
        case 2:
            return b"\n".join(b" " * n + b"a:" for n in range(rnd.choice((50, 1000))))
        case _:
            lines = ["a0: &a0 {k: v}"]
            lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 8)]
            return "\n".join([*lines, "dicom: *a7"]).encode()


def _environment(rnd: Random) -> dict[str, str]:
    """Return environment variables without NUL, which the operating system does not allow."""
    variables = {}
    for _ in range(rnd.choice((0, 0, 1, 3))):
        section = rnd.choice(_SECTIONS).upper()
        names = (section, f"{section}__{rnd.choice(_KEYS).upper()}", f"{section}__PORT__X")
        value = (
            rnd.choice(YAML_VALUES) if rnd.random() < 0.5 else hostile_text(rnd).decode("latin-1")
        )
        variables[ENV_PREFIX + rnd.choice(names)] = value.replace("\0", "")[:2000]
    return variables
