"""The results of the deploy form's choices, and the memory of a request that was never answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from labeltui.actions.pods import PodCreateParams
from labeltui.domain.deploy.catalogue import DataCentre, GpuOffer, NetworkVolume, Stock
from labeltui.domain.pod.pod import Cloud, Pod, PodStatus
from labeltui.domain.problems import LabeltuiError
from labeltui.hosts.ssh.own_keys import OwnKey, all_keys, in_folder, make, read_public
from labeltui.operations.deploy.draft import (
    HOST_DISK,
    MAKE_KEY,
    NEW_VOLUME,
    Draft,
    key_label,
    like,
    money,
    on_volume,
    whole,
)
from labeltui.operations.deploy.market import Shop

NOW = datetime(2026, 11, 25, tzinfo=UTC)
LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx2oCCLmUmh5yb3MuC3nSFLT6tPVaqpBqsVeqbXIYGy you@desk"
GPU = GpuOffer(
    "NVIDIA RTX A5000", "RTX A5000", 24, Decimal("0.27"), Decimal("0.16"), stock=Stock.HIGH,
    data_centres={"EU-RO-1": Stock.HIGH}, cuda_versions=("12.4",),
)  # fmt: skip
SECURE_ONLY = replace(GPU, id="NVIDIA B200", name="B200", price_community=None)
SHOP = Shop(
    NOW, (GPU, SECURE_ONLY), (DataCentre("EU-RO-1", "Romania", "Europe", ("STANDARD",)),),
    (NetworkVolume("v1", "scans", 200, "EU-RO-1"),), ("annot",), (), (OwnKey(LINE),),
)  # fmt: skip
SHOP_WITHOUT_KEYS = replace(SHOP, own_keys=())


def settled(shop: Shop = SHOP, profile_pod: str = "", **prefill: Any) -> Draft:
    draft = Draft.begun(PodCreateParams.of({"gpu": "RTX A5000", **prefill}), profile_pod)
    return draft.settled(shop, profile_pod, saves=True)


def test_a_name_is_used_once_unless_its_answer_never_came() -> None:
    assert settled(profile_pod="liver").name == "liver"
    assert settled(profile_pod="liver").save is False
    fresh = settled(profile_pod="annot")
    assert fresh.name.startswith("annot-")
    assert fresh.save
    assert settled(replace(SHOP, pending="annot-77aa"), "annot").name == "annot-77aa"
    assert settled().name.startswith("labeltui-")


@pytest.mark.parametrize(
    ("prefill", "storage"),
    [
        ({"data_centre": "EU-RO-1"}, NEW_VOLUME),
        ({}, HOST_DISK),
        ({"data_centre": "US-KS-2"}, HOST_DISK),
        ({"data_centre": "EU-RO-1", "cloud": "community"}, HOST_DISK),
        ({"data_centre": "EU-RO-1", "volume_gb": 20}, HOST_DISK),
    ],
)
def test_a_network_volume_is_preferred_where_the_data_centre_has_them(
    prefill: dict[str, Any], storage: str
) -> None:
    assert settled(name="n", **prefill).storage == storage


def test_a_storage_that_was_chosen_stays_when_the_data_centre_changes() -> None:
    draft = replace(settled(name="n"), data_centre="EU-RO-1")
    assert draft.preferring(SHOP).storage == NEW_VOLUME
    assert replace(draft, storage_chosen=True).preferring(SHOP).storage == HOST_DISK


def test_the_choices_become_the_parameters_of_the_command() -> None:
    draft = settled(name="n")
    assert not draft.problems(SHOP)
    params = draft.params(SHOP)
    assert (params.gpu, params.name, params.max_price) == ("RTX A5000", "n", 0.28)
    assert (params.key or "").startswith("SHA256:")
    assert not params.public
    again = Draft.begun(params, "").settled(SHOP, "", saves=True)
    assert again.params(SHOP) == params


def test_a_pod_in_the_place_of_another_keeps_its_network_volume() -> None:
    pod = Pod("i", "annot", PodStatus.STOPPED, NOW, gpu_id=GPU.id, image="me/mine:1", cloud=Cloud.SECURE)
    assert like(pod).given() == {}
    answers = like(replace(pod, network_volume_id="v1")).given()
    assert answers == {"network_volume": "v1", "gpu": GPU.id, "cloud": "secure", "image": "me/mine:1"}
    draft = settled(**answers)
    assert (draft.storage, draft.centre(SHOP), draft.network_gb(SHOP)) == ("v1", "EU-RO-1", 200)
    assert draft.params(SHOP).network_volume == "v1"


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"gpu": None}, "gpu", "Choose a GPU"),
        ({"cloud": Cloud.COMMUNITY, "gpu": SECURE_ONLY.id}, "gpu", "community cloud does not offer"),
        ({"volume_gb": "many"}, "volume_gb", "'many' is not a whole number of GB"),
        ({"volume_gb": ""}, "volume_gb", "'Nothing' is not a whole number of GB"),
        ({"volume_gb": "5"}, "volume_gb", "A volume has at least 10 GB. Give 0"),
        ({"storage": NEW_VOLUME, "volume_gb": "5000"}, "volume_gb", "10 to 4096 GB"),
        ({"storage": NEW_VOLUME}, "data_centre", "Choose the data centre of the network volume"),
        ({"storage": "v1", "cloud": Cloud.COMMUNITY}, "storage", "in the secure cloud only"),
        ({"container_gb": "0"}, "container_gb", "At least 1 GB"),
        ({"image": "two words"}, "image", "Give a container image"),
        ({"key": ""}, "key", "Choose an SSH key, or make a new one"),
        ({"refused": "next", "limit": "cheap"}, "limit", "'cheap' is not a price"),
        ({"refused": "both", "limit": "0.01"}, "limit", "The chosen GPU alone costs $0.28/h"),
        ({"name": " "}, "name", "Give the pod a name"),
        ({"name": "x" * 61}, "name", "at most 60 printable characters"),
        ({"name": "annot"}, "name", "There is already a pod annot"),
    ],
)
def test_what_is_wrong_is_said_by_its_field(fields: dict[str, Any], field: str, words: str) -> None:
    draft = replace(settled(name="n"), **fields)
    problems = dict(draft.problems(SHOP))
    assert words in problems[field]


def test_a_draft_with_problems_has_no_parameters() -> None:
    with pytest.raises(ValueError, match="problems"):
        replace(settled(name="n"), gpu=None).params(SHOP)


@pytest.mark.parametrize(
    ("prefill", "fields"),
    [
        ({"wait": True}, {"refused": "wait"}),
        ({"wait": True, "fallback": True}, {"refused": "both"}),
        ({"or": ["L40S"], "max_price": 0.5}, {"refused": "next", "others": ("L40S",), "limit": "0.5"}),
        ({"new_volume_gb": 80, "data_centre": "EU-RO-1"}, {"storage": NEW_VOLUME, "volume_gb": "80"}),
        ({"network_volume": "scans"}, {"storage": "v1"}),
        ({"make_key": True, "add_key": True}, {"key": MAKE_KEY, "add_key": True}),
    ],
)
def test_parameters_become_choices_and_again_the_same_parameters(
    prefill: dict[str, Any], fields: dict[str, Any]
) -> None:
    draft = settled(name="n", **prefill)
    assert {name: getattr(draft, name) for name in fields} == fields
    params = draft.params(SHOP)
    assert Draft.begun(params, "").settled(SHOP, "", saves=True).params(SHOP) == params


def test_a_key_of_an_agent_is_shown_as_one() -> None:
    assert key_label(OwnKey(LINE)) == "agent · ed25519 · you@desk"
    assert settled(SHOP_WITHOUT_KEYS, name="n").key == MAKE_KEY


@pytest.mark.parametrize(
    ("fields", "where", "words"),
    [
        ({"public": True}, "ports", "PUBLIC: https://PODID-8000.proxy.runpod.net"),
        ({"cloud": Cloud.COMMUNITY}, "cloud", "Not for patient data"),
        ({"image": "me/mine:1"}, "image", "start sshd"),
        ({"volume_gb": "0"}, "volume_gb", "everything on the pod is lost"),
        ({"data_centre": "US-KS-2"}, "gpu", "No RTX A5000 seems to be free in US-KS-2"),
        ({}, "gpu", "CUDA 12.4, but the image needs 12.8"),
        ({}, "volume_gb", "~/labeltui is not on /workspace"),
    ],
)
def test_what_is_dangerous_is_said(fields: dict[str, Any], where: str, words: str) -> None:
    warnings = replace(settled(name="n"), **fields).warnings(SHOP, "~/labeltui")
    assert words in warnings[where]


def test_what_is_typed_is_read_strictly() -> None:
    assert [whole(text) for text in ("35", " 35 ", "3.5", "-3", "", "1e3", "٣", "12345678")] == [
        35, 35, None, None, None, None, None, None,
    ]  # fmt: skip
    assert [money(text) for text in ("0.4", "$0.40/h", "1", "", "a", "1.2.3", "nan", "-1")] == [
        Decimal("0.4"), Decimal("0.40"), Decimal(1), None, None, None, None, None,
    ]  # fmt: skip
    assert on_volume("/workspace/labeltui")
    assert not on_volume("~/labeltui")


def test_a_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    made = make(tmp_path / "ssh" / "k", "me")
    private = tmp_path / "ssh" / "k"
    assert made.private == private
    assert private.stat().st_mode & 0o777 == 0o600
    assert private.parent.stat().st_mode & 0o777 == 0o700
    assert made.line.startswith("ssh-ed25519 ")
    with pytest.raises(LabeltuiError, match="exists already"):
        make(private)
    assert in_folder(private.parent) == (made,)
    assert key_label(made) == "k.pub · ed25519 · me"


@pytest.mark.parametrize(
    ("text", "code"),
    [("-----BEGIN OPENSSH PRIVATE KEY-----", "private_key"), ("hello", "bad_ssh_key"), ("", "bad_ssh_key")],
)
def test_what_is_no_public_key_is_refused(tmp_path: Path, text: str, code: str) -> None:
    path = tmp_path / "k.pub"
    path.write_text(text)
    with pytest.raises(LabeltuiError) as refused:
        read_public(path)
    assert refused.value.problem.code == code
    assert in_folder(tmp_path) == ()


async def test_an_agent_that_is_not_there_has_no_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nobody"))
    assert await all_keys() == ()
