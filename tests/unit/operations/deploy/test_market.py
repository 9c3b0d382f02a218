"""RunPod's offers and the account's resources, in the form and in the commands that list them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from labeltui.actions.pods import PodCreateParams
from labeltui.domain.pod.pod import Cloud
from labeltui.domain.pod.ssh_key import SshKey
from labeltui.hosts.ssh.own_keys import make
from labeltui.operations.deploy.key import pod_key
from labeltui.operations.deploy.market import account_now, needs, offers_now, read_shop
from labeltui.operations.deploy.rent import RENTING
from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without keys, and no SSH agent."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path / "home"


@in_virtual_time
async def test_the_form_reads_every_part(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await it.rent()
        it.session.state_folder.write(RENTING, {"name": "annot-77", "at": "2026-11-23T09:00:00+00:00"})
        shop = await read_shop(it.session)
        account = await account_now(it.session)
        offers = await offers_now(it.session, Cloud.SECURE)
    assert {one.name for one in shop.offers} >= {"RTX A5000", "RTX 4090"}
    assert offers == shop.offers
    assert "EU-RO-1" in {place.id for place in shop.places}
    assert shop.names == ("annot",)
    assert shop.pending == "annot-77"
    assert not shop.errors
    assert account is it.session.store.state.account.value


@in_virtual_time
async def test_the_balance_is_asked_for_where_the_session_does_not_know_it(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        account = await account_now(it.session)
    assert (account.balance, account.spend_limit) == (Decimal(25), Decimal(80))


@in_virtual_time
async def test_a_part_that_can_not_be_read_is_empty_and_says_why(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        it.world.faults.arm("status", status=403, method="GET", path="network-volumes", times=None)
        shop = await read_shop(it.session)
    assert list(shop.errors) == ["volumes"]
    assert shop.volumes == ()
    assert shop.offers


@pytest.mark.parametrize("public", [True, False])
@in_virtual_time
async def test_the_profiles_key_comes_first_also_outside_the_folder(
    tmp_path: Path, home: Path, public: bool
) -> None:
    other = make(home / ".ssh" / "id_ed25519")
    own = make(tmp_path / "mine")
    if not public:
        (tmp_path / "mine.pub").unlink()
    async with desk(tmp_path, rents=True, runpod={"pod": "annot", "key": str(tmp_path / "mine")}) as it:
        shop = await read_shop(it.session)
        chosen = await pod_key(it.session, PodCreateParams())
    assert shop.own_keys == ((own, other) if public else (other,))
    assert chosen == shop.own_keys[0]


@in_virtual_time
async def test_without_a_key_one_is_made_once(tmp_path: Path, home: Path) -> None:
    async with desk(tmp_path, rents=True, runpod={"pod": "annot"}) as it:
        missing = await it.failing("pod.create", gpu="RTX A5000", max_price=1.0)
        made = await pod_key(it.session, PodCreateParams(make_key=True))
        again = await pod_key(it.session, PodCreateParams(make_key=True))
        first = await pod_key(it.session, PodCreateParams())
        shop = await read_shop(it.session)
        other = make(tmp_path / "other")
        named = await pod_key(it.session, PodCreateParams(key=str(tmp_path / "other.pub")))
    assert missing.problem.code == "no_ssh_key"
    assert "--make-key" in missing.problem.hint
    assert made == again == first
    assert shop.own_keys == (made,)
    assert (home / ".ssh" / "labeltui_ed25519").stat().st_mode & 0o777 == 0o600
    assert named == other


@in_virtual_time
async def test_a_fingerprint_names_a_key_of_this_desk(tmp_path: Path, home: Path) -> None:
    key = make(home / ".ssh" / "id_ed25519")
    async with desk(tmp_path, rents=True) as it:
        found = await pod_key(it.session, PodCreateParams(key=SshKey(key.line).fingerprint))
        unknown = await it.failing("pod.create", gpu="RTX A5000", max_price=1.0, key="SHA256:nobody")
    assert found == key
    assert unknown.problem.code == "no_ssh_key"


@in_virtual_time
async def test_gpus_are_listed_with_whether_they_are_enough(tmp_path: Path) -> None:
    async with desk(
        tmp_path, rents=True, server={"models": ["deepedit"], "conf": {"spatial_size": "[128,128,64]"}}
    ) as it:
        models, size = needs(it.session)
        listed = await it.run("pod.gpus", vram=24, max_price=0.5)
        community = await it.run("pod.gpus", cloud="community")
        there = await it.run("pod.gpus", data_centre="US-KS-2")
    assert models == ("deepedit",)
    assert size is not None
    assert [gpu["name"] for gpu in listed["gpus"]] == ["RTX A5000", "RTX 3090"]
    assert listed["models"] == ["deepedit"]
    assert community["cloud"] == "community"
    assert [gpu["name"] for gpu in there["gpus"]] == ["RTX 4090", "L40S", "A100 80GB PCIe"]


@in_virtual_time
async def test_a_volume_is_made_at_a_price_that_was_agreed_to(tmp_path: Path) -> None:
    wanted = {"name": "scans", "size": 100, "data_centre": "eu-ro-1"}
    async with desk(tmp_path, rents=True) as it:
        small = await it.failing("pod.make_volume", name="scans", size=5)
        nowhere = await it.failing("pod.make_volume", name="scans", size=100)
        dear = await it.failing("pod.make_volume", **wanted)
        made = await it.run("pod.make_volume", **wanted, max_month=7.0)
        again = await it.run("pod.make_volume", **wanted, max_month=7.0)
        listed = await it.run("pod.volumes")
    assert (small.problem.code, nowhere.problem.code) == ("bad_size", "no_data_centre")
    assert (dear.problem.code, dear.exit_code) == ("price_not_agreed", 3)
    assert "$7.00 a month" in dear.problem.message
    assert made["id"] == again["id"]
    assert [volume["id"] for volume in listed["volumes"]] == [made["id"]]
    assert Decimal(made["cost_per_month"]) == 7
