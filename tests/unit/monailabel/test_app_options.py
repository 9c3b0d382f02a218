"""Options of an app that nothing reads."""

from __future__ import annotations

import pytest

from labeltui.monailabel.app_options import without_effect

MAIN = """
models = conf.get("models")
spatial_size = json.loads(conf.get("spatial_size", "[48, 48, 32]"))
self.planner = HeuristicPlanner(spatial_size=spatial_size)
self.sam = strtobool(conf.get("sam2", "true"))
bundles = get_bundle_models(app_dir, conf, conf_key="bundles")
if strtobool(self.conf.get("skip_scoring", "true")):
"""
DEEPEDIT = """
network = self.conf.get("network", "dynunet")
self.spatial_size = (128, 128, 64)
self.labels = {"spleen": 1}
"""
SEGMENTATION = 'conf_labels = self.conf.get("labels")'
PLANS = "self.spatial_size = self.planner.spatial_size"
CONF = ("models", "sam2", "bundles", "skip_scoring", "preload", "network", "spatial_size", "labels", "typo")


@pytest.mark.parametrize(
    ("models", "ignored"),
    [
        ({"deepedit": DEEPEDIT}, ("spatial_size", "labels", "typo")),
        ({"deepedit": DEEPEDIT, "segmentation": SEGMENTATION}, ("spatial_size", "typo")),
        ({"segmentation": SEGMENTATION}, ("network", "spatial_size", "typo")),
        ({"mine": PLANS}, ("network", "labels", "typo")),
    ],
)
def test_what_neither_the_app_nor_a_started_model_reads(
    models: dict[str, str], ignored: tuple[str, ...]
) -> None:
    sources = {"main.py": MAIN, **{f"lib/configs/{name}.py": text for name, text in models.items()}}
    assert without_effect(CONF, sources) == ignored


def test_nothing_is_claimed_of_an_app_that_reads_options_in_another_way() -> None:
    assert without_effect(CONF, {}) == ()
    assert without_effect(CONF, {"main.py": "import app"}) == ()
