"""The problem in each recording is found and named, and no other line counts as a problem."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.domain.log.errors import ErrorIndex
from labeltui.domain.log.lines import parse_line
from labeltui.domain.log.meaning import Trouble, meaning
from tests.paths import MONAILABEL

ERROR = "[2026-11-23 17:08:17,116] [42] [MainThread] [ERROR] (uvicorn.error:416) - "
INFO = "[2026-11-23 17:08:17,116] [42] [MainThread] [INFO] (monailabel.datastore.local:594) - "


def lines(name: str) -> list[str]:
    return (MONAILABEL / name).read_bytes().decode("utf-8", "replace").split("\n")


def troubles(name: str) -> dict[Trouble, tuple[int, str]]:
    reader = ErrorIndex()
    found: dict[Trouble, tuple[int, str]] = {}
    for number, line in enumerate(lines(name)):
        problem = reader.feed(parse_line(line))
        if problem is not None:
            found.setdefault(problem.kind, (number, problem.means))
    return found


@pytest.mark.parametrize(
    ("name", "kind", "line", "names"),
    [
        ("log_FAIL_startup_port_in_use.txt", Trouble.PORT_TAKEN, "address already in use", "18000"),
        ("log_FAIL_startup_pretrained_offline.txt", Trouble.DOWNLOAD, "Download failed from", "radiology_deepedit"),
        ("log_FAIL_startup_sam2_offline.txt", Trouble.DOWNLOAD, "Download failed from", "sam2"),
        ("log_FAIL_startup_monaibundle_offline.txt", Trouble.DOWNLOAD, "Max retries exceeded", "download"),
        ("log_server_ssl.txt", Trouble.NO_LABELS, "num_samples=0", "submitted label"),
        ("log_train_error_corrupt_image.txt", Trouble.UNREADABLE, "cannot find a suitable", "corrupt_001.nii.gz"),
        ("log_server_auth_enabled.txt", Trouble.REQUEST_FAILED, "Exception in ASGI application", "HTTP 500"),
        ("log_server_dicomweb_label_fail.txt", Trouble.DICOMWEB, "/dicom-web/series", "DICOMweb"),
    ],
)  # fmt: skip
def test_found_in_its_recording(name: str, kind: Trouble, line: str, names: str) -> None:
    number, means = troubles(name)[kind]
    assert line in lines(name)[number]
    assert names in means


FAILURES = [
    ("RuntimeError: [enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you "
     "tried to allocate 400000000000000 bytes. Error code 12 (Cannot allocate memory)", "memory", "memory"),
    ("numpy.core._exceptions._ArrayMemoryError: Unable to allocate 728. TiB for an array with shape (10000000,)",
     "memory", "memory"),
    ("MemoryError", "memory", "memory"),
    ("RuntimeError: DataLoader worker (pid 17) is killed by signal: Bus error. It is possible that dataloader's "
     "workers are out of shared memory. Please try to raise your shared memory limit.",
     "shared_memory", "shared memory"),
    ("ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared memory (shm).",
     "shared_memory", "shared memory"),
    ("RuntimeError: unable to open shared memory object </torch_1_2_3> in read-write mode: No space left on device "
     "(28)", "shared_memory", "shared memory"),
    ("  exitcode  : -9 (pid: 17183)  (SIGKILL)", "killed", "signal 9"),
    ("E1126 15:33:32.000000 17170 torch/distributed/elastic/multiprocessing/api.py:984] failed (exitcode: -9) "
     "local_rank: 0 (pid: 17183) of binary: /workspace/venv/bin/python", "killed", "signal 9"),
    ("ValueError: The size of the proposed random crop ROI is larger than the image size, got ROI size (96, 96, 96) "
     "and label image size torch.Size([48, 48, 32]) respectively.", "crop_size", "(96, 96, 96)"),
    ("RuntimeError: Given groups=1, weight of size [4, 1, 3, 3, 3], expected input[1, 3, 16, 16, 16] to have 1 "
     "channels, but got 3 channels instead", "channels", "3 channels"),
    ("RuntimeError: Error(s) in loading state_dict for DynUNet:", "weights", "DynUNet"),
    ("RuntimeError: index 5 is out of bounds for dimension 1 with size 2", "label_index", "5"),
    ("IndexError: Target 7 is out of bounds.", "label_index", "7"),
    ("RuntimeError: CUDA error: device-side assert triggered", "label_index", "label"),
    ("FileNotFoundError: [Errno 2] No such file or directory: 'itkimage2segimage'", "dcmqi", "dcmqi"),
    ("/bin/sh: 1: itkimage2segimage: not found", "dcmqi", "dcmqi"),
    ("requests.exceptions.ConnectionError: HTTPConnectionPool(host='127.0.0.1', port=8042): Max retries exceeded with "
     "url: /pacs/rs/series?Modality=CT (Caused by NewConnectionError('Connection refused'))", "dicomweb", "DICOMweb"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "kind", "names"), FAILURES)
def test_a_failure_of_a_known_kind_is_explained(line: str, kind: str, names: str) -> None:
    explained = meaning(parse_line(line))
    assert explained is not None
    assert explained.kind == kind
    assert names in explained.means
    assert explained.todo


@pytest.mark.parametrize(
    "name",
    [
        "log_startup_radiology.txt",
        "log_train_3epochs.txt",
        "log_batch_infer.txt",
        "log_server_dicomweb_orthanc.txt",
    ],
)
def test_none_where_all_went_well(name: str) -> None:
    assert troubles(name) == {}


def test_a_kill_is_trouble_unless_somebody_stopped_the_task() -> None:
    killed = next(line for line in lines("log_train_killed.txt") if line.endswith("Return code: -9"))
    problem = meaning(parse_line(killed))
    assert problem is not None
    assert problem.kind is Trouble.KILLED
    assert troubles("log_train_killed.txt") == {}
    reader = ErrorIndex()
    assert reader.feed(parse_line(killed)) == problem


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", Trouble.GPU_MEMORY),
        ("RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB", Trouble.GPU_MEMORY),
        (ERROR + "CUDA error: out of memory", Trouble.GPU_MEMORY),
        ("OSError: [Errno 28] No space left on device: '/workspace/x'", Trouble.DISK_FULL),
        ("OSError: [Errno 122] Disk quota exceeded: '/workspace/labels/final/a.nii.gz'", Trouble.DISK_FULL),
        ("OSError: [Errno 122] Unknown error 122", Trouble.DISK_FULL),
        ("PermissionError: [Errno 13] Permission denied: '/workspace/labels'", Trouble.PERMISSION),
        ("ValueError: MLflow no longer supports the filesystem (file store) tracking backend; got", Trouble.MLFLOW),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/m/pretrained_deepedit.pt'", Trouble.DOWNLOAD),
        (INFO + "Adding New Image: CUDA out of memory", None),
        (INFO + "Adding New Image: Return code: -9", None),
        (INFO + "Return code: -9", None),
        ("    raise RuntimeError('CUDA out of memory')", None),
        ("patient says CUDA out of memory", None),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/tmp/a.dcm'", None),
    ],
)  # fmt: skip
def test_a_line_by_itself(line: str, kind: Trouble | None) -> None:
    problem = meaning(parse_line(line))
    assert (problem.kind if problem is not None else None) == kind


@given(
    st.text(),
    st.sampled_from(["", ERROR, "RuntimeError: ", "LoadImage cannot find a suitable reader for file: "]),
)
def test_any_text_is_taken_and_what_is_said_is_safe(text: str, head: str) -> None:
    problem = meaning(parse_line(head + text))
    assert problem is None or (problem.means.isprintable() and problem.todo.isprintable())


def test_braces_in_a_name() -> None:
    problem = meaning(
        parse_line(ERROR + "LoadImage cannot find a suitable reader for file: /a/{0}{x}\x1b[2J.nii")
    )
    assert problem is not None
    assert "/a/{0}{x} [2J.nii" in problem.means
