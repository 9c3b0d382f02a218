"""The demo's GPU answers the queries of labeltui's agent, and is busy while a task runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labeltui.hosts.agent.remote.installation.probe import gpu_driver
from labeltui.hosts.agent.remote.load.metrics import Metrics
from labeltui.sandbox.monailabel.gpu import CPU, GPU, TASK_FILE, devices, remove_gpu, use_gpu, write_gpu


def test_its_meters_rise_while_a_task_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    write_gpu(tmp_path, tmp_path)
    assert gpu_driver() == ([GPU], "580.95.05", "")
    assert devices() == [GPU]
    (idle,), error = Metrics().gpus()
    assert error == ""
    assert (idle["name"], idle["utilisation_pct"]) == (GPU, 0)
    use_gpu()
    (busy,), _ = Metrics().gpus()
    assert busy["utilisation_pct"] > 80
    assert busy["memory_used_mib"] > idle["memory_used_mib"]
    (tmp_path / TASK_FILE).write_text("999999999")
    (ended,), _ = Metrics().gpus()
    assert ended["utilisation_pct"] == 0
    remove_gpu(tmp_path)
    assert not (tmp_path / "nvidia-smi").exists()
    assert devices() == [CPU]
