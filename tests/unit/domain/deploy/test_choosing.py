"""The choices before a pod is rented: memory, disks, prices, candidates."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltui.domain.deploy.candidates import candidates, cuda_of, named, newest_cuda, suitable
from labeltui.domain.deploy.catalogue import GpuOffer, PodSpec, Stock
from labeltui.domain.deploy.gpu_memory import MEASURED, Fit, fit, spatial_size
from labeltui.domain.deploy.quote import hours_bought, over_limit, quote
from labeltui.domain.deploy.sizing import GB, suggested
from labeltui.domain.money import Account
from labeltui.domain.pod.pod import OFFICIAL_IMAGE, Cloud
from labeltui.sandbox.runpod.world.pods import Mount, Pod, Spec

SMALL = GpuOffer("small", "A4000", 16, Decimal("0.25"), Decimal("0.17"), stock=Stock.LOW)
MIDDLE = GpuOffer(
    "middle", "A5000", 24, Decimal("0.27"), None, stock=Stock.HIGH, data_centres={"EU-RO-1": Stock.HIGH},
    cuda_versions=("12.4", "12.10", "12.8"),
)  # fmt: skip
LARGE = GpuOffer("large", "L40S", 48, Decimal("0.86"), Decimal("0.79"), stock=Stock.MEDIUM)
GONE = GpuOffer("gone", "3090", 24, Decimal("0.20"), Decimal("0.10"), stock=Stock.NONE)
OFFERS = (LARGE, GONE, MIDDLE, SMALL)


@pytest.mark.parametrize(
    ("models", "vram", "size", "verdict", "words"),
    [
        (("deepedit",), 16, None, Fit.ENOUGH, "128×128×128 can be trained with 12 GB"),
        (("deepedit",), 8, None, Fit.SHORT, "can be trained with 12 GB"),
        (("deepedit",), 16, (256, 256, 128), Fit.SHORT, "17 GB"),
        (("deepedit",), 24, (256, 256, 128), Fit.ENOUGH, "MONAI Label issue 649"),
        (
            ("deepedit",),
            24,
            (512, 512, 200),
            Fit.UNKNOWN,
            "No figure is published for deepedit at 512×512×200",
        ),
        (("deepedit",), 8, (64, 64, 32), Fit.UNKNOWN, "No figure is published"),
        (("segmentation",), 80, None, Fit.UNKNOWN, "It is unknown how much GPU memory segmentation needs"),
        (("deepedit", "segmentation"), 80, None, Fit.UNKNOWN, "segmentation"),
        (("deepedit", "wholeBody_ct_segmentation"), 24, None, Fit.SHORT, "48 GB"),
        ((), 24, None, Fit.UNKNOWN, "no model"),
    ],
)
def test_memory_is_judged_by_figures_with_a_source(
    models: tuple[str, ...], vram: int, size: tuple[int, int, int] | None, verdict: Fit, words: str
) -> None:
    found, reason = fit(models, vram, size)
    assert found is verdict
    assert words in reason
    assert all(figure.source for figure in MEASURED)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("[128,128,128]", (128, 128, 128)),
        ("(96, 96, 64)", (96, 96, 64)),
        ("128", None),
        (None, None),
        ("[a,1,2]", None),
    ],
)
def test_the_spatial_size_of_a_profile(text: str | None, size: tuple[int, int, int] | None) -> None:
    assert spatial_size(text) == size


@settings(max_examples=40)
@given(st.integers(0, 3 * 10**12))
def test_suggested_disks_hold_the_data_and_are_sizes_that_runpod_takes(data: int) -> None:
    sizes = suggested(data)
    assert sizes.volume_gb * GB >= data * 1.5
    assert sizes.volume_gb >= 10
    assert f"{data / GB:.1f} GB of studies" in sizes.why


def test_the_cheapest_that_is_free_and_enough_is_suggested() -> None:
    assert suitable(OFFERS, ["deepedit"]) == SMALL
    assert suitable(OFFERS, ["deepedit"], size=(256, 256, 128)) == MIDDLE
    assert suitable(OFFERS, ["deepedit"], data_centre="EU-RO-1") == MIDDLE
    assert suitable(OFFERS, ["deepedit"], cloud=Cloud.COMMUNITY) == SMALL
    assert suitable(OFFERS, ["segmentation"]) == SMALL
    assert suitable((GONE,), ["deepedit"]) is None


def test_the_next_candidate_has_as_much_memory_and_is_not_used_up() -> None:
    assert candidates(OFFERS, MIDDLE) == (MIDDLE,)
    assert candidates(OFFERS, MIDDLE, (SMALL,)) == (MIDDLE, SMALL)
    assert candidates(OFFERS, MIDDLE, fallback=True) == (MIDDLE, LARGE)
    assert candidates(OFFERS, GONE, fallback=True) == (GONE, MIDDLE, LARGE)
    assert named(OFFERS, "l40s") == LARGE
    assert named(OFFERS, "Voodoo 2") is None


def test_cuda_is_compared_as_numbers() -> None:
    assert cuda_of(OFFICIAL_IMAGE) == "12.8"
    assert cuda_of("me/mine:latest") is None
    assert newest_cuda(MIDDLE) == "12.10"
    assert newest_cuda(SMALL) is None


@given(
    st.decimals("0.01", "9.99", places=2), st.integers(1, 2000), st.one_of(st.just(0), st.integers(10, 4000)),
    st.integers(1, 8),
)  # fmt: skip
def test_what_is_shown_is_what_the_emulated_account_is_charged(
    price: Decimal, container: int, volume: int, count: int
) -> None:
    spec = PodSpec("p", "g", container_disk_gb=container, volume_disk_gb=volume, gpu_count=count)
    made = quote(GpuOffer("g", "g", 24, price), spec)
    assert made is not None
    mount = Mount("/workspace", volume) if volume else None
    billed = Pod(
        "id", Spec("p", "i", container, gpu="g", gpu_count=count, mount=mount),
        None, "EU", None, price, "t", "m", "k", gpus=count,  # type: ignore[arg-type]
    )  # fmt: skip
    assert abs(sum(billed.rates().values()) - made.running) < Decimal("1e-20")
    billed.status = "EXITED"
    assert abs(sum(billed.rates().values()) - made.stopped) < Decimal("1e-20")
    assert abs(made.agreed - made.running) <= Decimal("0.005")


def test_hours_and_limit() -> None:
    made = quote(MIDDLE, PodSpec("p", "middle", container_disk_gb=0))
    assert made is not None
    assert hours_bought(Account(Decimal("27.00"), None), made) == 100
    assert hours_bought(Account(Decimal("27.00"), Decimal("0.27")), made) == 50
    assert hours_bought(Account(), made) is None
    assert over_limit(Account(None, Decimal("79.9"), Decimal(80)), made)
    assert not over_limit(Account(), made)
    assert quote(replace(MIDDLE), PodSpec("p", "middle", cloud=Cloud.COMMUNITY)) is None
