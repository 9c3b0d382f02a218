"""The command line that starts a server."""

from __future__ import annotations

import pytest

from labeltui.monailabel.launch import ServerOptions, expand, launch
from labeltui.monailabel.serving.settings import VARIABLE, Settings


def pairs(argv):
    return [tuple(argv[i + 1 : i + 3]) for i, word in enumerate(argv) if word == "--conf"]


def test_a_profile_becomes_a_launch():
    made = launch(
        ServerOptions("/workspace/labeltui", models=("deepedit", "segmentation"), studies="/data/my studies",
                      conf={"use_pretrained_model": "false"}, env={"X": "1"}),
        home="/root", path="/usr/bin",
    )  # fmt: skip
    assert made.argv == (
        "/workspace/labeltui/venv/bin/python", "-m", "monailabel.main", "start_server",
        "--app", "/workspace/labeltui/apps/radiology", "--studies", "/data/my studies",
        "--conf", "models", "deepedit,segmentation", "--conf", "sam2", "false",
        "--conf", "use_pretrained_model", "false", "--host", "127.0.0.1", "--port", "8000", "--workers", "1",
    )  # fmt: skip
    assert made.env["PATH"] == "/workspace/labeltui/venv/bin:/usr/bin"
    assert made.env["MONAI_LABEL_TRACKING_ENABLED"] == "false"
    assert made.env["PYTHONUNBUFFERED"] == made.env["X"] == "1"
    assert made.cwd == "/workspace/labeltui/run"
    assert made.meta["models"] == ("deepedit", "segmentation")


def test_the_profile_wins_over_defaults():
    made = launch(
        ServerOptions("~/x", conf={"sam2": "true", "models": "all"}, env={"MONAI_LABEL_TRACKING_ENABLED": "true"}),
        home="/home/me",
    )  # fmt: skip
    assert pairs(made.argv) == [("models", "all"), ("sam2", "true")]
    assert made.env["MONAI_LABEL_TRACKING_ENABLED"] == "true"
    assert made.meta["models"] == ("all",)


def test_a_password_is_never_on_the_command_line_nor_stored():
    options = ServerOptions(
        "~/x", studies="https://pacs/dicom-web", dicomweb_user="me", dicomweb_password="s3cret"
    )
    made = launch(options, home="/home/me")
    assert made.env["MONAI_LABEL_DICOMWEB_PASSWORD"] == "s3cret"
    assert made.env["MONAI_LABEL_DICOMWEB_USERNAME"] == "me"
    assert "s3cret" not in repr(made.argv) + repr(made.meta) + made.cwd
    assert made.argv[7] == "https://pacs/dicom-web"


def test_a_dicomweb_server_learns_that_a_study_is_finished():
    url, variable = "https://pacs/dicom-web", "MONAI_LABEL_DICOMWEB_CACHE_EXPIRY"
    made = launch(ServerOptions("~/x", studies=url), home="/h")
    assert (made.env[variable], made.meta["dicomweb_cache_s"]) == ("5", 5)
    chosen = launch(ServerOptions("~/x", studies=url, dicomweb_cache_s=60), home="/h")
    assert (chosen.env[variable], chosen.meta["dicomweb_cache_s"]) == ("60", 60)
    by_variable = launch(ServerOptions("~/x", studies=url, env={variable: "90"}), home="/h")
    assert (by_variable.env[variable], by_variable.meta["dicomweb_cache_s"]) == ("90", 90)
    folder = launch(ServerOptions("~/x"), home="/h")
    assert variable not in folder.env
    assert "dicomweb_cache_s" not in folder.meta


def test_the_modality_of_dicomweb_is_given_and_a_variable_overrides_it() -> None:
    url, variable = "https://pacs/dicom-web", "MONAI_LABEL_DICOMWEB_SEARCH_FILTER"
    assert launch(ServerOptions("~/x", studies=url), home="/h").env[variable] == '{"Modality": "CT"}'
    chosen = launch(ServerOptions("~/x", studies=url, dicomweb_modality="MR"), home="/h")
    assert chosen.env[variable] == '{"Modality": "MR"}'
    own = ServerOptions("~/x", studies=url, env={variable: '{"StudyDate": "20260101"}'})
    assert launch(own, home="/h").env[variable] == '{"StudyDate": "20260101"}'
    assert variable not in launch(ServerOptions("~/x", studies="~/studies"), home="/h").env


@pytest.mark.parametrize(
    ("app", "folder"),
    [
        ("radiology", "/h/labeltui/apps/radiology"),
        ("~/apps/mine", "/h/apps/mine"),
        ("/opt/my app", "/opt/my app"),
        ("work/app", "/h/work/app"),
    ],
)
def test_an_app_is_a_name_or_a_path(app, folder):
    assert launch(ServerOptions("~/labeltui", app=app), home="/h").argv[5] == folder


def test_public_listens_everywhere():
    assert "0.0.0.0" in launch(ServerOptions("~/x", expose="public"), home="/h").argv
    assert "0.0.0.0" not in launch(ServerOptions("~/x"), home="/h").argv


@pytest.mark.parametrize(
    ("path", "full"),
    [("~", "/h"), ("~/a b", "/h/a b"), ("x/../y", "/h/y"), ("/z/", "/z"), ("~other/x", "/h/~other/x")],
)
def test_paths_start_at_the_hosts_home(path, full):
    assert expand(path, "/h") == full


def test_the_worklists_settings_reach_the_server_and_every_console():
    options = ServerOptions("~/x", studies="/data", client_id="console", env={"PYTHONPATH": "/mine"})
    made = launch(options, home="/h", serving="/h/x/run/serving-1.zip")
    assert made.argv[1:4] == ("-m", "monailabel.main", "start_server")  # so that the agent knows the server
    assert made.argv[-2:] == ("--uvicorn_app", "labeltui_serving.web:app")
    assert made.env["PYTHONPATH"] == "/h/x/run/serving-1.zip:/mine"
    settings = Settings.of(made.env[VARIABLE])
    assert (settings.base, settings.hold_s, settings.ignored) == ("random", 5400.0, ("console",))
    assert made.meta["worklist"] == str(settings.edits)
    assert str(settings.edits).startswith("/h/x/run/worklist-")
    other = launch(ServerOptions("~/x", studies="/other"), home="/h", python_path="/hosts", serving="/z")
    assert other.env["PYTHONPATH"] == "/z:/hosts"
    assert other.meta["worklist"] != made.meta["worklist"]


def test_the_worklist_by_scores_lets_the_app_compute_them_unless_the_profile_forbids_it():
    scored = launch(ServerOptions("~/x", worklist="epistemic", conf={"skip_scoring": "true"}), home="/h")
    given = dict(pairs(scored.argv))
    assert (given["epistemic_enabled"], given["skip_strategies"], given["skip_scoring"]) == (
        "true",
        "false",
        "true",
    )
    for options in (ServerOptions("~/x"), ServerOptions("~/x", app="monaibundle", worklist="epistemic")):
        assert "epistemic_enabled" not in dict(pairs(launch(options, home="/h").argv))


def test_without_a_worklist_monai_label_keeps_its_strategies():
    off = launch(ServerOptions("~/x", worklist="off"), home="/h", serving="/z")
    assert VARIABLE not in off.env
    assert "worklist" not in off.meta
    assert "--uvicorn_app" not in launch(ServerOptions("~/x"), home="/h").argv
