"""A MONAI Label server in memory that stores what is restored to it."""

from __future__ import annotations

import email
import json
from typing import Any

import httpx

from tests.unit.operations.desk import Desk


class Datastore:
    """What MONAI Label's endpoints do to the files of the host. ``refuses`` are studies that it takes no label of."""

    def __init__(self, it: Desk) -> None:
        self.files = it.host.files
        self.refuses: set[str] = set()
        self.now = lambda: int(it.session.clock().timestamp())
        self.objects: dict[str, Any] = {}
        it.server.datastore = {"objects": self.objects}
        self.serve(it)

    def serve(self, it: Desk) -> None:
        """Answer every request."""
        it.server.documents |= {
            ("PUT", "/datastore/label"): self.put_label,
            ("GET", "/datastore/label"): lambda asked: self.file(
                asked.url.params["label"], asked.url.params["tag"]
            ),
            ("GET", "/datastore/image"): lambda asked: self.files.read(
                f"~/studies/{asked.url.params['image']}.nii.gz"
            ),
            ("GET", "/datastore/label/info"): self.label_info,
            ("DELETE", "/datastore/label"): self.delete_label,
            ("PUT", "/datastore/image"): self.put_image,
            ("GET", "/datastore/image/info"): self.image_info,
            ("DELETE", "/datastore/image"): self.delete_image,
        }

    def add(self, study: str, info: dict[str, Any] | None = None) -> None:
        self.objects[study] = {"image": {"ext": ".nii.gz", "info": info or {}}, "labels": {}}
        self.files.write(f"~/studies/{study}.nii.gz", f"image {study}".encode())

    def label(self, study: str, data: bytes, info: dict[str, Any], tag: str = "final") -> None:
        self.objects[study]["labels"][tag] = {"ext": ".nii.gz", "info": info}
        at = info.get("ts", self.now())
        self.files.write(f"~/studies/labels/{tag}/{study}.nii.gz", data, mtime_ns=at * 10**9)

    def lose_labels(self) -> None:
        """A new pod with the same images."""
        for study, entry in self.objects.items():
            for tag in entry["labels"]:
                self.files.remove(f"~/studies/labels/{tag}/{study}.nii.gz")
            entry["labels"].clear()

    def file(self, study: str, tag: str = "final") -> bytes | None:
        found = self.files.get(f"~/studies/labels/{tag}/{study}.nii.gz")
        return None if found is None else found.data

    def put_label(self, request: httpx.Request) -> Any:
        study, tag = request.url.params["image"], request.url.params["tag"]
        if study in self.refuses or study not in self.objects:
            return 500
        parts = parts_of(request)
        self.label(
            study,
            parts["label"],
            {**json.loads(parts["params"]), "ts": self.now(), "name": f"{study}.nii.gz"},
            tag,
        )
        return {"image": study, "label": study}

    def label_info(self, request: httpx.Request) -> Any:
        entry = self.objects.get(request.url.params["label"], {}).get("labels", {})
        return entry.get(request.url.params["tag"], {}).get("info", {})

    def delete_label(self, request: httpx.Request) -> Any:
        study, tag = request.url.params["id"], request.url.params["tag"]
        self.files.remove(f"~/studies/labels/{tag}/{study}.nii.gz")
        del self.objects[study]["labels"][tag]
        return {}

    def put_image(self, request: httpx.Request) -> Any:
        study, parts = request.url.params["image"], parts_of(request)
        self.add(study, json.loads(parts["params"]))
        self.files.write(f"~/studies/{study}.nii.gz", parts["file"])
        return {"image": study}

    def image_info(self, request: httpx.Request) -> Any:
        study = request.url.params["image"]
        if study not in self.objects:
            return {}
        return {**self.objects[study]["image"]["info"], "path": f"/root/studies/{study}.nii.gz"}

    def delete_image(self, request: httpx.Request) -> Any:
        study = request.url.params["id"]
        for tag in self.objects[study]["labels"]:
            self.files.remove(f"~/studies/labels/{tag}/{study}.nii.gz")
        self.files.remove(f"~/studies/{study}.nii.gz")
        del self.objects[study]
        return {}


def parts_of(request: httpx.Request) -> dict[str, bytes]:
    """The parts of a multipart form, by name."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts = {}
    for part in email.message_from_bytes(head + request.content).walk():
        if name := part.get_param("name", header="content-disposition"):
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            parts[str(name)] = content
    return parts
