"""Computes the values that MONAI Label derives from a DICOMweb URL and its environment variables. Pure."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labeltui.monailabel.launch import expand


@dataclass(frozen=True, slots=True)
class DicomWeb:
    """A DICOMweb server as MONAI Label uses it. MONAI Label sends a login only if both user and password are set."""

    url: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    qido: str | None = None
    wado: str | None = None
    filter: Mapping[str, Any] = field(default_factory=dict)
    cache_path: str = ""
    pid: int | None = None  # of MONAI Label's process on the host, whose own settings count

    @property
    def digest(self) -> str:
        """The name of the server's folder in MONAI Label's cache."""
        return hashlib.md5(self.url.encode(), usedforsecurity=False).hexdigest()

    def cache(self, folder: str, home: str) -> str:
        """The folder where MONAI Label caches images and labels. ``folder`` is labeltui's own on the host."""
        if self.cache_path:
            # MONAI Label takes a relative path from its working folder.
            return posixpath.join(expand(folder, home), "run", self.cache_path, self.digest)
        return posixpath.join(home, ".cache/monailabel/dicom", self.digest)

    @property
    def login(self) -> dict[str, Any]:
        """Arguments that a program on the host needs to connect. They contain the password."""
        return {
            "url": self.url, "user": self.user, "password": self.password, "qido": self.qido, "wado": self.wado,
            "filter": dict(self.filter), "pid": self.pid,
        }  # fmt: skip


def dicomweb_of(
    studies: str, user: str | None, password: str | None, modality: str, variables: Mapping[str, str]
) -> DicomWeb:
    """Return how MONAI Label uses this URL.

    ``variables`` are the server's environment variables; they replace the other values.
    """

    def variable(name: str) -> str | None:
        return variables.get(f"MONAI_LABEL_{name}") or None

    return DicomWeb(
        studies.rstrip("/").strip(), variable("DICOMWEB_USERNAME") or user, variable("DICOMWEB_PASSWORD") or password,
        variable("QIDO_PREFIX"), variable("WADO_PREFIX"), _filter(variable("DICOMWEB_SEARCH_FILTER"), modality),
        (variable("DICOMWEB_CACHE_PATH") or "").strip(),
    )  # fmt: skip


def _filter(text: str | None, modality: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text or "")
    except ValueError:
        return {"Modality": modality}
    return found if isinstance(found, dict) else {"Modality": modality}
