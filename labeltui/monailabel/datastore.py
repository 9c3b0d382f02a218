"""The datastore: images, labels, and who is given which."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labeltui.domain.study import StudyQueue
from labeltui.monailabel import convert, wire
from labeltui.monailabel.http import check
from labeltui.monailabel.rest import Rest, converted, model_of, segment


class DatastoreRest(Rest):
    """``/datastore`` and ``/activelearning``."""

    async def datastore_stats(self) -> StudyQueue:
        """The counts alone: cheap on any size (``listed`` is False)."""
        document = await self._object("GET", "/datastore/", name="datastore", params={"output": "stats"})
        return converted("GET /datastore/", lambda: convert.study_queue(document))

    async def studies(self, *, dicomweb: bool = False) -> StudyQueue:
        """Every study with its labels and who fetched it: megabytes and seconds on a large datastore.

        The counts come from the same list, so the two always agree.
        """
        document = await self._object("GET", "/datastore/", name="datastore.all", params={"output": "all"})
        return await asyncio.to_thread(_queue, document, dicomweb)

    async def training_pairs(self) -> tuple[wire.Pair, ...]:
        """The pairs that a training would use: images that have a final label. Paths on the server."""
        pairs = await self._list("GET", "/datastore/", name="datastore.train", params={"output": "train"})
        return tuple(model_of(wire.Pair, pair, "GET /datastore/?output=train") for pair in pairs)

    async def image(self, image: str, target: Path) -> int:
        """Download an image to ``target``; returns its size in bytes. Raises Failed ``not_found``."""
        return await self._http.save("/datastore/image", target, params={"image": image})

    async def image_info(self, image: str) -> dict[str, Any]:
        """What is known of an image; empty for one the server does not have."""
        return await self._object("GET", "/datastore/image/info", name="image.info", params={"image": image})

    async def put_image(self, image: str, source: Path) -> str:
        """Upload an image; returns its id. (Without an id the server would cut the name at its first dot.)"""
        with source.open("rb") as file:
            document = await self._object(
                "PUT", "/datastore/image", name="image.put", params={"image": image},
                files={"file": (source.name, file)},
                data={"params": json.dumps({"client_id": self.client_id})},
            )  # fmt: skip
        return str(document.get("image", image))

    async def delete_image(self, image: str) -> None:
        """Delete an image with its labels; lists show it for a moment longer."""
        check(await self._http.ask("DELETE", "/datastore/image", name="image.delete", params={"id": image}))

    async def label(self, label: str, tag: str, target: Path) -> int:
        """Download a label to ``target``; returns its size in bytes. Raises Failed ``not_found``."""
        return await self._http.save("/datastore/label", target, params={"label": label, "tag": tag})

    async def has_label(self, image: str, tag: str) -> bool:
        """Whether an image has a label of that tag."""
        # HEAD calls the parameter "image" where GET calls it "label".
        answer = await self._http.ask(
            "HEAD", "/datastore/label", name="label.head", params={"image": image, "tag": tag}
        )
        if answer.status == 404:
            return False
        check(answer)
        return True

    async def label_info(self, label: str, tag: str) -> dict[str, Any]:
        """What is known of a label: names of its segments, who made it, when, review."""
        query = {"label": label, "tag": tag}
        return await self._object("GET", "/datastore/label/info", name="label.info", params=query)

    async def put_label(
        self, image: str, source: Path, *, tag: str = "final", params: Mapping[str, Any] | None = None
    ) -> str:
        """Submit a label for an image; returns the label's id."""
        told = {"client_id": self.client_id, **(params or {})}
        with source.open("rb") as file:
            document = await self._object(
                "PUT", "/datastore/label", name="label.put", params={"image": image, "tag": tag},
                files={"label": (source.name, file)}, data={"params": json.dumps(told)},
            )  # fmt: skip
        return str(document.get("label", image))

    async def update_label_info(self, label: str, tag: str, info: Mapping[str, Any]) -> None:
        """Merge ``info`` into what is known of a label."""
        answer = await self._http.ask(
            "PUT", "/datastore/label/info", name="label.info.put",
            params={"label": label, "tag": tag}, data={"info": json.dumps(dict(info))},
        )  # fmt: skip
        check(answer)

    async def delete_label(self, label: str, tag: str) -> None:
        """Delete a label; lists show it for a moment longer."""
        query = {"id": label, "tag": tag}
        check(await self._http.ask("DELETE", "/datastore/label", name="label.delete", params=query))

    async def next_sample(self, strategy: str) -> wire.Sample | None:
        """Fetch the next study to label, None when nothing is left.

        Not a look: the server records that this client has the study open.
        """
        document = await self._object(
            "POST", f"/activelearning/{segment(strategy)}", name="activelearning",
            json={"client_id": self.client_id},
        )  # fmt: skip
        sample = model_of(wire.Sample, document, "POST /activelearning")
        return sample if sample.id else None


def _queue(document: Mapping[str, Any], dicomweb: bool) -> StudyQueue:
    studies = convert.studies_of(document)
    tags: dict[str, int] = {}
    for study in studies:
        for tag in study.tags:
            tags[tag] = tags.get(tag, 0) + 1
    return StudyQueue(len(studies), tags.get("final", 0), studies, tags, listed=not dicomweb)
