"""Debian's Orthanc with its DICOMweb plugin, with a configuration and a storage folder of its own."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.sshd import free_port

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
START_S = 30.0


class Orthanc:
    """One server. Orthanc 1.10 can't listen on one address only, so it refuses requests from other machines."""

    def __init__(self, folder: Path, user: tuple[str, str] | None = None) -> None:
        """``user`` is a name and a password; Orthanc then requires this login."""
        folder.mkdir(parents=True)
        self._folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=30, auth=user)
        self._process: subprocess.Popen[bytes] | None = None
        self._settings = folder / "orthanc.json"
        storage = str(folder / "storage")
        settings = {
            "Name": "test", "StorageDirectory": storage, "IndexDirectory": storage, "HttpPort": self.port,
            "RemoteAccessAllowed": False, "AuthenticationEnabled": user is not None,
            "RegisteredUsers": dict([user] if user else []), "DicomServerEnabled": False,
            "Plugins": [str(PLUGIN)], "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
            "OverwriteInstances": False,
        }  # fmt: skip
        self._settings.write_text(json.dumps(settings))

    @property
    def dicomweb(self) -> str:
        """The URL of its DICOMweb service."""
        return f"{self.url}/dicom-web"

    @property
    def log(self) -> str:
        """The log so far. With ``--verbose`` it includes each HTTP request."""
        return (self._folder / "log").read_text(errors="replace")

    def store(self, folder: Path) -> None:
        """Store every DICOM file of a folder."""
        for path in sorted(folder.rglob("*.dcm")):
            self.http.post("/instances", content=path.read_bytes()).raise_for_status()

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Start the server, or start it again, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["Orthanc", "--verbose", str(self._settings)], stdout=log, stderr=log, cwd=self._folder
            )
        end = time.monotonic() + START_S
        while True:
            try:
                self.http.get("/dicom-web/studies").raise_for_status()
            except httpx.HTTPError:
                assert self._process.poll() is None, self.log
                assert time.monotonic() < end, self.log
                time.sleep(0.05)
            else:
                return

    def counts(self, modality: str) -> int:
        """Return the number of series of a modality, from Orthanc's own REST API."""
        query = {"Level": "Series", "Query": {"Modality": modality}}
        return len(self.http.post("/tools/find", json=query).raise_for_status().json())

    def stop(self) -> None:
        """End the server. Its data stays."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()
        self.stop()
