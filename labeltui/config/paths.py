"""Find the profile file."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_config_path

ENVIRONMENT = "LABELTUI_CONFIG"


def find_config_path(explicit: str | None = None) -> Path:
    """Return ``explicit`` (``--config``), else ``LABELTUI_CONFIG``, else the file in the platform's config folder.

    The file need not exist.
    """
    named = explicit or os.environ.get(ENVIRONMENT)
    if named:
        return Path(named).expanduser()
    return user_config_path("labeltui") / "config.toml"
