"""Functions of the programs for a DICOMweb server. They connect, read MONAI Label's environment, and read answers."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests
from dicomweb_client import DICOMwebClient
from requests.adapters import HTTPAdapter

GOOGLE = "googleapis.com"
PAGE = 500
TEXT = 64  # characters; the length of a DICOM UID or LO
DEFAULT_FILTER = {"Modality": "CT"}
STUDY_UID, SERIES_UID, REFERENCED, IMAGES = "0020000D", "0020000E", "00081115", "00201209"


class Unusable(ValueError):
    """The server's answer has an unexpected shape."""


class Limited(HTTPAdapter):
    """Sends requests with a time limit in seconds, which the client has no parameter for."""

    limit_s = 20.0

    def send(
        self, request: Any, stream: Any = False, timeout: Any = None, verify: Any = True, cert: Any = None,
        proxies: Any = None,
    ) -> Any:  # fmt: skip
        """Send a request."""
        return super().send(request, stream, self.limit_s, verify, cert, proxies)


def take_environment(pid: int | None) -> dict[str, str] | None:
    """Return the environment of a MONAI Label server, and adopt its proxies. None if it can't be read."""
    with suppress(OSError):
        process = Path("/proc") / str(pid)
        if b"monailabel" in (process / "cmdline").read_bytes():
            pairs = os.fsdecode((process / "environ").read_bytes()).split("\0")
            environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair[1:])
            os.environ.clear()
            os.environ.update(environment)
            return environment
    return None


def filter_of(arguments: dict[str, Any], environment: dict[str, str] | None) -> dict[str, Any]:
    """The filter with which the server searches for series. Raises Unusable or ValueError if it can't be read."""
    given = "" if environment is None else environment.get("MONAI_LABEL_DICOMWEB_SEARCH_FILTER", "")
    found = json.loads(given) if given else DEFAULT_FILTER if environment is not None else arguments["filter"]
    if not isinstance(found, dict):
        raise Unusable
    return dict(found)


def connect(
    arguments: dict[str, Any], environment: dict[str, str] | None, limit_s: float = Limited.limit_s
) -> DICOMwebClient:
    """Create a client with the settings of MONAI Label's own.

    But it has a time limit for each request and does not retry. Login and prefixes come from the server's
    environment, else from ``arguments``.
    """
    known = {name: arguments.get(name) for name in ("user", "password", "qido", "wado")}
    if environment is not None:
        known = {
            "user": environment.get("MONAI_LABEL_DICOMWEB_USERNAME"),
            "password": environment.get("MONAI_LABEL_DICOMWEB_PASSWORD"),
            "qido": environment.get("MONAI_LABEL_QIDO_PREFIX"), "wado": environment.get("MONAI_LABEL_WADO_PREFIX"),
        }  # fmt: skip
    login = (known["user"], known["password"]) if known["user"] and known["password"] else None
    return client_of(arguments["url"], login, known["qido"] or None, known["wado"] or None, limit_s)


def client_of(
    url: str, login: Any, qido: str | None = None, wado: str | None = None, limit_s: float = Limited.limit_s
) -> DICOMwebClient:
    """Create a client. ``login`` is a pair of name and password, or None."""
    session = requests.Session()
    session.auth = login
    if GOOGLE in url:
        session = google_session()
    adapter = Limited()
    adapter.limit_s = limit_s
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    client = DICOMwebClient(url=url, session=session, qido_url_prefix=qido, wado_url_prefix=wado)
    client.set_http_retry_params(retry=False)
    return client


def google_session() -> Any:
    """Make a session with Google's credentials, as MONAI Label does. Google's library takes a while to import."""
    google = importlib.import_module("dicomweb_client.ext.gcp.session_utils")
    return google.create_session_from_gcp_credentials()


def search(client: DICOMwebClient, wanted: dict[str, Any], fields: list[str], offset: int) -> list[Any]:
    """Request one page of series. Raises Unusable if the answer is not a list of objects."""
    page = client.search_for_series(search_filters=wanted, fields=fields, limit=PAGE, offset=offset)
    if not isinstance(page, list) or not all(isinstance(one, dict) for one in page):
        raise Unusable
    return page


def pages(
    client: DICOMwebClient, wanted: dict[str, Any], fields: list[str], offset: int = 0
) -> Iterator[tuple[list[Any], int]]:
    """Yield series that were not yielded before, and the next offset, page by page.

    A server may send fewer series than requested, and may ignore the offset. So only a page without a new
    series is the end. Raises Unusable for a series without its UIDs.
    """
    known: set[str] = set()
    while True:
        page = search(client, wanted, fields, offset)
        if not all(text(one, SERIES_UID) and text(one, STUDY_UID) for one in page):
            raise Unusable
        new = {text(one, SERIES_UID): one for one in page if text(one, SERIES_UID) not in known}
        if not new:
            return
        known.update(new)
        offset += len(page)
        yield list(new.values()), offset


def value(document: dict[str, Any], tag: str) -> Any:
    """The first value of a tag in DICOM JSON. None without one."""
    element = document.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values else None


def text(document: dict[str, Any], tag: str) -> str:
    """The first value of a tag if it is a text, at most 64 characters; else an empty text."""
    found = value(document, tag)
    return found[:TEXT] if isinstance(found, str) else ""


def references_of(series: dict[str, Any]) -> list[str] | None:
    """Return the UIDs of the series that a SEG refers to.

    None if the answer lacks ReferencedSeriesSequence, which QIDO servers may leave out."""
    element = series.get(REFERENCED)
    items = element.get("Value") if isinstance(element, dict) else None
    if not isinstance(items, list):
        return None
    return [uid for item in items if isinstance(item, dict) and (uid := text(item, SERIES_UID))]


def plain(uid: str) -> str:
    """Return a UID that can be part of a file name. Raises ValueError for anything but digits and dots."""
    if not uid or not set(uid) <= set("0123456789.") or len(uid) > 64:
        raise ValueError(f"{uid[:64]!r} is not a DICOM UID")
    return uid


def error_text(error: Exception, url: str) -> str:
    """Describe an error in one sentence, without a full stop."""
    if isinstance(error, requests.exceptions.Timeout):
        return f"the DICOM server {url} does not answer"
    if isinstance(error, requests.exceptions.ConnectionError):
        return f"the DICOM server {url} can't be reached"
    answer = getattr(error, "response", None)
    if answer is not None and answer.status_code in (401, 403):
        return f"the DICOM server {url} refuses the user name or password"
    if answer is not None:
        return f"the DICOM server {url} answered with status {answer.status_code}"
    if isinstance(error, (Unusable, requests.exceptions.RequestException)):  # its text may have a password
        return f"the answer of the DICOM server {url} can't be read"
    if isinstance(error, OSError):
        return f"the files can't be stored on the host: {error.strerror or error}"
    return f"{type(error).__name__}: {error}"[:300]
