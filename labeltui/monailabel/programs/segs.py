"""Copies the DICOM SEG files of a DICOMweb server to a folder on the host.

``FOLDER/labels/dicom-seg/IMAGE.seg.SOP.dcm`` is a SEG that refers to the series IMAGE, so the agent lists the
folder as it lists any folder of labels. ``FOLDER/segs.json`` has the facts on each SEG series, so that a series
is read only once.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Dict

import requests

from labeltui.monailabel.programs.dicomweb import (
    SERIES_UID,
    STUDY_UID,
    connect,
    error_text,
    filter_of,
    pages,
    plain,
    references_of,
    take_environment,
    text,
)

REQUEST_S = 30.0
TAG = "dicom-seg"

Series = Dict[str, Any]
"""The study, the referenced image, whether the files are stored, why not, and the filter that excludes the image."""


class Mirror:
    """One run of the program. ``arguments`` are those of ``main``."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        environment = take_environment(arguments.get("pid"))
        self.url = re.sub("//[^/@]*@", "//", arguments["url"])  # without a password, for messages
        self.folder = Path(arguments["folder"]).expanduser()
        self.cache = Path(arguments["cache"]).expanduser()
        self.filter = filter_of(arguments, environment)
        self.wanted = None if arguments.get("images") is None else set(arguments["images"])
        self.searches = bool(arguments.get("search"))
        self.end = time.monotonic() + float(arguments["within_s"])
        self.client = client_of(arguments, environment)
        self.index = self.folder / "segs.json"
        self.series: dict[str, Series] = read_document(self.index).get("series", {})
        self.served: dict[str, bool] = {}
        self.left = 0  # series that are not read yet
        self.stored: set[str] = set()  # images with a new SEG
        self.absent: set[str] = set()  # wanted images for which MONAI Label has no SEG

    def run(self) -> str:
        """Store the SEGs of the wanted images, or of every image that the server serves.

        Returns the problem; empty if none.
        """
        mine = dict(self.submitted())
        for image in sorted(self.wanted or ()) if self.searches else ():
            mine.update(self.of_study(image))
        for uid, study in mine.items():
            self.known(uid, study)
        if self.wanted is None:
            self.find()
        problem = ""
        for uid, series in self.series.items():
            if series["stored"] or series["problem"] or (self.wanted is not None and uid not in mine):
                continue
            if time.monotonic() > self.end:
                self.left += 1
                continue
            try:
                self.copy(uid, series)
            except (requests.exceptions.HTTPError, ValueError, KeyError) as error:
                problem = problem or f"SEG series {uid}: {error_text(error, self.url)}"
        return problem

    def known(self, uid: str, study: str) -> None:
        """Add a SEG series to the known ones."""
        new = {"study": study, "image": None, "stored": False, "problem": ""}
        self.series.setdefault(uid, new)

    def submitted(self) -> Iterator[tuple[str, str]]:
        """Yield the SEG series and studies that MONAI Label stored with the labels in its cache."""
        objects = read_document(self.cache / "datastore_v2.json").get("objects", {})
        self.absent = set(self.wanted or ())
        for image, entry in objects.items():
            info = entry.get("labels", {}).get("final", {}).get("info", {})
            uid, study = info.get("SeriesInstanceUID"), info.get("StudyInstanceUID")
            if uid and study and uid != image and (self.wanted is None or image in self.wanted):
                self.absent.discard(image)
                yield str(uid), str(study)

    def of_study(self, image: str) -> Iterator[tuple[str, str]]:
        """Ask the DICOM server for the SEG series in an image's study. Yields them with the study."""
        for page, _offset in pages(self.client, {"SeriesInstanceUID": plain(image)}, []):
            for study in {text(one, STUDY_UID) for one in page if text(one, SERIES_UID) == image}:
                for segs, _more in pages(self.client, {"Modality": "SEG", "StudyInstanceUID": study}, []):
                    yield from ((text(one, SERIES_UID), study) for one in segs)

    def find(self) -> None:
        """Ask the DICOM server for every SEG series."""
        for page, _offset in pages(self.client, {"Modality": "SEG"}, []):
            for found in page:
                self.known(text(found, SERIES_UID), text(found, STUDY_UID))

    def is_served(self, image: str) -> bool:
        """Whether a series matches the server's filter.

        Asks for this series only, because a list of all could be too long.
        """
        if self.wanted is None and image not in self.served:
            found = pages(self.client, {**self.filter, "SeriesInstanceUID": image}, [])
            self.served[image] = any(
                text(one, SERIES_UID) == image for page, _offset in found for one in page
            )
        return self.wanted is not None or self.served[image]

    def copy(self, uid: str, series: Series) -> None:
        """Store a SEG series if it refers to an image that is served.

        Another series is checked once for each filter.
        """
        if series["image"] is None:
            self.refer(uid, series)
        if not series["image"] or series.get("not_in") == self.filter:
            return
        if self.wanted is not None and series["image"] not in self.wanted:
            return
        if self.is_served(series["image"]):
            self.fetch(uid, series)
        else:
            series["not_in"] = self.filter

    def refer(self, uid: str, series: Series) -> None:
        """Read from the DICOM server to which image a SEG series refers."""
        metadata = self.client.retrieve_series_metadata(series["study"], uid)
        refers = references_of(metadata[0]) if metadata else None
        series["image"] = refers[0] if refers else ""
        if not series["image"]:
            series["problem"] = "it refers to no series"

    def fetch(self, uid: str, series: Series) -> None:
        """Store the files of a SEG series."""
        target = self.folder / "labels" / TAG
        target.mkdir(parents=True, exist_ok=True)
        image = plain(series["image"])
        for instance in self.client.retrieve_series(series["study"], uid):
            path = target / f"{image}.seg.{plain(str(instance.SOPInstanceUID))}.dcm"
            store(path, instance.save_as)
        series["stored"] = True
        self.stored.add(image)

    def save(self) -> None:
        """Store the facts on all series in ``segs.json``."""
        document = json.dumps({"series": self.series})
        self.folder.mkdir(parents=True, exist_ok=True)
        store(self.index, lambda part: part.write_text(document, encoding="utf-8"))


