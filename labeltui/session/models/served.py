"""What a server on the host serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Served:
    """The app's folder on the host, the models that its server serves or would serve, and its configuration."""

    app: str
    models: tuple[str, ...]
    conf: Mapping[str, str]
