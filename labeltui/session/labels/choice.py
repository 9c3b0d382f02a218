"""Chooses how labels are read: as files on the host, from a DICOMweb server's cache, or through the server's API."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import replace

from labeltui.config.model import Profile
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused, Unreachable
from labeltui.domain.server.server import ServerStatus
from labeltui.domain.states import ServerState
from labeltui.monailabel.client import MonaiLabelClient
from labeltui.monailabel.dicomweb import DicomWeb, dicomweb_of
from labeltui.monailabel.launch import is_dicomweb
from labeltui.session.connection.link import Link
from labeltui.session.labels.dicomweb import DicomwebTransport
from labeltui.session.labels.segs import SegMirror
from labeltui.session.labels.transports import FileTransport, LabelTransport, RestTransport
from labeltui.session.runtime.store import Store

OWN_STUDIES = "own_studies"
"""The field of a job's record that says whether the run was started with other studies than the profile's."""


class LabelTransports:
    """Chooses the transport that works for the host and the server now. ``segs`` fetches DICOM SEG files."""

    def __init__(
        self,
        store: Store,
        profile: Profile,
        link: Link,
        client: Callable[[], MonaiLabelClient],
        machine: Callable[[], str | None],
        process: Callable[[], int | None],
        meta: Callable[[], Mapping[str, object]],
    ) -> None:
        """Create the chooser.

        ``machine`` returns the host's name if that is not its address (a pod's id), else None. ``process`` returns
        the id of MONAI Label's process on the host, None if it is unknown. ``meta`` returns the record of the newest
        run's job.
        """
        self._store, self._profile, self._link, self._client = store, profile, link, client
        self._machine, self._process, self._meta = machine, process, meta
        self._rest = RestTransport(client)
        self.segs = SegMirror(
            profile.server,
            self.dicomweb,
            lambda: store.wait_for(lambda state: state.server.value is not None),
        )

    def __call__(self) -> LabelTransport:
        """Return the transport that works now. Raises LabeltuiError if none works."""
        server = self._store.state.server.value
        studies = self._studies
        running = server is not None and server.state is ServerState.RUNNING
        foreign = server is not None and running and server.pid is None
        self._need_tunnel(server)
        machine = self._machine() or self._link.host.address
        if foreign and not is_dicomweb(studies):
            # It is not known where a server that we did not start has its studies.
            self._rest.source = f"{machine}:the server"
            return self._rest
        if not self._link.is_connected:
            raise Unreachable(
                Code.NOT_CONNECTED, "The host is not connected.", "Try again once it is connected."
            )
        counts = self._store.state.labels.value
        counted = counts is not None and counts.total
        served = server is None or server.studies in (None, studies)
        used = server is None or running or (served and bool(server.studies or server.run_id or counted))
        client = self._client if running else None
        if is_dicomweb(studies):
            return DicomwebTransport(
                self._link, self._web(studies), self.segs, self._profile.server.folder, machine, client, used=used
            )  # fmt: skip
        # An ended server's folder has the home of its time; a pod that was started again may have another.
        configured = self._profile.server.studies
        alone = running or configured == studies or is_dicomweb(configured)
        folders = (studies,) if alone else (studies, configured)
        return FileTransport(self._link, folders, machine, client, used=used)

    @property
    def _studies(self) -> str:
        """The source of the server's studies.

        After the server's end it is the profile's, unless the run was started with another.
        """
        server, configured = self._store.state.server.value, self._profile.server.studies
        if server is None or server.studies is None:
            return configured
        ended = server.state in (ServerState.STOPPED, ServerState.CRASHED)
        own = bool(self._meta().get(OWN_STUDIES))
        return (
            configured if ended and not own and not _is_same(server.studies, configured) else server.studies
        )

    def dicomweb(self) -> DicomWeb | None:
        """Return the DICOMweb server; None for a folder. Raises Misused ``no_password``."""
        if not is_dicomweb(self._studies):
            return None
        variable = self._profile.server.dicomweb_password_env
        if variable is not None and variable not in os.environ and self._process() is None:
            raise Misused(
                Code.NO_PASSWORD,
                f"The profile takes the DICOMweb password from {variable}, which is not set.",
                f"Run `export {variable}=...`, then start labeltui again.",
            )
        return self._web(self._studies)

    def _web(self, studies: str) -> DicomWeb:
        server = self._profile.server
        password = os.environ.get(server.dicomweb_password_env) if server.dicomweb_password_env else None
        web = dicomweb_of(studies, server.dicomweb_user, password, server.dicomweb_modality, server.env)
        return replace(web, pid=self._process())

    def _need_tunnel(self, server: ServerStatus | None) -> None:
        """Raise Unreachable if the host forwards no ports and the server may be one that labeltui did not start."""
        tunnel = self._store.state.tunnel.value
        problem = tunnel.problem if tunnel is not None else None
        unknown = server is None or (server.state is ServerState.UNREACHABLE and server.pid is None)
        if problem is not None and unknown:
            raise Unreachable(problem.code, f"The list of labels is unknown: {problem.message}", problem.hint)


def _is_same(served: str, configured: str) -> bool:
    """Whether a server's studies are the profile's. The home folder may have changed since the server's start."""
    if is_dicomweb(served) or is_dicomweb(configured) or configured.startswith("/"):
        return served.rstrip("/") == configured.rstrip("/")
    below_home = posixpath.normpath(configured.removeprefix("~/"))
    return served.rstrip("/").endswith(f"/{below_home}")