def main(arguments: dict[str, Any]) -> dict[str, Any]:
    """Copy SEG files.

    Returns ``problem`` (empty if nothing went wrong), ``left`` (series that were not read within the time),
    ``stored`` (images with a new SEG), ``absent`` (wanted images for which MONAI Label has no SEG) and ``skipped``
    (series that refer to no image).

    ``arguments``: url, user, password, qido, wado (prefixes), filter, folder, cache, within_s, and ``images``:
    the image series whose SEGs are wanted, or None for all. With ``search``, the server is asked for the SEGs in their
    studies; without it, only those are read that MONAI Label lists. If this user may read the environment of the
    server's process ``pid``, login, prefixes and filter come from there.
    """
    os.umask(0o077)  # patients' data
    mirror = Mirror(arguments)
    try:
        problem = mirror.run()
    except (requests.exceptions.RequestException, OSError, ValueError, KeyError) as error:
        problem = error_text(error, mirror.url)
    if mirror.series:
        mirror.save()
    skipped = [f"{uid}: {one['problem']}" for uid, one in mirror.series.items() if one["problem"]]
    return {
        "problem": problem, "left": mirror.left, "stored": sorted(mirror.stored), "absent": sorted(mirror.absent),
        "skipped": skipped[:20],
    }  # fmt: skip


def client_of(arguments: dict[str, Any], environment: dict[str, str] | None) -> Any:
    """Make a client for the DICOMweb server, with the settings that MONAI Label gives to its own."""
    client: Any = connect(arguments, environment, REQUEST_S)
    decode = client._decode_multipart_message

    def decode_any(response: Any, stream: bool) -> Any:
        if not response.headers["content-type"].lower().startswith("multipart/related"):
            response.headers["content-type"] = (
                "multipart/related"  # as MONAI Label does, for servers that omit it
            )
        return decode(response, stream)

    client._decode_multipart_message = decode_any
    return client


def store(path: Path, fill: Callable[[Path], Any]) -> None:
    """Write a file beside ``path`` and rename it.

    Its first name begins with a dot, so that it is never listed as a label.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")  # another console may store the same file
    fill(part)
    part.replace(path)


def read_document(path: Path) -> dict[str, Any]:
    """Read a JSON object. Empty if there is none, or while it is being written."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
