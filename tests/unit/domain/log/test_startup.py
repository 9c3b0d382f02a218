"""How a server comes up, and why it did not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.domain.log.startup import StartupReader, cause_in, diagnose_exit


def test_the_phases_of_a_good_start_in_words(log_lines):
    reader = StartupReader()
    assert reader.phase == "importing"
    phases = [phase for line in log_lines("startup_radiology") if (phase := reader.feed(line))]
    assert phases == [
        "starting", "loading the app", "adding model deepedit", "adding model segmentation", "scanning studies",
        "adding tasks", "listening", "ready",
    ]  # fmt: skip
    assert reader.ready
    assert reader.url == "http://127.0.0.1:18000"


def test_a_download_is_a_phase():
    reader = StartupReader()
    assert reader.feed("pretrained.pt:  12%|#2   | 10.0M/80.0M [00:02<00:11]") == "downloading a model"


FAILURES = [
    ("badmodel", "unknown_model", "no model bogus", "deepgrow_2d"),
    ("dicomweb061", "dependencies", "dicomweb-client", "labeltui setup"),
    ("dicomweb_dcmqi_offline", "download_failed", "dcmqi", "labeltui setup"),
    ("monaibundle_localbundle_offline", "download_failed", "model zoo", "--conf zoo_source ngc"),
    ("monaibundle_offline", "download_failed", "model zoo", "--conf zoo_source ngc"),
    ("port_in_use", "port_taken", "Port 18000", "server.port"),
    (
        "pretrained_offline",
        "download_failed",
        "radiology_deepedit_dynunet_multilabel.pt",
        "models push MODEL --pretrained",
    ),
    ("pydicom3", "dependencies", "pydicom 3", "labeltui setup"),
    ("radiology_nomodel", "no_model", "No model", "deepedit"),
    ("sam2_offline", "download_failed", "SAM2", "--conf sam2 false"),
    ("torchvision_nms", "dependencies", "torchvision", "labeltui setup"),
]


def test_the_cause_is_read_from_the_exception_and_not_from_the_code_that_raised_it():
    lines = [
        "Traceback (most recent call last):",
        '  File "/app/server.py", line 123, in _crash',
        '    raise RuntimeError("CUDA error: an illegal memory access was encountered")',
        "RuntimeError: CUDA error: an illegal memory access was encountered",
    ]
    problem = diagnose_exit(lines, 1)
    assert problem.message == "The GPU cannot be used: an illegal memory access was encountered."
    assert cause_in(lines[2]) is None
    assert cause_in(lines[3]) is not None


@pytest.mark.parametrize(("name", "code", "message", "hint"), FAILURES)
def test_every_failed_start_has_its_cause_in_one_line(log_lines, name, code, message, hint):
    problem = diagnose_exit(log_lines(f"FAIL_startup_{name}"), 3)
    assert problem.code == code
    assert message in problem.message
    assert hint in problem.hint
    assert "\n" not in problem.message
    if code not in ("port_taken",):
        assert "Traceback" in problem.detail


@pytest.mark.parametrize(("name", "code"), [(name, code) for name, code, _, _ in FAILURES])
def test_a_failed_start_is_detected_as_it_is_read(log_lines, name, code):
    reader = StartupReader()
    for line in log_lines(f"FAIL_startup_{name}"):
        reader.feed(line)
    assert not reader.ready


@pytest.mark.parametrize(
    ("lines", "code", "wanted", "said"),
    [
        (["working"], -9, "killed", "signal 9"),
        (["working"], 137, "killed", "signal 9"),
        (["working"], -15, "killed", "signal 15"),
        (["working"], -11, "crashed", "segmentation fault"),
        (["APP Directory /x y/app NOT Found"], 1, "app_missing", "/x y/app"),
        (["STUDIES Path/Directory NOT provided"], 1, "studies_missing", "No studies"),
        (["main.py: error: unrecognized arguments: b c"], 2, "usage", "b c"),
        (["/r/venv/bin/python: No module named monailabel.main"], 1, "not_installed", "not installed"),
        (["/r/venv/bin/python: No module named monailabel"], 1, "not_installed", "not installed"),
        ([], 127, "not_installed", "not installed"),
        (["OSError: [Errno 28] No space left on device"], 3, "disk_full", "full"),
        (["OSError: [Errno 122] Disk quota exceeded: '/workspace/x'"], 3, "disk_full", "full"),
        (["torch.OutOfMemoryError: CUDA out of memory. Tried"], 1, "gpu_memory", "memory"),
        (["ValueError: bad \x1b]0;t\x07 thing"], 1, "crashed", "ValueError: bad  ]0;t  thing"),
        ([], 5, "crashed", "exit code 5: it printed nothing"),
        ([], None, "crashed", "ended: it printed nothing"),
    ],
)
def test_other_ends_have_words_too(lines, code, wanted, said):
    problem = diagnose_exit(lines, code)
    assert problem.code == wanted
    assert said in problem.message
    assert problem.message.isprintable()


@pytest.mark.parametrize("code", [-9, 137])
@pytest.mark.parametrize(
    ("memory_pct", "message", "hint"),
    [
        (None, "who or what sent it is unknown", "dmesg"),
        (16.4, "who or what sent it is unknown", "16 % full"),
        (97.0, "because memory ran out: it was 97 % full", "memory"),
    ],
)
def test_memory_is_blamed_for_a_kill_only_if_it_was_full(code, memory_pct, message, hint):
    problem = diagnose_exit([], code, memory_pct)
    assert problem.code == "killed"
    assert message in problem.message
    assert hint in problem.hint


def test_errors_long_survived_are_not_the_cause_of_a_crash():
    old = ["Download failed from http://old"] + [
        "[2026-11-23 17:08:17,116] [1] [T] [INFO] (x:1) - fine"
    ] * 200
    problem = diagnose_exit([*old, "Fatal Python error: Aborted"], -6)
    assert problem.code == "crashed"
    assert "signal 6" in problem.message


@given(st.lists(st.text()), st.none() | st.integers(-64, 255))
def test_any_output_gets_an_explanation(lines, code):
    reader = StartupReader()
    for line in lines:
        reader.feed(line)
    problem = diagnose_exit(lines, code)
    assert problem.code
    assert problem.message.isprintable()
    assert problem.hint
