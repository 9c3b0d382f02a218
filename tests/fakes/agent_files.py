"""The operations of the agent in memory that read and write files, labels and models."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from tests.fakes.files import Files, MemoryFile
from tests.fakes.labels import list_labels, sum_labels

CHUNK = 65536


class FileOperations:
    """Each operation gets the connection, which it does not use, and the request's arguments."""

    def __init__(self, files: Files, now: Callable[[], float]) -> None:
        self.files, self.now = files, now
        self.label_problems: dict[tuple[str, str], str] = {}
        self.skipped_labels: list[dict[str, str]] = []

    async def _op_stat(self, _connection: object, path: str) -> Mapping[str, Any]:
        file = self.files.get(path)
        if file is not None:
            facts = {"size": len(file.data), "mtime": file.mtime_ns / 1e9, "is_dir": False}
            return {**facts, "file_id": file.file_id}
        if self.files.is_folder(path):
            return {"size": 0, "mtime": 0.0, "is_dir": True}
        raise self._absent(path)

    async def _op_listdir(self, _connection: object, path: str) -> Mapping[str, Any]:
        if not self.files.is_folder(path):
            raise self._absent(path)
        return {"names": self.files.names(path)}

    async def _op_mkdir(self, _connection: object, path: str) -> Mapping[str, Any]:
        self.files.folders.add(self.files.expand(path))
        return {}

    async def _op_read(
        self, _connection: object, path: str, offset: int = 0, limit: int = CHUNK
    ) -> Mapping[str, Any]:
        data = self._file(path).data[offset : offset + limit]
        return {"data": base64.b64encode(data).decode()}

    async def _op_write(
        self, _connection: object, path: str, data: str, replaces: str | None = None
    ) -> Mapping[str, Any]:
        file = self.files.get(path)
        there = hashlib.sha256(file.data if file is not None else b"").hexdigest()
        if replaces not in (None, there):
            raise Failed(Code.FILE_CHANGED, f"{path} was changed meanwhile.", "Try again.")
        self.files.write(path, base64.b64decode(data))
        return {}

    async def _op_sha256(self, _connection: object, path: str, limit: int | None = None) -> Mapping[str, Any]:
        self._file(path)
        return {"sha256": self.files.sha256(path)}

    async def _op_labels_list(self, _connection: object, **asked: Any) -> Mapping[str, Any]:
        if not self.files.is_folder(asked["studies"]):
            raise self._absent(asked["studies"])
        answer = list_labels(self.files, int(self.now() * 1e9), **asked)
        for one in answer["labels"]:
            one["problem"] = self.label_problems.get((one["tag"], one["name"]), "")
        return {**answer, "skipped": self.skipped_labels}

    async def _op_labels_sum(self, _connection: object, **asked: Any) -> Mapping[str, Any]:
        return sum_labels(self.files, int(self.now() * 1e9), **asked)

    async def _op_models_list(
        self, _connection: object, folder: str, names: list[str], summed: list[str]
    ) -> Mapping[str, Any]:
        found = [(name, self.files.get(f"{folder}/{name}")) for name in names]
        files = [
            {
                "name": name,
                "size": len(file.data),
                "mtime_ns": file.mtime_ns,
                "sha256": hashlib.sha256(file.data).hexdigest() if name in summed else None,
            }
            for name, file in found
            if file is not None
        ]
        root = self.files.expand(folder)
        return {"root": root, "real_root": root, "files": files}

    def _file(self, path: str) -> MemoryFile:
        file = self.files.get(path)
        if file is None:
            raise self._absent(path)
        return file

    @staticmethod
    def _absent(path: str) -> Failed:
        return Failed(Code.NOT_FOUND, f"{path}: No such file or directory.", "Check the path.")
