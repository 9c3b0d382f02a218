"""The stand-in's REST against recordings of the real 0.8.5: same statuses, same kinds of body, same keys."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.services.sandbox.sandbox_server import Running, recording, until

Do = Callable[[httpx.Client], httpx.Response]

# Numbers that may be whole in one answer and not in the other are the same to a client.
_KINDS = {int: "number", float: "number", str: "text", bool: "flag", type(None): "null"}


def shape(value: Any) -> Any:
    """Keys and kinds of values, without the values; a list is as its first item."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return _KINDS[type(value)]


def kind(content_type: str) -> str:
    return content_type.partition(";")[0]


def same(answer: httpx.Response, name: str) -> None:
    recorded = recording(name)
    assert answer.status_code == recorded["status"]
    headers = recorded["headers"]
    if "content-type" in headers and not name.startswith("model_download"):
        assert kind(answer.headers["content-type"]) == kind(headers["content-type"])
    for header in ("allow", "content-disposition", "access-control-allow-origin"):
        assert (header in answer.headers) == (header in headers)


def form(**params: Any) -> dict[str, Any]:
    return {"files": {"params": (None, json.dumps(params))}}


EXACT: dict[str, Do] = {
    "image_info_unknown": lambda c: c.get("/datastore/image/info", params={"image": "nope"}),
    "image_download_unknown": lambda c: c.get("/datastore/image", params={"image": "nope"}),
    "label_get_unknown": lambda c: c.get("/datastore/label", params={"label": "spleen_018", "tag": "final"}),
    "activelearning_epistemic": lambda c: c.post("/activelearning/deepedit_epistemic", json={}),
    "image_delete_unknown": lambda c: c.delete("/datastore/image", params={"id": "nope"}),
    "train_none": lambda c: c.get("/train/"),
    "train_none_all": lambda c: c.get("/train/?all=true"),
    "train_none_check": lambda c: c.get("/train/?check_if_running=true"),
    "train_delete_none": lambda c: c.delete("/train/"),
    "scoring_none": lambda c: c.get("/scoring/"),
    "batch_infer_none": lambda c: c.get("/batch/infer"),
    "err_bad_query": lambda c: c.get("/train/?all=maybe"),
    "err_datastore_bad_output": lambda c: c.get("/datastore/?output=bogus"),
    "err_malformed_json_train": lambda c: c.post("/train/deepedit", content=b"{not json"),
    "err_wrong_type_train": lambda c: c.post("/train/deepedit", json=[1, 2]),
    "err_method": lambda c: c.post("/info/"),
    "err_unknown_route": lambda c: c.get("/nope"),
    "infer_no_image": lambda c: c.post("/infer/deepedit"),
    "infer_unknown_model": lambda c: c.post("/infer/nope?image=spleen_002"),
    "infer_unknown_image": lambda c: c.post("/infer/deepedit?image=nope"),
    "infer_bad_params": lambda c: c.post(
        "/infer/deepedit?image=spleen_002", files={"params": (None, "{bad"), "x": (None, "")}
    ),
    "model_get_unknown": lambda c: c.get("/model/nope"),
    "model_info_deepedit": lambda c: c.get("/model/info/deepedit"),
    "session_get_unknown": lambda c: c.get("/session/nope"),
    "reload": lambda c: c.post("/reload"),
}


@pytest.mark.parametrize("name", EXACT)
def test_answers_exactly_as_recorded(shared: Running, name: str) -> None:
    answer = EXACT[name](shared.client)
    same(answer, name)
    body = recording(name)["body"]
    if isinstance(body, dict) and "_text" in body:
        assert answer.text == body["_text"]
    else:
        assert answer.json() == body


SHAPED: dict[str, Do] = {
    "datastore_stats": lambda c: c.get("/datastore/?output=stats"),
    "datastore_default": lambda c: c.get("/datastore/"),
    "datastore_train": lambda c: c.get("/datastore/?output=train"),
    "image_info": lambda c: c.get("/datastore/image/info", params={"image": "spleen_006"}),
    "image_info_put": lambda c: c.put(
        "/datastore/image/info", params={"image": "spleen_009"}, data={"info": '{"note": "hello"}'}
    ),
    "infer_deepedit_seg_image": lambda c: c.post("/infer/deepedit_seg?image=spleen_002&output=image"),
    "infer_deepedit_seg_all": lambda c: c.post("/infer/deepedit_seg?image=spleen_002"),
    "image_head": lambda c: c.head("/datastore/image", params={"image": "spleen_002"}),
    "image_download": lambda c: c.get("/datastore/image", params={"image": "spleen_002"}),
    "logs_lines5_html": lambda c: c.get("/logs/?lines=5"),
    "head_info": lambda c: c.head("/info/"),
    "cors_preflight": lambda c: c.options(
        "/info/", headers={"Origin": "http://example.org", "Access-Control-Request-Method": "GET"}
    ),
}


@pytest.mark.parametrize("name", SHAPED)
def test_answers_in_the_recorded_shape(shared: Running, name: str) -> None:
    answer = SHAPED[name](shared.client)
    same(answer, name)
    body = recording(name)["body"]
    if not (isinstance(body, dict) and any(key.startswith("_") for key in body)):
        assert shape(answer.json()) == shape(body)


def test_info_describes_models_and_trainers_as_the_real_one(shared: Running) -> None:
    recorded, said = recording("info")["body"], shared.client.get("/info/").json()
    assert list(said) == list(recorded)
    for part in ("models", "trainers"):
        for name in said[part]:
            assert said[part][name] == recorded[part][name]
    assert said["strategies"] == recorded["strategies"]
    assert said["train_stats"] == {"deepedit": {}}
    assert (said["name"], said["version"]) == (recorded["name"], recorded["version"])


