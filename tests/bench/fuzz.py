"""Hostile bytes through the whole pane: ``python -m tests.bench.fuzz ENGINE KILOBYTES SEED``.

The console runs on a terminal of its own with a shell that says them; all that it writes to that terminal is looked
at. Prints how often the emulator died (each time another takes over), what came out that Textual does not say, what
was typed that nobody typed, the longest time that the event loop was held up (by the clock, and by what it computed
in that time: the clock's has in it what the machine did besides), and how much memory grew. Ends with 1 when
anything got out or in, memory grew too much, or the console died.
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

from tests.bench.outer import on_terminal
from tests.bench.outside import Outside
from tests.terminal.hostile_output import CANARY

MOST_GROWTH = 200 << 10  # KiB, of the console's own process
HELD_MOST_S = 0.1
SILENT_S = 120.0


def fuzz(engine: str, kilobytes: int, seed: int) -> tuple[dict[str, Any], Outside]:
    """What the console told at its end, and what it wrote to its terminal. Raises RuntimeError when it died."""
    with tempfile.TemporaryDirectory(prefix="labeltui-fuzz-") as folder:
        answer = Path(folder, "answer")
        argv = (sys.executable, "-m", "tests.bench.fuzzed", str(kilobytes), str(seed), str(answer))
        environment = {"LABELTUI_TERMINAL": engine, "LABELTUI_STATE": folder, "TEXTUAL_ANIMATIONS": "none"}
        outside = Outside(CANARY)
        with on_terminal(argv, environment) as program:
            while select.select([program.terminal], [], [], SILENT_S)[0]:
                try:
                    data = os.read(program.terminal, 65536)
                except OSError:
                    break
                outside.take(data)
            program.process.wait(30)
        if not answer.exists():
            raise RuntimeError(f"the console ended with {program.process.returncode} and said nothing")
        return json.loads(answer.read_text()), outside


def main(engine: str, kilobytes: int, seed: int) -> int:
    started = time.monotonic()
    told, outside = fuzz(engine, kilobytes, seed)
    took = time.monotonic() - started
    print(
        f"{told['engine']}: {told['fed'] / 1e6:.1f} MB in {took:.1f} s, {outside.bytes / 1e6:.1f} MB painted; "
        f"deaths {len(told['deaths'])}, strange escapes outside {len(outside.strange)}, typed by nobody "
        f"{len(told['typed'])}, answered {told['answered']} bytes; loop held up at most {1000 * told['held_s']:.0f} ms "
        f"({1000 * told['own_s']:.0f} ms of its own, {told['over']} times over 100 ms); memory grew "
        f"{told['grown_kib'] >> 10} MiB, helper {told['helper_kib'] >> 10} MiB"
    )
    for line in (*dict.fromkeys(told["deaths"]), *dict.fromkeys(outside.strange[:20]), *told["typed"][:20]):
        print("  ", line)
    bad = outside.strange or told["typed"] or told["grown_kib"] > MOST_GROWTH or told["own_s"] > HELD_MOST_S
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
