"""Feed hostile bytes to the whole shell pane: ``python -m tests.bench.fuzz ENGINE KILOBYTES SEED``.

The console runs on a PTY; its shell prints the bytes, and everything the console writes to the PTY is checked. Prints
how often the emulator died (another takes over each time), the escape sequences that Textual does not write, the
input that nobody typed, the longest stall of the event loop (wall time, and its own CPU time in it), and the growth
of memory. Exits with 1 on any unexpected sequence or input, or when a limit is exceeded.
"""

from __future__ import annotations

import json
import os
import select
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.pty_program import on_terminal
from tests.bench.terminal_output import OutputCheck
from tests.terminal.hostile_output import CANARY

MOST_GROWTH = 200 << 10  # KiB, of the console's own process
BLOCKED_MOST_S = 0.1
SILENT_S = 120.0


def fuzz(engine: str, kilobytes: int, seed: int) -> tuple[dict[str, Any], OutputCheck]:
    """Run the console, and return its measurements and the check of its output. Raises RuntimeError if it crashed."""
    with tempfile.TemporaryDirectory(prefix="labeltui-fuzz-") as folder:
        answer = Path(folder, "answer")
        argv = (sys.executable, "-m", "tests.bench.fuzzed_console", str(kilobytes), str(seed), str(answer))
        environment = {"LABELTUI_TERMINAL": engine, "LABELTUI_STATE": folder, "TEXTUAL_ANIMATIONS": "none"}
        output = OutputCheck(CANARY)
        with on_terminal(argv, environment) as program:
            while select.select([program.terminal], [], [], SILENT_S)[0]:
                try:
                    data = os.read(program.terminal, 65536)
                except OSError:
                    break
                output.take(data)
            program.process.wait(30)
        if not answer.exists():
            raise RuntimeError(
                f"the console exited with {program.process.returncode} and left no measurements"
            )
        return json.loads(answer.read_text()), output


def main(engine: str, kilobytes: int, seed: int) -> int:
    started = time.monotonic()
    measured, output = fuzz(engine, kilobytes, seed)
    took = time.monotonic() - started
    print(
        f"{measured['engine']}: {measured['fed'] / 1e6:.1f} MB in {took:.1f} s, {output.bytes / 1e6:.1f} MB painted; "
        f"deaths {len(measured['deaths'])}, unexpected escape sequences {len(output.unexpected)}, "
        f"input that nobody typed {len(measured['typed'])}, answers {measured['answered']} bytes; "
        f"longest stall {1000 * measured['held_s']:.0f} ms ({1000 * measured['own_s']:.0f} ms of CPU, "
        f"{measured['over']} stalls over 100 ms); memory grew by {measured['grown_kib'] >> 10} MiB, "
        f"the helper's is {measured['helper_kib'] >> 10} MiB"
    )
    for line in (
        *dict.fromkeys(measured["deaths"]),
        *dict.fromkeys(output.unexpected[:20]),
        *measured["typed"][:20],
    ):
        print("  ", line)
    bad = (
        output.unexpected
        or measured["typed"]
        or measured["grown_kib"] > MOST_GROWTH
        or measured["own_s"] > BLOCKED_MOST_S
    )
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
