"""Files of weights in the model folder of an app, and their checksums."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import Any

from labeltui.hosts.agent.remote.files import Problem, expand, sha256


class ModelSums:
    """Lists files of weights. A checksum is computed once per version of a file, because the files are large."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int, int], str] = {}
        self._one = threading.Lock()

    def find(self, folder: str, names: list[str], summed: list[str]) -> dict[str, Any]:
        """Return the regular files among ``names`` (paths below ``folder``).

        Files in ``summed`` have a checksum; it is None for a file that changed while it was read. MONAI Label names
        its files by ``real_root``, which is the folder without symbolic links.
        """
        root = expand(folder)
        found = [self._file(root, str(name), name in summed) for name in names]
        files = [one for one in found if one is not None]
        return {"root": str(root), "real_root": os.path.realpath(str(root)), "files": files}

    def _file(self, root: Path, name: str, summed: bool) -> dict[str, Any] | None:
        if name.startswith("/") or ".." in name.split("/"):
            raise Problem("bad_request", f"{name} is not in the folder of models.")
        path = root / name
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                return None
            digest = self._sum(path, found) if summed else None
        except (FileNotFoundError, NotADirectoryError):
            return None
        return {"name": name, "size": found.st_size, "mtime_ns": found.st_mtime_ns, "sha256": digest}

    def _sum(self, path: Path, found: os.stat_result) -> str | None:
        key = (str(path), found.st_ino, found.st_size, found.st_mtime_ns)
        with self._one:
            if key not in self._known:
                digest, after = sha256(path), path.stat()
                if (after.st_ino, after.st_size, after.st_mtime_ns) != key[1:]:
                    return None
                self._known = {known: value for known, value in self._known.items() if known[0] != key[0]}
                self._known[key] = digest
            return self._known[key]
