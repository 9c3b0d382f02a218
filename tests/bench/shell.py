"""The shell pane over a local OpenSSH sshd, compared with ssh inside tmux on the same terminal.

Both read every byte, and both skip frames that would be replaced at once.
"""

from __future__ import annotations

import itertools
import os
import select
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.bench.figures import Row
from tests.bench.pty_program import Program, on_terminal
from tests.sshd import RealSshd

NAME = "shell"
KEYS, QUICK_KEYS = 150, 40
MEGABYTES, QUICK_MEGABYTES = 20, 5
FLOODS = 5
LOG_LINES = 5000
PROMPT = "Ω"  # a single character is never painted in two parts
PEER = "ssh in tmux"
WITHIN_S = 90.0


@dataclass(frozen=True)
class Figures:
    """Measured times in seconds."""

    echo: Sequence[float]
    plain: float
    coloured: float
    stop: float
    computed: Sequence[float]  # CPU of all its processes: for the keys, plain and coloured


class CpuTime:
    """CPU seconds of a program, its children, and processes whose command line contains ``mark``."""

    def __init__(self, program: Program, mark: str) -> None:
        self._program, self._mark = program, mark

    def seconds(self) -> float:
        found = {psutil.Process(self._program.process.pid)}
        if self._mark:
            found |= {one for one in psutil.process_iter() if self._mark in _words(one)}
        found |= {child for one in set(found) for child in one.children(recursive=True)}
        return sum(sum(one.cpu_times()[:2]) for one in found)


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


