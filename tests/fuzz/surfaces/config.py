"""Configuration: a Config comes out, or ConfigError with a line for each fault."""

import os
from pathlib import Path
from random import Random

from node.config.settings import ENV_PREFIX, Config, ConfigError, load
from tests.fuzz.chance import mutated, weighed
from tests.fuzz.surface import Wrong, has_control
from tests.fuzz.texts import YAML_VALUES, text
from tests.support.paths import ROOT

_SHIPPED = (ROOT / "config.yaml").read_bytes()
_SECTIONS = (*Config.model_fields, "nonsense", "")
_KEYS = ("port", "callers", "timeout", "url", "path", "threshold", "films", "level", "ca", "")


def run(rnd: Random, folder: Path) -> str:
    """Load one hostile configuration."""
    path = folder / "config.yaml"
    path.write_bytes(weighed(rnd, (41, _shipped), (41, _sections), (16, _noise), (2, _bomb))(rnd))
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


def _check(said: str) -> None:
    lines = said.split("\n")
    if not said or any(has_control(line) or len(line) > 1000 for line in lines):
        raise Wrong(f"not clear lines: {said[:200]!r}")


def _shipped(rnd: Random) -> bytes:
    """The shipped file, every key live, with some bytes changed."""
    live = _SHIPPED.replace(b"\n# ", b"\n") if rnd.random() < 0.2 else _SHIPPED
    return mutated(rnd, live)


def _sections(rnd: Random) -> bytes:
    """Sections with known keys and values of every kind."""
    lines = []
    for _ in range(rnd.randint(1, 5)):
        section = rnd.choice(_SECTIONS)
        field = Config.model_fields.get(section)
        known = list(getattr(field.annotation, "model_fields", {})) if field else []
        key = rnd.choice([*known, *_KEYS])
        value = rnd.choice(YAML_VALUES) if rnd.random() < 0.8 else repr(text(rnd)[:2000])
        lines.append(
            weighed(rnd, (5, f"{section}: {{{key}: {value}}}"), (2, f"{section}: {value}"))
        )
    return "\n".join(lines).encode()


def _noise(rnd: Random) -> bytes:
    return weighed(rnd, (2, rnd.randbytes(rnd.randrange(300))), (1, text(rnd)))


def _bomb(rnd: Random) -> bytes:
    """Aliases that multiply, brackets without end, keys without number."""
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
    """Return variables that an operating system can hold: no NUL in them."""
    found = {}
    for _ in range(rnd.choice((0, 0, 1, 3))):
        section = rnd.choice(_SECTIONS).upper()
        names = (section, f"{section}__{rnd.choice(_KEYS).upper()}", f"{section}__PORT__X")
        value = rnd.choice(YAML_VALUES) if rnd.random() < 0.5 else text(rnd).decode("latin-1")
        found[ENV_PREFIX + rnd.choice(names)] = value.replace("\0", "")[:2000]
    return found
