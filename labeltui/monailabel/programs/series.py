"""Lists the series of a DICOMweb server, as the MONAI Label server would.

An answer may have at most 4 MiB, so one run answers a part of each list. ``next_series`` and ``next_segs`` are
the offsets for the next run. URL prefixes, filter, user, password and proxies come from the environment of the
server's process if this user may read it.
"""

from __future__ import annotations

import importlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests
from dicomweb_client import DICOMwebClient
from requests.adapters import HTTPAdapter

GOOGLE = "googleapis.com"
PAGE = 500
ANSWER_BYTES = 1 << 20  # of each list
RUN_S = 30.0  # after which a run answers what it has
REQUEST_S = 20.0
TEXT = 64  # characters; the length of a DICOM UID or LO
MODALITIES = 20
MOST_PROXIED = 2000
DEFAULT_FILTER = {"Modality": "CT"}
STUDY_UID, SERIES_UID, REFERENCED = "0020000D", "0020000E", "00081115"
MODALITY, DESCRIPTION, STUDY_DESCRIPTION, IMAGES = "00080060", "0008103E", "00081030", "00201209"


class Unusable(Exception):
    """The server's answer has an unexpected shape."""


class Limited(HTTPAdapter):
    """Sends requests with a time limit, which the client has no parameter for."""

    def send(
        self, request: Any, stream: Any = False, timeout: Any = None, verify: Any = True, cert: Any = None,
        proxies: Any = None,
    ) -> Any:  # fmt: skip
        """Send a request."""
        return super().send(request, stream, REQUEST_S, verify, cert, proxies)


