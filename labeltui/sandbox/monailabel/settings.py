"""The stand-in's settings, from its command line and the pod's scenario."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labeltui.sandbox.scenarios import Scenario, find

_CONF, _APP, _STUDIES = "MONAI_LABEL_APP_CONF", "MONAI_LABEL_APP_DIR", "MONAI_LABEL_STUDIES"


@dataclass(frozen=True, slots=True)
class Settings:
    """App folder, studies folder and ``--conf`` of the server and its child processes."""

    app_dir: Path
    studies: Path
    conf: dict[str, str] = field(default_factory=dict)

    def export(self) -> dict[str, str]:
        """Return environment variables that pass these settings to a child process."""
        return {_APP: str(self.app_dir), _STUDIES: str(self.studies), _CONF: json.dumps(self.conf)}

    @classmethod
    def from_environment(cls) -> Settings:
        """Read the variables from :meth:`export`. Raises ``KeyError`` outside a child process."""
        return cls(Path(os.environ[_APP]), Path(os.environ[_STUDIES]), json.loads(os.environ[_CONF]))


def current_scenario() -> Scenario:
    """Return the scenario of this process's pod; ``healthy`` if none is set."""
    path = os.environ.get("LABELTUI_STANDIN_SCENARIO")
    if not path:
        return find("healthy")
    stored: dict[str, Any] = json.loads(Path(path).read_text())
    fields: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in stored.items()}
    return Scenario(**fields)


def python() -> str:
    """Return the path of the venv's interpreter, for log lines."""
    return os.environ.get("LABELTUI_STANDIN_PYTHON", sys.executable)