class Typist:
    """Types into a program on a PTY and measures the time until the answer is painted."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def type(self, text: str) -> None:
        os.write(self._program.terminal, text.encode())

    def until(self, wanted: str, *, typed: str = "") -> float:
        """Seconds from typing until ``wanted`` is painted; raises TimeoutError."""
        started = time.perf_counter()
        if typed:
            self.type(typed)
        output = b""
        while wanted.encode() not in output:
            left = started + WITHIN_S - time.perf_counter()
            if left < 0 or not select.select([self._program.terminal], [], [], left)[0]:
                raise TimeoutError(f"{wanted!r} was not painted, but: {output[-1000:]!r}")
            output = output[-1000:] + os.read(self._program.terminal, 65536)
        return time.perf_counter() - started

    def quiet(self, seconds: float) -> None:
        """Read until nothing was painted for ``seconds``, or for four times as long at most."""
        end = time.perf_counter() + 4 * seconds
        while time.perf_counter() < end and select.select([self._program.terminal], [], [], seconds)[0]:
            os.read(self._program.terminal, 65536)

    def read_for(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self._program.terminal], [], [], left)[0]:
                os.read(self._program.terminal, 65536)


def run(quick: bool) -> list[Row]:
    """Measure both on the same sshd, one after the other."""
    with tempfile.TemporaryDirectory(prefix="labeltui-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        sshd = RealSshd(folder, env={"LANG": "C.UTF-8"})
        for start_up in (".bashrc", ".bash_profile", ".profile"):
            (sshd.home / start_up).write_text(f"PS1='{PROMPT} '\n")
        files(sshd.home, QUICK_MEGABYTES if quick else MEGABYTES)
        sshd.start()
        try:
            peer = measure(
                *tmux(sshd, folder), lambda typist: typist.until(PROMPT), quick, str(folder / "tmux")
            )
            ours = measure(*console(sshd, folder), to_the_shell, quick)
            beside = typed_beside_a_log(*console(sshd, folder), quick)
        finally:
            sshd.stop()
    return rows(ours, peer, beside, QUICK_MEGABYTES if quick else MEGABYTES)


def rows(ours: Figures, peer: Figures, beside: Sequence[float], megabytes: int) -> list[Row]:
    """A row for each figure, with its target."""

    def at(times: Sequence[float], share: float) -> float:
        return 1000 * sorted(times)[min(len(times) - 1, int(share * len(times)))]

    return [
        Row(NAME, "key echo, p50", "ms", at(ours.echo, 0.5), PEER, at(peer.echo, 0.5), "at most 5 ms"),
        Row(NAME, "key echo, p99", "ms", at(ours.echo, 0.99), PEER, at(peer.echo, 0.99), "at most 12 ms"),
        Row(
            NAME,
            f"key echo, p99, {LOG_LINES:,} log lines/s arriving",
            "ms",
            at(beside, 0.99),
            "",
            None,
            "at most 25 ms",
        ),
        Row(NAME, f"cat {megabytes} MB of lines", "s", ours.plain, PEER, peer.plain, "no slower"),
        Row(NAME, f"cat {megabytes} MB in colour", "s", ours.coloured, PEER, peer.coloured, "no slower"),
        *(
            Row(NAME, f"its CPU: {what}", unit, scale * mine, PEER, scale * theirs)
            for what, unit, scale, mine, theirs in zip(
                ("a key", f"{megabytes} MB of lines", f"{megabytes} MB in colour"),
                ("ms", "s", "s"),
                (1000, 1, 1),
                ours.computed,
                peer.computed,
                strict=True,
            )
        ),
        Row(NAME, "ctrl-c in yes to prompt", "ms", 1000 * ours.stop, PEER, 1000 * peer.stop, "at most 60 ms"),
    ]


def files(home: Path, megabytes: int) -> None:
    """Write the files that are shown: plain lines, and the same with a colour for each word."""
    words = ["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog"]
    plain = "".join(f"{n:07} {' '.join(words)}\n" for n in range(2000))
    coloured = "".join(
        f"{n:07} "
        + " ".join(f"\x1b[38;5;{17 + (n + k) % 200}m{word}" for k, word in enumerate(words))
        + "\x1b[m\n"
        for n in range(2000)
    )
    for name, text in (("plain", plain), ("coloured", coloured)):
        (home / name).write_text(text * (megabytes * 1_000_000 // len(text) + 1))


def tmux(sshd: RealSshd, folder: Path) -> tuple[Sequence[str], Mapping[str, str]]:
    """The command and environment of ssh inside its own tmux."""
    options = (
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        f"UserKnownHostsFile={folder / 'known'}",
        "-o",
        "LogLevel=ERROR",
    )
    host, _, port = sshd.address.rpartition(":")
    ssh = ("ssh", "-F", "none", "-i", str(sshd.client_key), *options, "-p", port, host)
    socket = str(folder / "tmux")
    return ("tmux", "-u", "-S", socket, "-f", "/dev/null", "new-session", *ssh), {
        "TMUX": "",
        "LANG": "C.UTF-8",
    }


def console(sshd: RealSshd, folder: Path) -> tuple[Sequence[str], Mapping[str, str]]:
    """The command and environment of labeltui with a profile for the same sshd."""
    host, port = sshd.address.rsplit("@", 1)[1].split(":")
    (folder / "trusted").write_text(f"[{host}]:{port} {sshd.host_public_key}\n")
    config = folder / "labeltui.toml"
    config.write_text(
        'default = "bench"\n[profiles.bench]\nhost = "ssh"\n[profiles.bench.ssh]\n'
        f'address = "{sshd.address}"\nkey = "{sshd.client_key}"\n'
        f'known_hosts = "{folder / "trusted"}"\nconfig = "none"\n'
        "[profiles.bench.shell]\ntmux = false\n"  # the peer too has one terminal between sshd and the screen
    )
    environment = {
        "LABELTUI_CONFIG": str(config),
        "LABELTUI_STATE": str(folder / "state"),
        "LABELTUI_DEMO": "",
    }
    return (sys.executable, "-m", "labeltui"), environment


def to_the_shell(typist: Typist) -> None:
    """Wait for the prompt in pane 2, and focus the pane."""
    typist.until(PROMPT)
    typist.type("2")
    typist.until("leaves the shell")
    typist.quiet(0.5)


def measure(
    argv: Sequence[str],
    environment: Mapping[str, str],
    begin: Callable[[Typist], object],
    quick: bool,
    mark: str = "",
) -> Figures:
    """Measure one program."""
    with on_terminal(argv, environment) as program:
        typist, spent = Typist(program), CpuTime(program, mark)
        begin(typist)
        typist.until("cat-runs", typed="echo cat-ru''ns; cat\r")
        typist.quiet(0.3)
        keys = QUICK_KEYS if quick else KEYS
        marks = [spent.seconds()]
        echo = echoes(typist, keys)
        marks.append(spent.seconds())
        typist.until(PROMPT, typed="\x03")
        shown = []
        for name in ("plain", "coloured"):
            shown.append(show(typist, name))
            marks.append(spent.seconds())
        stop = statistics.median(interrupt(typist) for _ in range(FLOODS))
        typist.type("exit\r")
        computed = [after - before for before, after in itertools.pairwise(marks)]
        computed[0] /= keys
        return Figures(echo, *shown, stop, computed)


def typed_beside_a_log(argv: Sequence[str], environment: Mapping[str, str], quick: bool) -> list[float]:
    """Echo times in seconds while the log pane receives lines."""
    with on_terminal((argv[0], "-m", "tests.bench.console_with_log", str(LOG_LINES)), environment) as program:
        typist = Typist(program)
        to_the_shell(typist)
        typist.until("cat-runs", typed="echo cat-ru''ns; cat\r")
        typist.read_for(1.0)
        times = echoes(typist, QUICK_KEYS if quick else KEYS)
        typist.until(PROMPT, typed="\x03")
        typist.type("exit\r")
        return times


def echoes(typist: Typist, count: int) -> list[float]:
    """Type letters that are nowhere else on the screen, at irregular intervals."""
    times: list[float] = []
    for index in range(count):
        times.append(typist.until(chr(0x100 + index), typed=chr(0x100 + index)))
        typist.read_for(0.02 + 0.013 * (index % 4))
    return times


def show(typist: Typist, name: str) -> float:
    """Seconds of ``cat FILE``, up to the first text after it."""
    taken = typist.until(f"{name}-shown", typed=f"cat ~/{name}; echo {name}-sho''wn\r")
    typist.until(PROMPT, typed="clear\r")
    typist.quiet(0.3)
    return taken


def interrupt(typist: Typist) -> float:
    """Seconds from ctrl-c during a flood to the prompt."""
    typist.type("yes\r")
    typist.read_for(1.0)
    taken = typist.until(PROMPT, typed="\x03")
    typist.until(PROMPT, typed="clear\r")
    typist.quiet(0.3)
    return taken
