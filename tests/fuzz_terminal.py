"""Hostile bytes for a terminal: what full-screen programs send, damaged, among random and malicious sequences."""

from __future__ import annotations

import random
from collections.abc import Iterator

# After vim, htop, tmux, less and pip: the shapes that damage is done to.
DRAWN = (
    b"\x1b[?1049h\x1b[22;0;0t\x1b[>4;2m\x1b[?1h\x1b=\x1b[?2004h\x1b[?1004h\x1b[1;24r\x1b[?12h\x1b[?12l"
    b"\x1b[22;2t\x1b[H\x1b[2J"
    b"\x1b[38;5;130m  1 \x1b[mimport os\r\n\x1b[94m~\x1b[3;1H~\x1b[m\x1b[24;63H1,1\x1b[11CAll\x1b[?25h",
    b"\x1b[?1000h\x1b[?1006h\x1b[30m\x1b[46m  PID USER\x1b[K\r\n\x1b(B\x1b[m\x1b[32m|||||\x1b[90m 12.5%"
    b"\x1b[1;31m]\x1b[39m\x1b[4;10H\x1b[7m",
    b"\x1b(0lqqqqk\r\nx\x1b(B work \x1b(0x\r\nmqqqqj\x1b(B\x1b[1;11r\x1b[11;1H\n\x1b[1;12r"
    b"\x1b[30;42m[0] 0:bash* \x1b[m\x1b[?2026h",
    b"\x1b[?1h\x1b=\rline\x1b[m\x1b[K\r\n:\x1b[K\x1b[7m(END)\x1b[27m\x1b[K\r\x1b[K\x1b[?1l\x1b>",
    "\r\x1b[K   \x1b[38;5;237m━━━━\x1b[0m \x1b[32m1.2/9.9 MB\x1b[0m "
    "eta \x1b[36m0:00:04\x1b[0m\x1b[?25l 中文 👩\u200d👧 e\u0301".encode(),
)
FINALS = b"@ABCDEFGHIJKLMPQRSTXZ`abcdefghilmnpqrstuvwxyz{|}~"


def pieces(seed: int, size: int) -> Iterator[bytes]:
    """``size`` bytes or a little more, in pieces as a connection cuts them; the same for the same seed."""
    dice = random.Random(seed)
    makers = (_damaged, _noise, _csi, _string, _flood)
    while size > 0:
        piece = b"".join(dice.choices(makers, (6, 2, 6, 3, 1))[0](dice) for _ in range(dice.randint(1, 400)))
        size -= len(piece)
        yield piece


def _damaged(dice: random.Random) -> bytes:
    data = bytearray(dice.choice(DRAWN))
    for _ in range(dice.randint(0, 6)):
        at = dice.randrange(len(data))
        if dice.random() < 0.5:
            data[at] = dice.randrange(256)
        else:
            del data[at : at + dice.randint(1, 9)]
            data = data or bytearray(b"x")
    return bytes(data)


def _noise(dice: random.Random) -> bytes:
    return dice.randbytes(dice.randint(1, 200))


def _csi(dice: random.Random) -> bytes:
    numbers = ";".join(
        str(dice.choice((0, 1, 2, 5, 25, 80, 999, 65535, 99999999))) for _ in range(dice.randint(0, 5))
    )
    lead, between = dice.choice(("", "", "?", ">", "=")), dice.choice(("", "", "", " ", "!", "$", '"', "*"))
    return f"\x1b[{lead}{numbers}{between}{chr(dice.choice(FINALS))}".encode()


def _string(dice: random.Random) -> bytes:
    lead = dice.choice((b"]8;;", b"]52;c;", b"]0;", b"]4;1;", b"P", b"_G", b"^", b"X", b"]1337;File="))
    return (
        b"\x1b"
        + lead
        + dice.randbytes(dice.randint(0, 300))
        + dice.choice((b"\x07", b"\x1b\\", b"", b"\x18"))
    )


def _flood(dice: random.Random) -> bytes:
    return dice.choice(
        (b"\n", b"\x1bM", b"\x1b[6n", b"\x1b[L", b"a\x1b[999b", "e\u0301\u0301".encode())
    ) * dice.randint(1, 500)
