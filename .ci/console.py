"""Run a shell command on a PTY, wait until the console shows all the words, and quit it.

usage: console.py COMMAND WORD...
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

DEADLINE_S = 600.0
SIZE = (40, 120)


def main(command: str, words: list[str]) -> int:
    """Return the command's exit code, or 1 when the words did not appear in time."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color")
        os.execvp("bash", ["bash", "-euc", command])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    output, began, quitting = "", time.monotonic(), False
    while time.monotonic() - began < DEADLINE_S:
        ready, _, _ = select.select([terminal], [], [], 1.0)
        if ready:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                break
            if not data:
                break
            output = (output + data.decode("utf-8", "replace"))[-400_000:]
        text = re.sub(r"\x1b\[[0-9;:?<>=]*[A-Za-z]", "", output)
        if not quitting and all(word in text for word in words):
            print(f"the console showed {', '.join(words)} after {time.monotonic() - began:.1f} s")
            os.write(terminal, b"q")
            quitting = True
    if not quitting:
        print(output[-3000:])
        return 1
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
