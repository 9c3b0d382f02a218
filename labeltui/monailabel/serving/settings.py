"""The worklist's settings, which the server gets as an environment variable."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath

from labeltui.monailabel.serving.rules import HOLD_S

VARIABLE = "LABELTUI_WORKLIST"


@dataclass(frozen=True)
class Settings:
    """``edits`` is the file of the operator's edits, ``base`` the strategy that chooses among the free studies."""

    edits: PurePosixPath
    base: str
    hold_s: float = HOLD_S
    ignored: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str) -> Settings:
        """Read the environment variable. Raises ValueError, KeyError or TypeError if it is malformed."""
        given = json.loads(text)
        return cls(
            PurePosixPath(given["edits"]), str(given["base"]), float(given["hold_s"]), tuple(given["ignored"])
        )

    def text(self) -> str:
        """Return the value of the environment variable."""
        return json.dumps(
            {"edits": str(self.edits), "base": self.base, "hold_s": self.hold_s, "ignored": self.ignored}
        )
