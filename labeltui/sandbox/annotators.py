"""Simulate activity in the pod: annotators fetch, draw and submit labels, and new studies arrive."""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from labeltui.sandbox import nifti
from labeltui.sandbox.home import PodFiles
from labeltui.sandbox.scenarios import Scenario
from labeltui.sandbox.volumes import with_small_errors

_RETRY_S = 3.0
_DEADLINE_S = 60.0
_OTHER_STRATEGY = 0.15
"""The share of fetches with the strategy ``first``, which hands a study to several people."""


async def annotate(name: str, scenario: Scenario, files: PodFiles, port: int) -> None:
    """Simulate one annotator until cancelled. After a failed request, retry a few seconds later."""
    chance = random.Random(name)
    while True:
        try:
            await _one_study(name, scenario, files, port, chance)
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            await asyncio.sleep(_RETRY_S)


async def arrive(scenario: Scenario, files: PodFiles, every: float) -> None:
    """Add a study to the folder every ``every`` seconds, up to the scenario's ``most_studies``."""
    for number in range(scenario.most_studies - scenario.studies):
        await asyncio.sleep(every)
        await asyncio.to_thread(files.add_study, f"spleen_{number + 101:03d}", 2000 + number)


async def _one_study(
    name: str, scenario: Scenario, files: PodFiles, port: int, chance: random.Random
) -> None:
    pause = scenario.annotator_pause
    await asyncio.sleep(max(1.0, pause * chance.uniform(0.3, 0.7)))
    body = json.dumps({"client_id": name}).encode()
    info = await asyncio.to_thread(_request, port, "GET", "/info/", b"", "application/json")
    selected = next(iter(info["strategies"]))  # Slicer selects the first one
    path = f"/activelearning/{'first' if chance.random() < _OTHER_STRATEGY else selected}"
    sample = await asyncio.to_thread(_request, port, "POST", path, body, "application/json")
    if not sample:
        await asyncio.sleep(_RETRY_S + pause)  # wait for new studies: all are labelled
        return
    await asyncio.sleep(max(1.0, pause * chance.uniform(0.6, 1.4)))
    image = str(sample["id"])
    truth = files.truth / f"{image}.nii.gz"
    if truth.exists():
        label = await asyncio.to_thread(_draw, truth, chance.randrange(1 << 30))
        await asyncio.to_thread(_submit, port, name, image, label)


def _draw(truth: Path, seed: int) -> bytes:
    mask = nifti.decode(truth)[0].astype(np.uint8)
    return nifti.encode(with_small_errors(mask, np.random.default_rng(seed)))


def _submit(port: int, name: str, image: str, label: bytes) -> None:
    boundary = uuid.uuid4().hex
    info = [{"name": "spleen", "idx": 1}, {"name": "liver", "idx": 6}]
    params = json.dumps({"label_info": info, "client_id": name})
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="params"\r\n\r\n{params}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="label"; filename="label.nii.gz"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + label + f"\r\n--{boundary}--\r\n".encode()
    path = f"/datastore/label?image={quote(image, safe='')}&tag=final"
    _request(port, "PUT", path, body, f"multipart/form-data; boundary={boundary}")


def _request(port: int, method: str, path: str, body: bytes, kind: str) -> dict[str, Any]:
    """Send one request. Raises ``OSError`` or ``HTTPException`` for a failure or a status other than 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_DEADLINE_S)
    try:
        connection.request(method, path, body, {"Content-Type": kind, "Connection": "close"})
        reply = connection.getresponse()
        data = reply.read()
        if reply.status != 200:
            raise http.client.HTTPException(f"{method} {path}: {reply.status}")
        answer: dict[str, Any] = json.loads(data)
        return answer
    finally:
        connection.close()
