"""The endpoints of the datastore and of active learning."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labeltui.domain.studies.review import without_unreadable
from labeltui.domain.studies.study import StudyQueue
from labeltui.monailabel import convert, wire
from labeltui.monailabel.http import check
from labeltui.monailabel.rest import Rest, model_of, segment, unexpected


class DatastoreRest(Rest):
    """Requests to ``/datastore`` and ``/activelearning``."""

    async def studies(self, *, dicomweb: bool = False) -> StudyQueue:
        """Return every study with its labels and fetches.

        For a large datastore, the answer has megabytes and takes seconds.
        """
        document = await self._object("GET", "/datastore/", name="datastore.all", params={"output": "all"})
        return await asyncio.to_thread(convert.study_queue, document, dicomweb=dicomweb)

    async def training_labels(self) -> tuple[str, ...]:
        """Return the label file of each study that a training would use."""
        listed = await self._http.json(
            "GET", "/datastore/", name="datastore.train", params={"output": "train"}
        )
        if not isinstance(listed, list):
            raise unexpected("GET /datastore/?output=train", "a list", listed)
        return tuple(str(entry["label"]) for entry in listed if isinstance(entry, dict) and "label" in entry)

    async def label(self, label: str, tag: str, target: Path) -> int:
        """Download a label to ``target`` and return its size in bytes. Raises Failed ``not_found``."""
        return await self._http.save("/datastore/label", target, params={"label": label, "tag": tag})

    async def label_info(self, label: str, tag: str) -> dict[str, Any]:
        """Return the stored document of a label: its segments, author, time and review."""
        query = {"label": label, "tag": tag}
        return await self._object("GET", "/datastore/label/info", name="label.info", params=query)

    async def put_label(
        self, image: str, tag: str, source: Path, filename: str, info: Mapping[str, Any]
    ) -> None:
        """Submit a label as Slicer does, with its document. The extension of ``filename`` says its format.

        A review in the document that Slicer's Reviewer could not read is left out.
        """
        with source.open("rb") as file:
            answer = await self._http.ask(
                "PUT", "/datastore/label", name="label.put", params={"image": image, "tag": tag},
                data={"params": json.dumps(without_unreadable(info, tag))}, files={"label": (filename, file)},
            )  # fmt: skip
        check(answer)

    async def delete_label(self, label: str, tag: str) -> None:
        """Delete a label. The server lists it until it has noticed that the file is gone."""
        check(await self._http.ask("DELETE", "/datastore/label", params={"id": label, "tag": tag}))

    async def image_info(self, image: str) -> dict[str, Any]:
        """The stored document of an image, with its ``path`` on the host. Empty for an unknown image."""
        return await self._object("GET", "/datastore/image/info", name="image.info", params={"image": image})

    async def image(self, image: str, target: Path) -> int:
        """Download an image to ``target`` and return its size in bytes. Raises Failed ``not_found``."""
        return await self._http.save("/datastore/image", target, params={"image": image})

    async def put_image(self, image: str, source: Path, filename: str, info: Mapping[str, Any]) -> None:
        """Add an image with its document. The extension of ``filename`` says its format."""
        with source.open("rb") as file:
            answer = await self._http.ask(
                "PUT", "/datastore/image", name="image.put", params={"image": image},
                data={"params": json.dumps(dict(info))}, files={"file": (filename, file)},
            )  # fmt: skip
        check(answer)

    async def delete_image(self, image: str) -> None:
        """Delete an image with its labels. The server lists it until it has noticed that the file is gone."""
        check(await self._http.ask("DELETE", "/datastore/image", params={"id": image}))

    async def update_label_info(self, label: str, tag: str, info: Mapping[str, Any]) -> None:
        """Merge ``info`` into the stored document of a label."""
        answer = await self._http.ask(
            "PUT", "/datastore/label/info", name="label.info.put",
            params={"label": label, "tag": tag}, data={"info": json.dumps(dict(info))},
        )  # fmt: skip
        check(answer)

    async def next_sample(self, strategy: str) -> wire.Sample | None:
        """Fetch the next study to label. None when no study is left.

        The server records that this client has the study open.
        """
        document = await self._object(
            "POST", f"/activelearning/{segment(strategy)}", name="activelearning",
            json={"client_id": self.client_id},
        )  # fmt: skip
        sample = model_of(wire.Sample, document, "POST /activelearning")
        return sample if sample.id else None
