"""Where the apps of MONAI Label look for weights."""

from __future__ import annotations

import pytest

from labeltui.monailabel.weights import downloads_weights, model_names, weight_files

APP = "/root/labeltui/apps/radiology"


def test_the_files_of_the_radiology_app() -> None:
    deepedit = weight_files(APP, "deepedit", {})
    assert deepedit is not None
    assert (deepedit.published, deepedit.pretrained) == (
        "deepedit_dynunet.pt",
        "pretrained_deepedit_dynunet.pt",
    )
    assert deepedit.url.endswith("/releases/download/pretrained/radiology_deepedit_dynunet_multilabel.pt")
    other = weight_files(APP, "deepedit_seg", {"network": "unetr", "pretrained_path": "http://mirror/w/"})
    assert other is not None
    assert (other.model, other.published) == ("deepedit", "deepedit_unetr.pt")
    assert other.url == "http://mirror/w/radiology_deepedit_unetr_multilabel.pt"


def test_a_bundle_has_one_file_and_no_address() -> None:
    bundle = weight_files("/x/monaibundle/", "spleen_ct_segmentation", {})
    assert bundle is not None
    assert (bundle.published, bundle.pretrained, bundle.url) == (
        "spleen_ct_segmentation/models/model.pt",
        "",
        "",
    )


@pytest.mark.parametrize(
    ("app", "model"),
    [("/x/own", "deepedit"), (APP, "sam_2d"), ("", "deepedit"), ("/x/monaibundle", "../../etc")],
)
def test_nothing_is_guessed_of_other_apps_and_models(app: str, model: str) -> None:
    assert weight_files(app, model, {}) is None


def test_a_network_can_not_lead_out_of_the_folder() -> None:
    assert weight_files(APP, "deepedit", {"network": "../../x"}) is None


def test_all_stands_for_every_model() -> None:
    assert {"deepedit", "segmentation"} < set(model_names(APP, ("all",)))
    assert model_names(APP, ("deepedit",)) == ("deepedit",)


@pytest.mark.parametrize(("conf", "expected"), [({}, True), ({"use_pretrained_model": "False"}, False)])
def test_whether_a_start_downloads(conf: dict[str, str], expected: bool) -> None:
    assert downloads_weights(APP, conf) is expected
    assert not downloads_weights("/x/monaibundle", conf)
