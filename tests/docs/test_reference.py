"""The generated pages of `docs` are current and complete."""

import importlib.util
from types import ModuleType

import pytest

from tests.support.paths import ROOT


def load_generator() -> ModuleType:
    """Return `docs/generate.py` as a module."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = load_generator()


@pytest.mark.parametrize("page", GENERATOR.PAGES)
def test_page_is_current(page: str) -> None:
    """`make docs` writes the committed page, and each code, key and event needs a text."""
    committed = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert committed == GENERATOR.PAGES[page](), f"run `make docs` to update {page}"


def test_unknown_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text for a code that does not exist is an error, and so is a missing text."""
    monkeypatch.setattr(GENERATOR, "AdmissionNote", list(GENERATOR.AdmissionNote)[1:])
    with pytest.raises(GENERATOR.StaleTextError, match="not in the code"):
        GENERATOR.reason_codes()
