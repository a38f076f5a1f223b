"""`osteoscreen reload`: whoever runs on this machine is asked to look at the file."""

from pathlib import Path
from typing import Any

from node.config.settings import Config
from node.domain.config_change import Change, Changes, Reload, RoleAnswer
from node.domain.errors import Misconfigured, OsteoScreenError
from node.runtime.reload.control_socket import ask


def ask_to_reload(file: Path | None, settings: Config) -> list[Reload]:
    """Have every node, and every role that is run alone, take up the file; return what came of it.

    Raises Misconfigured where one of them finds it unsound, OsteoScreenError where none is there.
    """
    meant = str(file.resolve() if file else None)
    answers = [_reload_from(answer) for answer in ask(settings.spool.path, meant)]
    ours = [answer for answer in answers if answer.file == meant]
    if not ours:
        others = "".join(f"; process {one.pid} reads {one.file}" for one in answers)
        raise OsteoScreenError(
            f"no node on this machine reads {meant} and has its spool in {settings.spool.path}"
            f"{others}; start it, or name its file with --config"
        )
    if errors := dict.fromkeys(one.error for one in ours if one.error):
        raise Misconfigured("\n".join(errors))
    return ours


def _reload_from(answer: dict[str, Any]) -> Reload:
    applied = tuple(Change(**one) for one in answer["changes"]["applied"])
    nested = {
        "changes": Changes(applied, tuple(answer["changes"]["waiting"])),
        "roles": tuple(RoleAnswer(**one) for one in answer["roles"]),
    }
    return Reload(**(answer | nested))
