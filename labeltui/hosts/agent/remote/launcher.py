"""Runs one program inside the Python that has its libraries. ``programs.py`` starts it.

Standard input contains a line with the task's length, then the task. When it closes, the agent has ended.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
from contextlib import suppress
from typing import Any


def launch(answer: int, memory_bytes: int) -> None:
    """Run the program and write the result of its ``main`` to the descriptor ``answer``."""
    os.set_inheritable(answer, False)
    if memory_bytes:
        with suppress(ValueError, OSError):  # not every system supports the limit
            resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    lifeline = os.dup(0)
    task = json.loads(read_task(lifeline))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    threading.Thread(target=end_with_agent, args=(lifeline,), daemon=True).start()
    forget_package()
    result = run_source(task["source"], task["arguments"])
    with os.fdopen(answer, "wb") as file:
        file.write(json.dumps(result).encode("ascii"))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # a library's threads and exit handlers must not delay the end


def read_task(descriptor: int) -> bytes:
    """Read the task from the pipe, and no further byte. Raises EOFError if the pipe ends early."""
    head = b""
    while not head.endswith(b"\n"):
        head += read_some(descriptor, 1)
    task = bytearray()
    while len(task) < int(head):
        task += read_some(descriptor, int(head) - len(task))
    return bytes(task)


def read_some(descriptor: int, most: int) -> bytes:
    """Read at most ``most`` bytes from a pipe. Raises EOFError at its end."""
    data = os.read(descriptor, most)
    if not data:
        raise EOFError("the agent is gone")
    return data


def end_with_agent(descriptor: int) -> None:
    """Kill this process group when the pipe ends, because then the agent has ended."""
    with suppress(OSError):
        os.read(descriptor, 1)
    os.killpg(0, signal.SIGKILL)


def forget_package() -> None:
    """Remove labeltui from the imports, because the program's Python may have another version of it."""
    sys.path.pop(0)
    for name in [name for name in sys.modules if name.partition(".")[0] == "labeltui"]:
        del sys.modules[name]


def run_source(source: str, arguments: Any) -> Any:
    """Compile the source and return the result of its ``main``."""
    sys.argv = ["program"]
    namespace: dict[str, Any] = {"__name__": "program"}
    exec(compile(source, "<program>", "exec"), namespace)  # noqa: S102 - the console sent the source to run it
    return namespace["main"](arguments)
