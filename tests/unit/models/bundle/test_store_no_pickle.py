"""Loading a bundle never executes code from a file."""

import ast
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from models.bundle.card import Card, bundle_digest
from models.bundle.store import BundleError, load_bundle, write_bundle
from models.images.radiograph import Radiograph
from models.io.yaml_text import dump_yaml, parse_yaml
from models.nets.grid import GridConfig, GridNet
from tests.support.paths import ROOT
from tests.unit.models.bundle.test_store import CARD

RUNNERS = frozenset({"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve"})
RUNNERS |= {"marshal"}


def sources() -> Iterator[tuple[Path, ast.AST]]:
    """Yield the modules of the node and of the models."""
    for package in ("node", "models"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the top-level name of every import of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def loads(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls of `torch.load` and `numpy.load`, which can unpickle."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("torch.load", "np.load"):
            yield node


def test_no_module_imports_pickle() -> None:
    """Modules that are based on pickle are not imported either."""
    imports = {str(path): RUNNERS & set(imported(tree)) for path, tree in sources()}
    assert {path: names for path, names in imports.items() if names} == {}


def test_torch_load_and_numpy_load_never_unpickle() -> None:
    """`torch.load` is used only with `weights_only`, for checkpoints of the training."""
    calls = [(path, call) for path, tree in sources() for call in loads(tree)]
    assert "checkpoint.py" in {path.name for path, _ in calls}
    for path, call in calls:
        options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        tensors = ast.unparse(call.func) == "torch.load"
        assert not tensors or (path.name, options["weights_only"]) == ("checkpoint.py", "True")
        assert options.get("allow_pickle", "False") == "False", path


class Trap:
    """An object whose pickle calls a function, which creates a file."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[object, tuple[Path, ...]]:
        """Return the call that pickle stores."""
        return Path.touch, (self._marker,)


@pytest.mark.parametrize("form", ["pickle", "torch"])
def test_a_pickle_in_place_of_the_weights_is_refused(tmp_path: Path, form: str) -> None:
    """The bundle has a correct digest. The message has one line, and no code is executed."""
    config = GridConfig(size=96, grid=3, dim=32, depth=1, heads=2)
    card = Card.model_validate(CARD | {"architecture": vars(config)})
    film = Radiograph(np.random.default_rng(0).random((96, 96), dtype=np.float32))
    path, marker = tmp_path / "bundle", tmp_path / "marker"
    write_bundle(path, card, GridNet(config).eval(), {"noise.png": film})
    weights = path / "weights.safetensors"
    if form == "torch":
        torch.save({"out.bias": torch.zeros(1), "trap": Trap(marker)}, weights)
    else:
        weights.write_bytes(pickle.dumps(Trap(marker)))
    written = parse_yaml((path / "card.yaml").read_text(), Card)
    signed = written.model_copy(update={"digest": bundle_digest(written, weights.read_bytes())})
    (path / "card.yaml").write_text(dump_yaml(signed))
    with pytest.raises(BundleError, match=r"weights\.safetensors is damaged .*restore the bundle"):
        load_bundle(path)
    assert not marker.exists()
