"""Record real programs at work: ``python -m tests.terminal.record``, as root on Linux with all of them installed.

Each runs on a terminal of 80 by 24 in its own namespace (a machine called ``pod`` with no other processes).
labeltui's engine answers its queries to the terminal. After each step, once the program prints nothing more,
the length of the output is stored as a cut.
"""

from __future__ import annotations

import asyncio
import fcntl
import gzip
import http.server
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tests.terminal.direct_engine import DirectEngine
from tests.terminal.sessions import COLUMNS, ROWS, SESSIONS, Session

INSIDE = re.compile(
    rb"\x1b([\[(#][ -?]*)?\Z|[\xc0-\xff][\x80-\xbf]{0,2}\Z|\x1b[\]P][^\x07\x1b]*\Z"
)  # a sequence continues after it
QUIET_S, STEP_MOST_S = 0.4, 6.0

MODULE = """import os
import sys


def dice(a, b):
    '''Overlap of two labels, 0 to 1.'''
    return 2 * (a & b).sum() / (a.sum() + b.sum())
"""
PROGRAMS: dict[str, tuple[str, Sequence[str]]] = {
    "vim": (
        "vim -Nu NONE -c 'syntax on' -c 'set number ruler showcmd mouse=a hlsearch incsearch' dice.py",
        ("", "5j", "oprint('中文 é 😀')\x1b", "gg/return\r", "Vjj", "\x1b:split\r", "\x17j:set list\r", "dd3u",
         ":%s/a/b/g\r", "G10o\x1b", ":vsplit\r", ":q\r", ":help | only\r", "\x06\x06", "5\x19", ":q!\r:q!\r"),
    ),
    "htop": ("htop -d 5", ("", "t", "\x1b[B\x1b[B", "I", "\x1bOQ", "\x1b", "/sleep", "\x1b", "\x1b[15~", "q")),
    "tmux": (
        "tmux -f /dev/null new-session -s work 'bash --norc'",
        ("", "seq 40\r", "\x02%", "ls -la --color=always /usr\r", '\x02"', "yes '中文 wide' | head -50\r", "\x02o",
         "\x02[\x1b[5~", "q",
         "\x02z", "\x02z", "\x02 ", "\x02c", "printf '\\033[31mred\\033[m\\n'\r", "\x02w", "q", "\x02&y", "\x02d"),
    ),
    "less": (
        "less -R log.txt",
        ("", " ", " ", "/epoch 40\r", "n", "G", "b", "-S\r", "\x1b[C", "\x1b[D", "g", "&error\r", "&\r", "h", "q", "q"),
    ),
    "pip": ("{python} -m pip download --no-deps --no-index --find-links {links} demo", ("", "", "", "", "")),
    "bash": (
        "bash --norc",
        ("", "ls --color=always -C /usr\r", "for i in $(seq 3); do echo line $i; done\r",
         "echo a long line of words that goes on and on until it has to wrap somewhere",
         "\x01", "\x05 and more", "\x12lin", "\x07", "\x15",
         "printf 'a\\tb\\tc\\n\\e[7mreverse\\e[m\\n'\r", "clear\r", "exit\r"),
    ),
}  # fmt: skip


def files(folder: Path) -> None:
    """Write the files that the programs open."""
    (folder / "dice.py").write_text(MODULE)
    lines = [
        f"\x1b[32m{n:04}\x1b[m epoch {n} \x1b[1;3{n % 8}mloss {1 / (n + 1):.4f}\x1b[m "
        + ("error " if n % 17 == 0 else "") + "x" * (n * 7 % 130) + " 中文" * (n % 5) for n in range(300)
    ]  # fmt: skip
    (folder / "log.txt").write_text("\n".join(lines) + "\n")
    served = folder / "served"
    served.mkdir()
    with zipfile.ZipFile(served / "demo-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("demo/__init__.py", "")
        wheel.writestr("demo/weights.bin", os.urandom(6_000_000))
        wheel.writestr("demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
        wheel.writestr(
            "demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("demo-1.0.dist-info/RECORD", "")


class Slow(http.server.SimpleHTTPRequestHandler):
    """An HTTP server that sends slowly, so that a progress bar moves."""

    def copyfile(self, source: object, outputfile: object) -> None:
        while data := source.read(100_000):  # type: ignore[attr-defined]
            outputfile.write(data)  # type: ignore[attr-defined]
            time.sleep(0.05)

    def log_message(self, *_: object) -> None: ...


async def record(name: str, command: str, steps: Sequence[str], folder: Path) -> Session:
    """Run the program and type each step."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    alone = ("setsid", "--ctty", "unshare", "--uts", "--pid", "--fork", "--mount-proc", "sh", "-c")
    environment = {
        "HOME": str(folder), "TERM": "xterm-256color", "LANG": "C.UTF-8", "PS1": "$ ", "SHELL": "/bin/sh",
        "PATH": "/usr/local/bin:/usr/bin:/bin", "TMUX_TMPDIR": str(folder), "COLORTERM": "truecolor",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }  # fmt: skip
    process = subprocess.Popen(  # noqa: ASYNC220
        [*alone, f"hostname pod; sleep 600 & exec {command}"], stdin=inner, stdout=inner, stderr=inner, cwd=folder,
        env=environment,
    )  # fmt: skip
    os.close(inner)
    engine, data, cuts = DirectEngine(COLUMNS, ROWS), bytearray(), []
    for step in steps:
        os.write(outer, step.encode())
        end = time.monotonic() + STEP_MOST_S
        while time.monotonic() < end and select.select([outer], [], [], QUIET_S if name != "pip" else 1.0)[0]:
            try:
                piece = os.read(outer, 65536)
            except OSError:
                piece = b""
            if not piece:
                break
            data += piece
            os.write(outer, await engine.feed(piece))
            if name in ("pip", "htop") and len(cuts) < 12:  # these are never quiet, so cut anywhere
                cuts.append(len(data))
        cuts.append(len(data))
    cuts = [at for at in cuts if not INSIDE.search(data, max(0, at - 40), at)]
    process.kill()
    os.close(outer)
    process.wait()
    return Session(name, bytes(data), tuple(sorted(set(cuts))))


async def main() -> None:
    """Record all programs."""
    found: dict[str, object] = {}
    for name, (command, steps) in PROGRAMS.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            files(folder)
            server = http.server.ThreadingHTTPServer(
                ("127.0.0.1", 0), lambda *args, folder=folder: Slow(*args, directory=str(folder / "served"))
            )
            threading.Thread(target=server.serve_forever, daemon=True).start()
            links = f"http://127.0.0.1:{server.server_port}/"
            session = await record(name, command.format(python=sys.executable, links=links), steps, folder)
            server.shutdown()
            found[name] = {"data": session.data.decode("latin-1"), "cuts": session.cuts}
            print(name, len(session.data), "bytes,", len(session.cuts), "cuts")
    SESSIONS.write_bytes(gzip.compress(json.dumps(found, separators=(",", ":")).encode(), mtime=0))


if __name__ == "__main__":
    asyncio.run(main())
