"""The lines of the server's output."""

# ruff: noqa: E501 (tables read better on one line)
from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.domain.log import lines as log
from tests.paths import MONAILABEL

ALL_LOGS = sorted(
    path.name.removeprefix("log_").removesuffix(".txt") for path in (MONAILABEL).glob("log_*.txt")
)


def test_a_server_line_is_taken_apart():
    record = log.parse_line(
        "[2026-11-23 17:08:17,116] [23664] [MainThread] [INFO] (monailabel.utils.async_tasks.task:41) - Train - x\n"
    )
    assert record == log.LogRecord(
        "Train - x",
        log.LineKind.SERVER,
        datetime(2026, 11, 23, 17, 8, 17, 116000),
        "INFO",
        "monailabel.utils.async_tasks.task",
        "MainThread",
        23664,
    )


@pytest.mark.parametrize(
    ("line", "kind", "message", "level"),
    [
        ("2026-11-23 17:08:28,630 - INFO - Epoch: 1/3", log.LineKind.HANDLER, "Epoch: 1/3", "INFO"),
        ("2026-11-23 17:08:28,630 - x.Trainer - WARNING - a - b", log.LineKind.HANDLER, "a - b", "WARNING"),
        ("2026-11-23 17:08:28,630 - WARNING - INFO - b", log.LineKind.HANDLER, "INFO - b", "WARNING"),
        ("2026-11-23 17:08:28,630 - INFO - a - b", log.LineKind.HANDLER, "a - b", "INFO"),
        ("[2023-04-08 05:20:58.448][ INFO](logger) - hello", log.LineKind.WORKER, "hello", "INFO"),
        ("[2026-11-23 17:28:43,574] [timeloop] [INFO] Starting Timeloop..", log.LineKind.SERVER, "Starting Timeloop..", "INFO"),
        ("Traceback (most recent call last):", log.LineKind.BARE, "Traceback (most recent call last):", ""),
        ("model:  10%|#\rmodel:  20%|##", log.LineKind.BARE, "model:  20%|##", ""),
        ("[2026-99-23 17:28:43,574] [1] [T] [INFO] (x:1) - y", log.LineKind.SERVER, "y", "INFO"),
        ("", log.LineKind.BARE, "", ""),
        ("\x1b[32m2026-11-23 17:08:28,630 - INFO - green\x1b[0m", log.LineKind.HANDLER, "green", "INFO"),
        ("[red]x[/] $(touch pwned)", log.LineKind.BARE, "[red]x[/] $(touch pwned)", ""),
    ],
)  # fmt: skip
def test_every_format_has_its_kind(line, kind, message, level):
    record = log.parse_line(line)
    assert (record.kind, record.message, record.level) == (kind, message, level)


def test_every_line_of_the_server_itself_is_recognised(log_lines):
    for name in ALL_LOGS:
        for line in log_lines(name):
            if line.startswith("[2026-"):
                record = log.parse_line(line)
                assert record.kind is log.LineKind.SERVER
                assert record.time is not None


def events(lines):
    return [event for line in lines if (event := log.event(log.parse_line(line))) is not None]


def test_a_training_reports_its_events(log_lines):
    parsed = events(log_lines("train_3epochs"))
    assert isinstance(parsed[0], log.TaskCommand)
    assert (parsed[0].kind, parsed[0].request["model"], parsed[0].request["max_epochs"]) == (
        "train",
        "deepedit",
        3,
    )
    assert parsed[1:3] == [log.Records(log.Role.TRAIN, 4), log.Records(log.Role.VALIDATE, 1)]
    assert log.Resumed(log.Role.TRAIN, 0, 0, 3) in parsed
    assert log.Iteration(1, 3, 1, 4, 3.5677) in parsed
    assert log.KeyMetric("val_mean_dice", 0.05797101557254791, 1) in parsed
    assert log.EpochComplete(log.Role.TRAIN, 1, 12.313) in parsed
    assert log.Published(
        "/workspace/apps/radiology/model/deepedit_dynunet/train_01/model.pt",
        "/workspace/apps/radiology/model/deepedit_dynunet.pt",
    ) in parsed  # fmt: skip
    assert isinstance(parsed[-2], log.TaskResult)
    assert parsed[-1] == log.ReturnCode(0)


def test_a_zoo_bundles_engines_are_known_by_what_they_do(log_lines):
    parsed = events(log_lines("train_zoo"))
    assert log.Resumed(log.Role.TRAIN, 0, 0, 2) in parsed
    assert log.Resumed(log.Role.VALIDATE, 0, 1, 2) in parsed
    assert [e.role for e in parsed if isinstance(e, log.EpochComplete)] == [
        log.Role.VALIDATE, log.Role.TRAIN, log.Role.VALIDATE, log.Role.TRAIN
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("logger", "role"),
    [
        ("ignite.engine.engine.SupervisedTrainer", log.Role.TRAIN),
        ("ignite.engine.engine.DetectionTrainer", log.Role.TRAIN),
        ("SupervisedTrainerMGPU", log.Role.TRAIN),
        ("ignite.engine.engine.DetectionEvaluator", log.Role.VALIDATE),
        ("EnsembleEvaluator", log.Role.VALIDATE),
        ("my.trainers.Engine", None),
    ],
)
def test_any_trainer_and_evaluator_has_its_role(logger, role):
    line = f"2026-11-23 17:08:28,630 - {logger} - INFO - Epoch[3] Complete. Time taken: 00:00:02.500"
    parsed = log.event(log.parse_line(line))
    assert parsed == (None if role is None else log.EpochComplete(role, 3, 2.5))


