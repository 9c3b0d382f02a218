"""Lists the series of a DICOMweb server, as the MONAI Label server would.

An answer may have at most 4 MiB, so one run answers a part of each list. ``next_series`` and ``next_segs`` are
the offsets for the next run. URL prefixes, filter, user, password and proxies come from the environment of the
server's process if this user may read it.
"""

from __future__ import annotations

import json
import time
from typing import Any

import requests
from dicomweb_client import DICOMwebClient

from labeltui.monailabel.programs.dicomweb import (
    GOOGLE,
    IMAGES,
    REFERENCED,
    SERIES_UID,
    STUDY_UID,
    Unusable,
    client_of,
    connect,
    filter_of,
    pages,
    references_of,
    search,
    take_environment,
    text,
    value,
)

ANSWER_BYTES = 1 << 20  # of each list
RUN_S = 30.0  # after which a run answers what it has
MODALITIES = 20
MOST_PROXIED = 2000
MODALITY, DESCRIPTION, STUDY_DESCRIPTION = "00080060", "0008103E", "00081030"


def main(arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer the lists that ``arguments`` ask for, or ``{"error", "status"}``.

    Args:
        arguments: ``url``; ``pid``, the MONAI Label server's process or None; ``user``, ``password`` and
            ``filter``, used if its environment can't be read; ``known``, True if these are the server's own
            values; ``port`` of the server; ``total``, the number of series that it reports; ``series`` and
            ``segs``, the offsets to list from, or None; ``references``, pairs of study and SEG to read.
    """
    environment = take_environment(arguments["pid"])
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
    except ValueError:
        return {"error": "garbled"}


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
        found["series"], found["next_series"] = rows_of(client, wanted, names, arguments["series"], end)
        if not found["series"] and arguments["series"] == 0 and wanted:
            found["others"] = modalities(client)
    if arguments["segs"] is not None:
        segs, found["next_segs"] = rows_of(client, {"Modality": "SEG"}, [REFERENCED], arguments["segs"], end)
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


def rows_of(
    client: DICOMwebClient, wanted: dict[str, Any], fields: list[str], offset: int, end: float
) -> tuple[list[Any], int | None]:
    """List series from ``offset`` on. Returns them and the next offset, None at the end."""
    rows: list[list[Any]] = []
    size = 0
    for series, following in pages(client, wanted, fields, offset):
        new = [row_of(one) for one in series]
        rows += new
        size += len(json.dumps(new))
        if size > ANSWER_BYTES or time.monotonic() > end:
            return rows, following
    return rows, None


def row_of(series: dict[str, Any]) -> list[Any]:
    """A series as [series UID, study UID, modality, description, number of images, referenced series]."""
    uid, study = text(series, SERIES_UID), text(series, STUDY_UID)
    if not uid or not study:
        raise Unusable
    images = value(series, IMAGES)
    count = int(images) if str(images).isdigit() and len(str(images)) < 10 else None
    described = text(series, DESCRIPTION) or text(series, STUDY_DESCRIPTION)
    return [uid, study, text(series, MODALITY), described, count, references_of(series)]


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
