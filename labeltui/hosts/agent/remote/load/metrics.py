"""Load of the host: GPU, CPU, memory and disk, within the container's limits if there are any."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import threading
import time
from typing import Any

from labeltui.hosts.agent.remote.files import expand, read_text
from labeltui.hosts.agent.remote.wire import Send

CGROUP = "/sys/fs/cgroup"
GPU_FIELDS = "index,name,memory.used,memory.total,utilization.gpu,temperature.gpu,power.draw"
NO_GPU_S = 60.0  # pause before a host without nvidia-smi is checked for a GPU again


def number(text: str) -> float | None:
    """Parse a number that a tool printed; None for "[N/A]" and the like."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def whole(text: str) -> int | None:
    """Parse a number as :func:`number` does, and round it down to an int."""
    value = number(text)
    return None if value is None else int(value)


class Metrics:
    """Takes samples. The CPU load is the average since the previous sample, in percent."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.before: tuple[float, float] | None = None
        self.last_pct: float | None = None
        self.no_gpu_until = 0.0

    def sample(self, disk_path: str = "/") -> dict[str, Any]:
        """Take one sample. The disk is the volume of ``disk_path``."""
        with self.lock:
            result: dict[str, Any] = {"cpu_pct": self.cpu_pct(), "cpu_count": self.cpu_limit()[1]}
            result["memory_used"], result["memory_total"] = self.memory()
            result["disk_used"], result["disk_total"], result["disk_path"] = self.disk(disk_path)
            result["gpus"], result["gpu_error"] = self.gpus()
            return result

    def cpu_limit(self) -> tuple[float | None, int | None]:
        """Return the container's CPU limit in cores (None without a limit), and the number of cores to report."""
        quota, _, period = read_text(CGROUP + "/cpu.max").strip().partition(" ")
        if not quota:
            quota = read_text(CGROUP + "/cpu/cpu.cfs_quota_us").strip()
            period = read_text(CGROUP + "/cpu/cpu.cfs_period_us").strip()
        allowed, each = whole(quota), whole(period)
        if allowed and each and allowed > 0:
            cores = allowed / each
            return cores, max(1, math.ceil(cores))
        return None, os.cpu_count()

    def cpu_counters(self) -> tuple[float, float] | None:
        """Return the growing counters (busy, total) of CPU time, in any unit. None if the system has none."""
        cores = self.cpu_limit()[0]
        if cores is not None:
            found = re.search(r"usage_usec (\d+)", read_text(CGROUP + "/cpu.stat"))
            if found:
                return float(found.group(1)) / 1e6, time.monotonic() * cores
            used = number(read_text(CGROUP + "/cpuacct/cpuacct.usage").strip())
            if used is not None:
                return used / 1e9, time.monotonic() * cores
        ticks = [int(t) for t in read_text("/proc/stat").partition("\n")[0].split()[1:9]]
        return (sum(ticks) - ticks[3] - ticks[4], sum(ticks)) if len(ticks) == 8 else None

    def cpu_pct(self) -> float | None:
        """Return the load of all cores since the last call, from 0 to 100 percent."""
        before = self.before
        if before is None:
            before = self.cpu_counters()
            time.sleep(0.1)
        now = self.cpu_counters()
        if now is None or before is None or now[1] <= before[1]:
            return self.last_pct  # the counters have not changed since the last call
        self.before = now
        self.last_pct = round(min(100.0, max(0.0, 100.0 * (now[0] - before[0]) / (now[1] - before[1]))), 1)
        return self.last_pct

    def memory(self) -> tuple[int | None, int | None]:
        """Return (used, total) in bytes; None if unknown."""
        lines = dict(re.findall(r"(\w+):\s+(\d+) kB", read_text("/proc/meminfo")))
        if "MemTotal" not in lines:
            return None, None
        total = int(lines["MemTotal"]) * 1024  # kB in the file
        used = total - int(lines.get("MemAvailable") or lines.get("MemFree") or 0) * 1024
        for limit, usage, detail, cache in (
            ("/memory.max", "/memory.current", "/memory.stat", r"^inactive_file (\d+)"),
            ("/memory/memory.limit_in_bytes", "/memory/memory.usage_in_bytes", "/memory/memory.stat",
             r"^total_inactive_file (\d+)"),
        ):  # fmt: skip
            allowed, taken = (whole(read_text(CGROUP + name).strip()) for name in (limit, usage))
            if allowed and taken is not None and allowed < total:
                cached = re.search(cache, read_text(CGROUP + detail), re.MULTILINE)
                return max(0, taken - (int(cached.group(1)) if cached else 0)), allowed
        return used, total

    def disk(self, path: str) -> tuple[int | None, int | None, str]:
        """Return (used, total) in bytes, and the existing part of the path."""
        there = expand(path).absolute()
        while not there.exists():
            there = there.parent
        try:
            found = os.statvfs(there)
        except OSError:
            return None, None, str(there)
        free = found.f_bavail * found.f_frsize
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        return used, used + free, str(there)

    def gpus(self) -> tuple[list[dict[str, Any]], str]:
        """Return the GPUs and an error text, which is empty if nvidia-smi answered or does not exist."""
        if time.monotonic() < self.no_gpu_until:
            return [], ""
        tool = shutil.which("nvidia-smi")
        if tool is None:
            self.no_gpu_until = time.monotonic() + NO_GPU_S
            return [], ""
        try:
            done = subprocess.run(
                [tool, "--query-gpu=" + GPU_FIELDS, "--format=csv,noheader,nounits"], check=False,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=5,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return [], "nvidia-smi did not answer within 5 s."
        except OSError as error:
            return [], f"nvidia-smi can't be run: {error.strerror}."
        text = done.stdout.decode("utf-8", "replace")
        if done.returncode != 0:
            said = text.strip().splitlines() or [f"exit code {done.returncode}"]
            return [], "nvidia-smi failed: " + said[0][:200]
        return [gpu for gpu in map(self.gpu, text.splitlines()) if gpu is not None], ""

    def gpu(self, line: str) -> dict[str, Any] | None:
        """Parse one line of nvidia-smi; None if it is malformed."""
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) < 7 or whole(cells[0]) is None:
            return None
        cells[1:-5] = [", ".join(cells[1:-5])]
        return {
            "index": whole(cells[0]), "name": cells[1], "memory_used_mib": whole(cells[2]),
            "memory_total_mib": whole(cells[3]), "utilisation_pct": number(cells[4]),
            "temperature_c": number(cells[5]), "power_w": number(cells[6]),
        }  # fmt: skip


class MetricsWatch:
    """Sends a sample at a fixed interval."""

    def __init__(self, metrics: Metrics, send: Send) -> None:
        self.metrics, self.send = metrics, send
        self.change = threading.Event()
        self.interval_s, self.disk_path = 0.0, "/"

    def set(self, interval_s: float, disk_path: str = "/") -> dict[str, Any]:
        """Set the interval in seconds; 0 stops sampling."""
        self.interval_s, self.disk_path = float(interval_s), disk_path
        self.change.set()
        return {}

    def run(self) -> None:
        """Sample until the process ends."""
        while True:
            self.change.wait(max(0.2, self.interval_s) if self.interval_s > 0 else None)
            self.change.clear()
            if self.interval_s > 0:
                try:
                    self.send(dict(self.metrics.sample(self.disk_path), ev="metrics"))
                except Exception as error:
                    self.send({"ev": "metrics", "error": f"{type(error).__name__}: {error}"})