def test_an_inference_over_many_studies_reports_its_progress(log_lines):
    parsed = events(log_lines("batch_infer"))
    steps = [event for event in parsed if isinstance(event, log.BatchProgress)]
    assert [(step.image, step.done, step.total) for step in steps] == [
        ("case_005", 1, 5), ("case_006", 2, 5), ("case_007", 3, 5), ("named", 4, 5), ("new_001", 5, 5)
    ]  # fmt: skip
    at = datetime(2026, 11, 23, 17, 11, 50, 325000)
    assert log.LabelReceived("case_005", "original", at=at) in parsed
    assert log.LabelStored("case_005.nii.gz", at.replace(microsecond=326000)) in parsed


@pytest.mark.parametrize("study", ["a\x1b[31mb", "two\nlines", "it's", "it's \"", "back\\slash", "é\u202e"])
def test_a_study_has_the_same_id_in_the_output_as_in_the_list(study):
    head = "[2026-11-23 17:08:17,116] [1] [T] [INFO] "
    served = {"id": study, "path": "/'id': 'x'", "note": ""}
    line = f"{head}(monailabel.endpoints.activelearning:60) - Next sample: {served!r}"
    for cut in (line, line.replace("'note'", "<object>")):
        assert log.event(log.parse_line(cut)).image == study
    if "\n" not in study:  # the line is cut there, and the list has the label
        for message in (
            f"Saving Label for Image: {study}; Tag: final; Info: {{}}",
            f"Removing label: {study} => final",
        ):
            assert (
                log.event(log.parse_line(f"{head}(monailabel.datastore.local:486) - {message}")).image
                == study
            )


@pytest.mark.parametrize("text", ["nan", "-inf", "inf"])
def test_a_loss_or_metric_that_is_no_number_is_reported_as_such(text):
    loss = log.event(
        log.parse_line(f"2026-11-23 17:08:28,630 - INFO - Epoch: 1/3, Iter: 2/4 -- train_loss: {text}")
    )
    assert loss == log.Iteration(1, 3, 2, 4, None, not_a_number=True)
    line = f"2026-11-23 17:08:28,630 - INFO - Epoch[2] Metrics -- spleen_dice: 0.5 val_mean_dice: {text} "
    assert log.event(log.parse_line(line)) == log.Metrics(2, {"spleen_dice": 0.5}, ("val_mean_dice",))
    odd = log.event(
        log.parse_line("2026-11-23 17:08:28,630 - INFO - Epoch: 1/3, Iter: 2/4 -- train_loss: tensor")
    )
    assert odd == log.Iteration(1, 3, 2, 4, None)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("aorta_dice: 0.0000 inferior vena cava_dice: 0.25 val_mean_dice: 1e-3", {"aorta_dice": 0.0, "inferior vena cava_dice": 0.25, "val_mean_dice": 0.001}),
        ("a: nan b: inf c: -1 ", {"c": -1.0}),
        ("lesion: left_dice: 0.5", {"lesion: left_dice": 0.5}),
        ("", {}),
        ("no numbers here", {}),
    ],
)  # fmt: skip
def test_metrics_keep_the_names_they_have(text, values):
    line = f"2026-11-23 17:08:28,630 - INFO - Epoch[2] Metrics -- {text}"
    assert log.event(log.parse_line(line)).values == values


def test_a_reader_that_gives_up_is_not_yet_a_damaged_volume():
    line = "[2026-11-23 17:10:59,079] [1] [T] [INFO] (LoadImage:295) - ITKReader: unable to load ('/d/a.nii.gz',)."
    assert log.event(log.parse_line(line)) is None
    final = "RuntimeError: LoadImage cannot find a suitable reader for file: /d/it's (a) b.nii.gz."
    assert log.event(log.parse_line(final)) == log.Unreadable("/d/it's (a) b.nii.gz")


def test_only_the_server_is_believed_about_tasks():
    forged = "[2026-11-23 17:08:17,116] [1] [T] [INFO] (LoadImage:1) - Return code: 0"
    assert log.event(log.parse_line(forged)) is None


@given(
    st.text() | st.from_regex(r"\[2026-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] \[\d+\] \[.*\] \[INFO\] \(.*\) - .*")
)
def test_no_text_is_too_odd(text):
    record = log.parse_line(text)
    log.event(record)
    assert isinstance(record.message, str)


@given(st.sampled_from(ALL_LOGS), st.data())
def test_lines_cut_or_mangled_anywhere_are_taken(name, data):
    path = MONAILABEL / f"log_{name}.txt"
    line = data.draw(st.sampled_from(path.read_text().splitlines()[-150:]))
    start = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(start, len(line)))
    noise = data.draw(st.binary(max_size=20)).decode("utf-8", "replace")
    record = log.parse_line(line[:start] + noise + line[end:])
    log.event(record)
    assert record.kind in log.LineKind


def test_a_megabyte_on_one_line_is_no_burden():
    for text in (
        "a: " * 400_000,
        "Epoch[1] Metrics -- " + "x: 1 " * 200_000,
        "[" * 1_000_000,
        "{" * 1_000_000,
    ):
        record = log.parse_line(text)
        log.event(record)
        assert len(record.message) <= log.LONGEST
