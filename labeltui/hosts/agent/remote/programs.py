"""Runs short-lived programs in the server's Python on the host, which has the libraries.

A program is the source of a module with a function ``main(arguments)``. Its result is the answer, sent as JSON.
The program runs in its own process group (``launcher.py``), with limits on memory, time and size of the answer.
The group is killed when the program ends or is stopped. It is also killed when the agent ends, because the
launcher notices that its pipe from the agent is closed.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import Any, Sequence

from labeltui.hosts.agent.remote.files import Problem
from labeltui.hosts.agent.remote.processes import is_live, process

ANSWER_BYTES = 1 << 20
LONGEST_ANSWER = 4 << 20
OUTPUT_TAIL = 4096
WATCH_S = 0.2


class Run:
    """A running program and its output so far."""

    def __init__(self, started: subprocess.Popen[bytes], answers: int, answer_bytes: int) -> None:
        self.process, self.answers, self.answer_bytes = started, answers, answer_bytes
        self.answer, self.output = bytearray(), bytearray()
        self.stopped = threading.Event()

    def kill(self) -> None:
        """Kill all processes of the program."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def follow(self, wall_s: float) -> None:
        """Read until the program has ended. Raises Problem if it exceeds a limit or is stopped."""
        deadline = time.monotonic() + wall_s
        with selectors.DefaultSelector() as selector:
            for descriptor in (self.answers, self.output_descriptor):
                selector.register(descriptor, selectors.EVENT_READ)
            while selector.get_map():
                # Child processes that outlive the program may keep the pipes open.
                ended = not is_live(process(self.process.pid))
                if ended:
                    self.kill()
                ready = selector.select(0 if ended else WATCH_S)
                for key, _ in ready:
                    if not self.read(key.fd):
                        selector.unregister(key.fd)
                if self.stopped.is_set():
                    raise Problem("program_stopped", "The program was stopped.")
                if time.monotonic() > deadline:
                    raise Problem("program_slow", f"The program did not end within {wall_s:g} s.")
                if ended and not ready:
                    return

    @property
    def output_descriptor(self) -> int:
        """The descriptor of the program's standard output."""
        return -1 if self.process.stdout is None else self.process.stdout.fileno()

    def read(self, descriptor: int) -> bool:
        """Read the output that is available.

        Returns False at the end of the output. Raises Problem if the answer is too long.
        """
        data = os.read(descriptor, 65536)
        if descriptor == self.answers:
            self.answer += data
            if len(self.answer) > self.answer_bytes:
                raise Problem(
                    "program_failed", f"The program's answer is longer than {self.answer_bytes} bytes."
                )
        else:
            self.output += data
            del self.output[:-OUTPUT_TAIL]
        return bool(data)

    def result(self, exit_code: int) -> Any:
        """Return the program's answer. If it gave none, raises Problem with the end of its output."""
        said = self.output.decode("utf-8", "replace").strip()
        last = said.splitlines()[-1].strip()[:200] if said else f"exit code {exit_code}"
        if last.startswith("MemoryError"):
            raise Problem("program_memory", "The program needs more memory than it may use.", "", said)
        try:
            if exit_code == 0:
                return json.loads(self.answer)
        except ValueError:
            last = "it gave no answer"
        raise Problem("program_failed", f"The program failed: {last.rstrip('.')}.", "", said)


class Programs:
    """The programs of one agent. ``program`` is the command line that starts this package."""

    def __init__(self, program: Sequence[str]) -> None:
        self.package = tuple(program)[1:]
        self.runs: dict[str, Run] = {}
        self.unwanted: set[str] = set()  # keys that were stopped before they began; requests run in any order

    def run(
        self,
        key: str,
        python: str,
        source: str,
        arguments: Any = None,
        memory_bytes: int | None = None,
        wall_s: float = 60.0,
        answer_bytes: int = ANSWER_BYTES,
    ) -> dict[str, Any]:
        """Run a program to its end. :meth:`stop` takes the same ``key``.

        ``memory_bytes`` limits its address space if the system supports that. None sets no limit.
        Raises Problem ``program_failed``, ``program_slow``, ``program_memory`` or ``program_stopped``.
        """
        task = json.dumps({"source": str(source), "arguments": arguments}).encode()
        if key in self.unwanted:
            self.unwanted.discard(key)
            raise Problem("program_stopped", "The program was stopped.")
        reader, writer = os.pipe()
        try:
            try:
                started = subprocess.Popen(
                    [python, *self.package, "program", "--answer", str(writer), "--memory", str(memory_bytes or 0)],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                    pass_fds=(writer,), start_new_session=True, cwd="/", bufsize=0,
                )  # fmt: skip
            except OSError as error:
                raise Problem(
                    "program_failed", f"{python} can't be run: {error.strerror}.", "Run `labeltui setup`."
                ) from None
            finally:
                os.close(writer)
            run = self.runs[key] = Run(started, reader, min(int(answer_bytes), LONGEST_ANSWER))
            return {"answer": self.finish(run, task, float(wall_s))}
        finally:
            self.runs.pop(key, None)
            os.close(reader)

    def finish(self, run: Run, task: bytes, wall_s: float) -> Any:
        """Write a program's task, wait for its end, and kill its group. Returns its answer."""
        giver = threading.Thread(target=give, args=(run.process, task), daemon=True)
        with run.process:
            giver.start()
            try:
                run.follow(wall_s)
            except Problem as problem:
                said = run.output.decode("utf-8", "replace").strip()
                raise Problem(**dict(problem.document, detail=said)) from None
            finally:
                run.kill()
                giver.join()  # ends at once, because its pipe has no reader any more
            return run.result(run.process.wait())

    def stop(self, key: str) -> dict[str, Any]:
        """Stop a program. If it has not begun, it is stopped when its request arrives."""
        run = self.runs.get(key)
        if run is None:
            self.unwanted.add(key)
        else:
            run.stopped.set()
            run.kill()
        return {}

    def stop_all(self) -> None:
        """End every program at once."""
        for run in list(self.runs.values()):
            run.kill()


def give(started: subprocess.Popen[bytes], task: bytes) -> None:
    """Write the task to the program's stdin. The pipe stays open, because its end means that the agent has ended."""
    if started.stdin is not None:
        data = b"%d\n" % len(task) + task
        with suppress(OSError):
            while data:
                data = data[os.write(started.stdin.fileno(), data) :]
