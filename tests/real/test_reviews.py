"""Reviews over a real MONAI Label server's API, as Slicer's MONAI Label Reviewer reads and writes them.

The Reviewer's own modules, which MONAI Label brings, read and write here; they need no Slicer.
"""

from __future__ import annotations

import json
import time
from typing import Any

from tests.real.test_restore import Served, served  # noqa: F401 (a fixture)

REVIEWER = """
import json, sys
url, plugins, study, params = sys.argv[1:]
sys.path.insert(0, plugins)
from MONAILabelReviewerLib import JsonParser, MonaiServerREST
server = MonaiServerREST(url)
if params:
    assert server.updateLabelInfo(study, "final", json.loads(params)) == 200
parser = JsonParser(server.requestDataStoreInfo())
parser.init()
one = parser.mapIdToImageData[study]
print(json.dumps({
    "status": one.getStatus(), "level": one.getLevel(), "comment": one.getComment(),
    "approvedBy": one.getApprovedBy(), "approved": one.isApproved(), "flagged": one.isFlagged(),
    "written": one.getMetaByVersionTag("final"),
}))
"""


def reviewer(at: Served, study: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
    """Let the Reviewer write ``params``, if any, and return what it shows of the study's final label."""
    plugins = at.bench.folder / "venv/monailabel/plugins/slicer/MONAILabelReviewer"
    printed = at.bench.python(REVIEWER, at.url, str(plugins), study, json.dumps(params) if params else "")
    return dict(json.loads(printed.splitlines()[-1]))


def stored(at: Served, study: str) -> dict[str, Any]:
    """The document of the final label, as the server lists it."""
    return dict(at.datastore()[study]["labels"]["final"]["info"])


def test_a_review_is_what_the_server_stores_and_the_reviewer_reads(served: Served) -> None:  # noqa: F811
    study, comment = min(served.datastore()), 'rim at z 12: "too thick", ä & 50% #1\nsecond line'
    served.submit("alice", study)
    before, begun = stored(served, study), int(time.time())
    words = ("--status", "approved", "--level", "hard", "--comment", comment)
    done = served.bench.run("studies", "review", study, *words)
    assert done.code == 0, done.stdout + done.stderr
    meta = stored(served, study)["segmentationMeta"]
    assert begun <= meta.pop("editTime") <= time.time()
    review = {"status": "approved", "approvedBy": "console", "level": "hard", "comment": comment}
    assert meta == review
    others = {name: value for name, value in stored(served, study).items() if name != "segmentationMeta"}
    assert others == {**before, "user": "admin"}  # MONAI Label notes its user at each change
    read = reviewer(served, study)
    assert {name: read[name] for name in review} == review
    assert (read["approved"], read["flagged"]) == (True, False)
    assert read["written"].keys() == {"segmentationMeta"}
    assert read["written"]["segmentationMeta"].keys() == {
        *review,
        "editTime",
    }  # what the Reviewer itself would write
    first = served.bench.run("studies", "list").document["studies"][0]
    assert (first["id"], first["review"]) == (study, "approved")
    assert first["size"] == (served.studies / f"{study}.nii.gz").stat().st_size

    eves = {"status": "flagged", "approvedBy": "eve", "level": "easy", "comment": "leak", "editTime": begun}
    assert reviewer(served, study, {"segmentationMeta": eves})["flagged"]
    (label,) = served.bench.run("studies", "show", study).document["labels"]
    assert label["review"] == eves
    assert served.bench.run("studies", "review", study, "--status", "approved").code == 0
    assert reviewer(served, study)["comment"] == "leak"  # what a review does not change stays
    assert served.bench.run("studies", "review", study, "--undo").code == 0
    assert reviewer(served, study)["flagged"]
    assert stored(served, study)["segmentationMeta"] == eves
