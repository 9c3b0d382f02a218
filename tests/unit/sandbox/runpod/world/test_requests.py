"""Requests that are refused before a pod is rented."""

from typing import Any

import pytest

from labeltui.sandbox.runpod.world import requests
from labeltui.sandbox.runpod.world.refusals import Refusal
from labeltui.sandbox.runpod.world.requests import Invalid

A5000 = "NVIDIA RTX A5000"


@pytest.mark.parametrize(
    "body",
    [
        {"gpu": {"id": A5000}, "cpu": {"id": "cpu5c", "vcpuCount": 2}},
        {"cpu": {"id": "cpu5c", "vcpuCount": 2}, "mounts": {"persistent": {"size": 10, "path": "/w"}}},
        {"gpu": {"id": A5000}, "ports": ["22"]},
        {"gpu": {"id": A5000}, "ports": [f"{port}/http" for port in range(8000, 8011)]},
        {"gpu": {"id": A5000}, "env": {f"A{number}": "" for number in range(51)}},
        {"gpu": {"id": A5000, "minCudaVersion": "12.4", "allowedCudaVersions": ["12.4"]}},
        {
            "gpu": {"id": A5000},
            "mounts": {
                "persistent": {"size": 10, "path": "/w"},
                "network": [{"volumeId": "v", "path": "/w"}],
            },
        },
    ],
)
def test_rules_across_fields(body: dict[str, Any]) -> None:
    checked = requests.check(requests.CreatePod, {"name": "x", "image": "i", "disk": 20, **body})
    with pytest.raises(Refusal) as refusal:
        requests.spec_of(checked)
    assert refusal.value.status == 400


def test_an_extra_field_is_named_as_the_api_names_it() -> None:
    with pytest.raises(Invalid) as wrong:
        requests.check(requests.CreatePod, {"name": "x", "bogus": 1, "gpu": {"id": A5000, "many": 2}})
    assert set(wrong.value.errors) == {
        "$: additional properties 'bogus' not allowed",
        "$.gpu: additional properties 'many' not allowed",
    }


@pytest.mark.parametrize(("floor", "versions"), [("12", 3), ("12.6", 2), ("12.11", 0), ("9.9", 3), ("13", 0)])
def test_cuda_versions_are_numbers(floor: str, versions: int) -> None:
    assert len(requests.at_least(floor)) == versions
