"""Own labels on a real MONAI Label: DeepEdit is built, trained and published with them."""

from __future__ import annotations

import json

from tests.real.conftest import Bench

SHAPE = """
import json, sys, torch
weights = torch.load(sys.argv[1], map_location="cpu", weights_only=False)
weights = weights.get("model", weights)
shapes = [list(value.shape) for name, value in weights.items() if name.startswith(sys.argv[2]) and value.ndim == 5]
print(json.dumps(shapes[0]))
"""
OWN = ["liver", "own tumour (2)"]


def test_deepedit_is_built_and_trained_with_own_labels(deepedit: Bench) -> None:
    started = deepedit.run("server", "start", "--labels", ",".join(OWN))
    assert started.code == 0, started.stderr + started.stdout
    assert "deepedit is untrained" in started.stderr
    assert started.document["labels"]["deepedit"] == [*OWN, "background"]

    trained = deepedit.run("train", "start", "deepedit", "--max-epochs", "1", "--follow")
    assert trained.code == 0, trained.stderr + trained.stdout
    assert (trained.document["state"], trained.document["epoch"]) == ("done", 1)
    published = deepedit.folder / "apps/radiology/model/deepedit_dynunet.pt"
    # One channel of the image, and one for the clicks on each label and on the background.
    assert json.loads(deepedit.python(SHAPE, str(published), "input_block"))[1] == len(OWN) + 2
    assert json.loads(deepedit.python(SHAPE, str(published), "output_block"))[0] == len(OWN) + 1

    again = deepedit.run("server", "restart", "--yes")
    assert again.code == 0, again.stderr + again.stdout
    assert again.document["labels"]["deepedit"] == [*OWN, "background"]
    assert "untrained" not in again.stderr
    deepedit.run("server", "stop", "--yes")

    refused = deepedit.run("server", "start", "--labels", "kidney")
    assert refused.document["error"]["code"] == "labels_changed"
    assert published.exists()
    other = deepedit.run("server", "start", "--labels", "kidney", "--replace-models")
    assert other.code == 0, other.stderr + other.stdout
    assert other.document["labels"]["deepedit"] == ["kidney", "background"]
    (aside,) = published.parent.glob("other-labels-*")
    assert (aside / published.name).exists()
    assert not published.exists()