def test_the_whole_datastore_has_the_recorded_shape(shared: Running) -> None:
    recorded, said = recording("datastore_all")["body"], shared.client.get("/datastore/?output=all").json()
    assert list(said) == list(recorded)
    assert shape(said["objects"]["spleen_002"]) == shape(recorded["objects"]["case_000"])
    assert shape(said["objects"]["spleen_010"]) == shape(recorded["objects"]["case_005"])
    assert shape(said["objects"]["spleen_018"]["labels"]) == {}
    on_disk = json.loads((shared.files.studies / "datastore_v2.json").read_text())
    assert on_disk == said


def test_an_answer_without_slash_is_a_redirect(shared: Running) -> None:
    answer = shared.client.get("/info", follow_redirects=False)
    same(answer, "err_no_slash_info")
    assert answer.headers["location"].endswith("/info/")


def test_the_next_sample_is_written_down(server: Callable[..., Running]) -> None:
    running = server()
    first = running.client.post("/activelearning/first", json={"client_id": "ana"}).json()
    again = running.client.post("/activelearning/first", json={"client_id": "ben"}).json()
    chosen = running.client.post("/activelearning/random", json={"client_id": "ana"}).json()
    assert again["id"] == first["id"]
    assert shape(again)["strategy"] == {"first": {"ts": "number", "client_id": "text"}}
    assert set(recording("activelearning_random")["body"]) <= set(chosen)
    objects = running.client.get("/datastore/?output=all").json()["objects"]
    assert objects[first["id"]]["image"]["info"]["strategy"]["first"]["client_id"] == "ben"


def test_nothing_is_left_to_label(server: Callable[..., Running]) -> None:
    running = server(labelled=12)
    assert running.client.post("/activelearning/random", json={}).json() == {}


def test_images_and_labels_come_and_go(server: Callable[..., Running], tmp_path: Path) -> None:
    running = server()
    client, data = running.client, (running.files.studies / "spleen_002.nii.gz").read_bytes()
    upload = {"file": ("named.upload.nii.gz", data)}
    answer = client.put("/datastore/image", files=upload, data={"params": '{"client_id": "ana"}'})
    same(answer, "image_put_noid")
    assert answer.json() == {"image": "named"}
    label = {"label": ("some.nii.gz", data), "params": (None, '{"client_id": "ana"}')}
    saved = client.put("/datastore/label?image=named", files=label)
    same(saved, "label_put")
    assert saved.json() == {"image": "named", "label": "named"}
    got = client.get("/datastore/label?label=named&tag=final")
    same(got, "label_get")
    assert got.content == data
    info = client.get("/datastore/label/info?label=named&tag=final").json()
    assert set(info) == {"client_id", "ts", "name"}
    same(client.put("/datastore/label?image=nope", files=label), "label_put_unknown_image")
    same(client.head("/datastore/label?image=named&tag=final"), "label_head_image_param")
    same(client.delete("/datastore/label?id=named&tag=final"), "label_delete")
    for unknown in ("id=named&tag=original", "id=nope&tag=final"):
        same(client.delete(f"/datastore/label?{unknown}"), "label_delete")
    until(lambda: not client.get("/datastore/?output=all").json()["objects"]["named"]["labels"])
    assert client.delete("/datastore/image?id=named").json() == {}
    until(lambda: "named" not in client.get("/datastore/?output=all").json()["objects"])


def test_a_file_dropped_into_the_folder_is_noticed(server: Callable[..., Running]) -> None:
    running = server()
    data = (running.files.studies / "spleen_002.nii.gz").read_bytes()
    (running.files.studies / "dropped.nii.gz").write_bytes(data)
    until(lambda: running.client.get("/datastore/").json()["total"] == 13)
    assert "Adding New Image: dropped => dropped.nii.gz" in running.log.read_text()


def test_a_label_cannot_leave_the_studies(server: Callable[..., Running]) -> None:
    running = server()
    label = {"label": ("some.nii.gz", b"x"), "params": (None, "{}")}
    answer = running.client.put("/datastore/label?image=spleen_018&tag=../../../out", files=label)
    assert answer.status_code == 500
    assert not list(running.files.home.rglob("out"))


def test_log_tail_and_ranges(shared: Running) -> None:
    tail = shared.client.get("/logs/?lines=5&text=true")
    same(tail, "logs_lines5_text")
    assert len(tail.text.splitlines()) == 5
    whole = (shared.files.folder / "apps" / "radiology" / "logs" / "app.log").read_bytes()
    part = shared.client.get("/logs/?lines=0", headers={"Range": "bytes=10-49"})
    assert part.status_code == 206
    assert part.content == whole[10:50]
    assert b"Uvicorn running" not in whole
    assert b"Uvicorn running" in shared.log.read_bytes()


def test_upload_sessions(shared: Running) -> None:
    made = shared.client.put("/session/?expiry=120", files={"files": ("a.nii.gz", b"data")})
    same(made, "session_put")
    assert shape(made.json()) == shape(recording("session_put")["body"])
    name = made.json()["session_id"]
    assert made.json()["session_info"]["expiry"] == 120
    assert shared.client.get(f"/session/{name}").json() == made.json()["session_info"]
    same(shared.client.delete(f"/session/{name}"), "session_delete")
    assert shared.client.get(f"/session/{name}").status_code == 404