def main(arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer the lists that ``arguments`` ask for, or ``{"error", "status"}``.

    Args:
        arguments: ``url``; ``pid`` of the MONAI Label server or None; ``user``, ``password`` and ``filter`` for where
            its environment can't be read; ``known``: whether these are the server's; ``port`` of the server, and
            ``total``, the number of series that it reports;
            ``series`` and ``segs``: the offsets to list from, or None; ``references``: pairs of study and SEG to read.
    """
    environment = environment_of(arguments["pid"])
    if environment is not None:
        os.environ.clear()
        os.environ.update(environment)
    try:
        wanted = filter_of(arguments, environment)
        # Google's servers take a token, for which the server's environment names the credentials.
        if environment is None and (not arguments["known"] or GOOGLE in arguments["url"]):
            return proxied(arguments, wanted)
        return answer(connect(arguments, environment), arguments, wanted)
    except requests.HTTPError as error:
        return {
            "error": "status",
            "status": error.response.status_code if error.response is not None else None,
        }
    except requests.Timeout:
        return {"error": "timeout"}
    except requests.JSONDecodeError:
        return {"error": "garbled"}
    except requests.RequestException:  # its text may contain a password of the URL
        return {"error": "unreachable"}
    except (Unusable, ValueError):
        return {"error": "garbled"}


def environment_of(pid: int | None) -> dict[str, str] | None:
    """The environment of a MONAI Label server. None if it can't be read."""
    with suppress(OSError):
        process = Path("/proc") / str(pid)
        if b"monailabel" in (process / "cmdline").read_bytes():
            pairs = os.fsdecode((process / "environ").read_bytes()).split("\0")
            return dict(pair.split("=", 1) for pair in pairs if "=" in pair[1:])
    return None


def filter_of(arguments: dict[str, Any], environment: dict[str, str] | None) -> dict[str, Any]:
    """The filter with which the server searches for series."""
    given = "" if environment is None else environment.get("MONAI_LABEL_DICOMWEB_SEARCH_FILTER", "")
    found = json.loads(given) if given else DEFAULT_FILTER if environment is not None else arguments["filter"]
    if not isinstance(found, dict):
        raise Unusable
    return dict(found)


def connect(arguments: dict[str, Any], environment: dict[str, str] | None) -> DICOMwebClient:
    """Create a client with the settings of MONAI Label's own, but with a time limit and without retries."""
    known = environment or {}
    user, password = arguments["user"], arguments["password"]
    if environment is not None:
        user = known.get("MONAI_LABEL_DICOMWEB_USERNAME")
        password = known.get("MONAI_LABEL_DICOMWEB_PASSWORD")
    qido, wado = known.get("MONAI_LABEL_QIDO_PREFIX") or None, known.get("MONAI_LABEL_WADO_PREFIX") or None
    return client_of(arguments["url"], (user, password) if user and password else None, qido, wado)


def client_of(
    url: str, user: tuple[str, str] | None, qido: str | None = None, wado: str | None = None
) -> DICOMwebClient:
    """Create a client. ``user`` is a pair of name and password, or None for no login."""
    session = requests.Session()
    session.auth = user
    if GOOGLE in url:
        session = google_session()
    session.mount("http://", Limited())
    session.mount("https://", Limited())
    client = DICOMwebClient(url=url, session=session, qido_url_prefix=qido, wado_url_prefix=wado)
    client.set_http_retry_params(retry=False)
    return client


def google_session() -> Any:
    """Create a session with Google's credentials, as MONAI Label does.

    Google's library is imported only here, because that takes long.
    """
    google = importlib.import_module("dicomweb_client.ext.gcp.session_utils")
    return google.create_session_from_gcp_credentials()


def proxied(arguments: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Make the lists through MONAI Label's own DICOMweb proxy.

    The proxy drops the query, so one answer has every series. The server answers nobody else meanwhile.
    """
    if (arguments["total"] or 0) > MOST_PROXIED:
        return {"error": "many"}
    client = client_of(f"http://127.0.0.1:{arguments['port']}/proxy/dicom", None, "qido", "wado")
    found: dict[str, Any] = {"filter": wanted, "references": references(client, arguments)}
    if arguments["series"] is not None:
        rows = [row_of(one) for one in search(client, {}, [], 0)]
        if len(rows) > MOST_PROXIED:
            return {"error": "many"}
        modality = wanted.get("Modality")
        found["series"] = [row for row in rows if modality in (None, row[2])]
        found["segs"] = [row for row in rows if row[2] == "SEG"]
        found["others"] = sorted({row[2] for row in rows} - {"", "SEG"})[:MODALITIES]
    return found


def answer(client: DICOMwebClient, arguments: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Make the lists that are asked for."""
    end = time.monotonic() + RUN_S
    found: dict[str, Any] = {"filter": wanted}
    if arguments["series"] is not None:
        names = [DESCRIPTION, STUDY_DESCRIPTION, IMAGES]
        found["series"], found["next_series"] = pages(client, wanted, names, arguments["series"], end)
        if not found["series"] and arguments["series"] == 0 and wanted:
            found["others"] = modalities(client)
    if arguments["segs"] is not None:
        segs, found["next_segs"] = pages(client, {"Modality": "SEG"}, [REFERENCED], arguments["segs"], end)
        found["segs"] = segs
    found["references"] = references(client, arguments)
    return found


def references(client: DICOMwebClient, arguments: dict[str, Any]) -> dict[str, list[str] | None]:
    """Return the series that each SEG refers to, for as many SEGs as the time limit allows."""
    end = time.monotonic() + RUN_S
    found: dict[str, list[str] | None] = {}
    for study, seg in arguments["references"]:
        if time.monotonic() > end:
            break
        found[seg] = referenced_by(client, study, seg)
    return found


def pages(
    client: DICOMwebClient, wanted: dict[str, Any], fields: list[str], offset: int, end: float
) -> tuple[list[Any], int | None]:
    """List series from ``offset`` on. Returns them and the next offset, None at the end.

    A server may send fewer series than requested, and may ignore the offset. So only a page without a new
    series is the end.
    """
    rows: dict[str, list[Any]] = {}
    size = 0
    while True:
        page = search(client, wanted, fields, offset)
        new = [row for row in map(row_of, page) if row[0] not in rows]
        if not new:
            return list(rows.values()), None
        rows.update((row[0], row) for row in new)
        offset += len(page)
        size += len(json.dumps(new))
        if size > ANSWER_BYTES or time.monotonic() > end:
            return list(rows.values()), offset


def search(client: DICOMwebClient, wanted: dict[str, Any], fields: list[str], offset: int) -> list[Any]:
    """Request one page. Raises Unusable if the answer is not a list of objects."""
    page = client.search_for_series(search_filters=wanted, fields=fields, limit=PAGE, offset=offset)
    if not isinstance(page, list) or not all(isinstance(one, dict) for one in page):
        raise Unusable
    return page


def row_of(series: dict[str, Any]) -> list[Any]:
    """A series as [series UID, study UID, modality, description, number of images, referenced series]."""
    uid, study = text(series, SERIES_UID), text(series, STUDY_UID)
    if not uid or not study:
        raise Unusable
    images = value(series, IMAGES)
    count = int(images) if str(images).isdigit() and len(str(images)) < 10 else None
    described = text(series, DESCRIPTION) or text(series, STUDY_DESCRIPTION)
    return [uid, study, text(series, MODALITY), described, count, references_of(series)]


def value(series: dict[str, Any], tag: str) -> Any:
    """The first value of a tag. None without one."""
    element = series.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values else None


def text(series: dict[str, Any], tag: str) -> str:
    """The first value of a tag if it is a text, at most 64 characters; else an empty text."""
    found = value(series, tag)
    return found[:TEXT] if isinstance(found, str) else ""


def references_of(series: dict[str, Any]) -> list[str] | None:
    """Return the series that a SEG refers to. None if the answer lacks it: QIDO servers may leave the sequence out."""
    element = series.get(REFERENCED)
    items = element.get("Value") if isinstance(element, dict) else None
    if not isinstance(items, list):
        return None
    return [uid for item in items if isinstance(item, dict) and (uid := text(item, SERIES_UID))]


def referenced_by(client: DICOMwebClient, study: str, seg: str) -> list[str] | None:
    """Read from a SEG's metadata which series it refers to. None if it can't be read, or was deleted meanwhile."""
    try:
        instances = client.retrieve_series_metadata(study, seg)
    except (requests.HTTPError, ValueError):
        return None
    first = instances[0] if isinstance(instances, list) and instances else None
    return (references_of(first) or []) if isinstance(first, dict) else None


def modalities(client: DICOMwebClient) -> list[str]:
    """The modalities among the first series of the server, at most 20, without SEG."""
    found = {text(series, MODALITY) for series in search(client, {}, [MODALITY], 0)} - {"", "SEG"}
    return sorted(found)[:MODALITIES]
