"""The command reports an error with an exit status and a message."""

import pytest

from models.io.errors import InputError, ProcessingError
from node.cli import main
from node.config.settings import ConfigError
from node.domain.errors import Misconfigured, Permanent


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ConfigError("log.level: too loud"), 2, "log.level: too loud"),
        (Misconfigured("--out: a folder"), 2, "--out: a folder"),
        (InputError("row 3: no film"), 2, "row 3: no film"),
        (ModuleNotFoundError(name="sklearn"), 2, "pip install 'osteoscreen[research]'"),
        (ModuleNotFoundError(name="nibabel"), 2, "pip install 'osteoscreen[simulate]'"),
        (Permanent("the table is faulty"), 1, "the table is faulty"),
        (ProcessingError("the GPU differs"), 1, "the GPU differs"),
        (ModuleNotFoundError(name="node.missing"), 1, "internal error, please report it"),
    ],
)
def test_an_error_gives_one_line_and_its_status(
    error: Exception,
    status: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(SystemExit) as end:
        main.main()
    assert end.value.code == status
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.startswith("osteoscreen: ")
    assert printed.count("\n") == 1
