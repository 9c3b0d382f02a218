"""Two processes write one datastore file, as a server and a batch inference do: neither loses the other's labels."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pydantic

from labeltui.monailabel.serving.datastore import change_datastore


class Data(pydantic.BaseModel):
    ext: str = ".nii.gz"
    info: dict[str, Any] = {}


class Entry(pydantic.BaseModel):
    image: Data
    labels: dict[str, Data] = {}


class Model(pydantic.BaseModel):
    """MONAI Label's model of the file, as far as it is used."""

    objects: dict[str, Entry] = {}
    base_path: str = ""

    def image_path(self) -> str:
        return self.base_path

    def label_path(self, tag: str) -> str:
        return f"{self.base_path}/labels/{tag}"


def store_class() -> Any:
    class LocalDatastore:
        """Writes as MONAI Label's: all that it has in memory."""

        def __init__(self, folder: Path) -> None:
            self._datastore_config_path = str(folder / "datastore_v2.json")
            self._lock_file = str(folder / ".lock")
            self._config_ts = 0.0
            self._datastore = Model(base_path=str(folder))

        def add(self, study: str) -> None:
            Path(self._datastore.base_path, f"{study}.nii.gz").touch()
            self._datastore.objects[study] = Entry(image=Data())
            self._update_datastore_file()

        def read(self) -> None:
            path = Path(self._datastore_config_path)
            self._datastore = Model.model_validate_json(path.read_text())
            self._datastore.base_path = str(path.parent)
            self._config_ts = path.stat().st_mtime

        def save(self, study: str, tag: str, **info: Any) -> None:
            file = Path(self._datastore.label_path(tag), f"{study}.nii.gz")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
            self._datastore.objects[study].labels[tag] = Data(info=info)
            self._update_datastore_file()

        def delete(self, study: str, tag: str) -> None:
            Path(self._datastore.label_path(tag), f"{study}.nii.gz").unlink()
            del self._datastore.objects[study].labels[tag]
            self._update_datastore_file()

        def _update_datastore_file(self, lock: bool = True) -> None:
            path = Path(self._datastore_config_path)
            path.write_text(self._datastore.model_dump_json(exclude={"base_path"}))
            self._config_ts = path.stat().st_mtime

    module = SimpleNamespace(
        LocalDatastore=LocalDatastore, LocalDatastoreModel=Model, FileLock=lambda _path: nullcontext()
    )
    change_datastore(module)
    return LocalDatastore


def both(folder: Path) -> tuple[Any, Any]:
    kind = store_class()
    server, batch = kind(folder), kind(folder)
    for study in ("a", "b"):
        server.add(study)
    batch.read()
    return server, batch


def stored(folder: Path) -> dict[str, Any]:
    objects: dict[str, Any] = json.loads((folder / "datastore_v2.json").read_text())["objects"]
    return objects


def test_a_final_label_that_the_other_process_did_not_notice_stays_with_its_author(tmp_path: Path) -> None:
    server, batch = both(tmp_path)
    server.save("a", "final", ts=5, client_id="ana", label_info=[{"name": "liver", "idx": 1}])
    batch.save("b", "original", ts=6)
    server.save("b", "final", ts=7, client_id="ben")
    labels = {study: entry["labels"] for study, entry in stored(tmp_path).items()}
    assert labels["a"]["final"]["info"] == {
        "ts": 5, "client_id": "ana", "label_info": [{"name": "liver", "idx": 1}],
    }  # fmt: skip
    assert labels["b"].keys() == {"final", "original"}


def test_the_later_of_two_labels_stays_and_a_deleted_one_does_not_come_back(tmp_path: Path) -> None:
    server, batch = both(tmp_path)
    server.save("a", "final", ts=5, client_id="ana")
    server.save("b", "final", ts=5, client_id="ana")
    batch.read()
    server.save("a", "final", ts=9, client_id="ben")
    server.delete("b", "final")
    batch._datastore.objects["a"].labels["final"].info["sum"] = 7  # of the label before
    batch._datastore.objects["b"].labels.pop("final")
    batch.save("b", "original", ts=10)
    labels = {study: entry["labels"] for study, entry in stored(tmp_path).items()}
    assert labels["a"]["final"]["info"] == {"ts": 9, "client_id": "ben"}
    assert labels["b"].keys() == {"original"}


def test_scores_and_fetches_of_one_image_stay_side_by_side(tmp_path: Path) -> None:
    server, batch = both(tmp_path)
    server._datastore.objects["a"].image.info["strategy"] = {"first": {"client_id": "ana", "ts": 5}}
    server._update_datastore_file()
    batch._datastore.objects["a"].image.info.update(
        dice=0.5, strategy={"first": {"client_id": "ben", "ts": 1}}
    )
    batch._update_datastore_file()
    info = stored(tmp_path)["a"]["image"]["info"]
    assert info == {"strategy": {"first": {"client_id": "ana", "ts": 5}}, "dice": 0.5}


def test_a_file_that_can_not_be_read_is_written_anew(tmp_path: Path) -> None:
    server, batch = both(tmp_path)
    Path(tmp_path, "datastore_v2.json").write_text("{")
    server.save("a", "final", ts=5)
    assert stored(tmp_path)["a"]["labels"].keys() == {"final"}
    assert batch is not server
