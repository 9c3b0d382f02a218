"""Background tasks as in MONAI Label: one child process per task, one running task per method."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import uuid
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from labeltui.sandbox.monailabel import settings as standin
from labeltui.sandbox.monailabel.log import say
from labeltui.sandbox.monailabel.settings import Settings
from labeltui.support.pipes import piped

Task = dict[str, Any]
_UTILS = "monailabel.utils.async_tasks.utils"


class AlreadyRunning(Exception):
    """A task with this method is running already. The message is the real server's."""


class Tasks:
    """The tasks of one server process. Methods are ``train``, ``scoring`` and ``batch_infer``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tasks: dict[str, list[Task]] = {}
        self._processes: dict[str, dict[str, subprocess.Popen[str]]] = {}
        self._executors: dict[str, ThreadPoolExecutor] = {}
        self._lock = threading.Lock()

    def submit(self, method: str, request: dict[str, Any], *, enqueue: bool = False) -> Task:
        """Queue a task. Raises :class:`AlreadyRunning` if one is running and ``enqueue`` is False.

        As in the real server, only a started process counts, so two simultaneous requests are both accepted.
        """
        if self._processes.get(method) and not enqueue:
            message = f"++++++++++ {method.capitalize()} Task is Already Running"
            say("monailabel.utils.async_tasks.task:25", message)
            raise AlreadyRunning(message)
        say("monailabel.utils.async_tasks.task:41", f"{method.capitalize()} request: {request}")
        task: Task = {"id": str(uuid.uuid4()), "status": "SUBMITTED", "request": request, "start_ts": _now()}
        self._tasks.setdefault(method, []).append(task)
        executor = self._executors.setdefault(method, ThreadPoolExecutor(max_workers=1))
        executor.submit(self._run, task, method)
        return task

    def all(self, method: str) -> list[Task]:
        """All tasks since the server started, oldest first."""
        return self._tasks.get(method, [])

    def running(self, method: str) -> Task | None:
        """Return the task with a running process; None if no process runs."""
        for task_id in list(self._processes.get(method, {})):
            return next(task for task in self._tasks[method] if task["id"] == task_id)
        return None

    def stop(self, method: str) -> Task | None:
        """Kill the running task, so that the next queued task starts. Returns None if no task is running."""
        say(f"{_UTILS}:120", f"Kill background task for {method}")
        with self._lock:
            task = self.running(method)
            if task is None:
                return None
            process = self._processes[method].pop(task["id"])
        say(f"{_UTILS}:129", f"Kill:: Process pid is {process.pid}")
        task["status"] = "STOPPED"
        process.kill()
        say(f"{_UTILS}:133", f"Killed background process: {process.pid}")
        task["end_ts"] = _now()
        return task

    def _run(self, task: Task, method: str) -> None:
        request = task["request"]
        request["gpus"] = "all"
        path = os.environ.get("PYTHONPATH", "")
        say(f"{_UTILS}:49", f"Before:: {path}")
        say(f"{_UTILS}:53", f"After:: {path}")
        arguments = ["-m", "monailabel.interfaces.utils.app", "-m", method, "-r"]
        body = json.dumps(request, separators=(",", ":"))
        say(f"{_UTILS}:65", f"COMMAND:: {' '.join([standin.python(), *arguments, body])}")
        process = subprocess.Popen(
            [sys.executable, *arguments, body],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self._settings.export(), "MONAI_LABEL_DATASTORE_AUTO_RELOAD": "false"},
            text=True,
            errors="replace",
        )
        with self._lock:
            self._processes.setdefault(method, {})[task["id"]] = process
        details: deque[str] = deque(maxlen=20)
        task["details"] = details
        task["status"] = "RUNNING"
        self._follow(process, method, details)
        code = process.wait()
        say(f"{_UTILS}:83", f"Return code: {code}")
        with self._lock:
            self._processes[method].pop(task["id"], None)
        if task["status"] == "RUNNING":
            task["status"] = "DONE" if code == 0 else "ERROR"
        task["end_ts"] = _now()

    def _follow(self, process: subprocess.Popen[str], method: str, details: deque[str]) -> None:
        logger = logging.getLogger(f"task_{method}")
        with piped(process.stdout) as output:
            for raw in output:
                line = raw.rstrip()
                if line:
                    logger.info("%s", line)
                    details.append(line)


def public(task: Task) -> dict[str, Any]:
    """Return a copy of the task for a REST answer."""
    shown = dict(task)
    if "details" in shown:
        shown["details"] = list(shown["details"])
    return shown


def _now() -> str:
    return datetime.now().strftime("%Y-%m-%d %H:%M:%S")
