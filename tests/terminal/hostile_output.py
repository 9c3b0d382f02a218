"""Hostile bytes for a terminal: damaged output of full-screen programs, between random and malicious sequences."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.terminal.sessions import sessions

CANARY = b"canary-7f3a"
"""A text inside strings that a terminal never shows. If it appears in the output, such a string was passed on."""

FINALS = b"@ABCDEFGHIJKLMPQRSTXZ`abcdefghilmnpqrstuvwxyz{|}~"


def pieces(seed: int, size: int) -> Iterator[bytes]:
    """``size`` bytes or a little more, in pieces of random size; the same for the same seed."""
    dice = random.Random(seed)
    makers = (_damaged, _noise, _csi, _string, _flood)
    while size > 0:
        piece = b"".join(dice.choices(makers, (6, 2, 6, 3, 1))[0](dice) for _ in range(dice.randint(1, 400)))
        size -= len(piece)
        yield piece


def _damaged(dice: random.Random) -> bytes:
    drawn = dice.choice(sessions()).data
    start = dice.randrange(len(drawn))
    data = bytearray(drawn[start : start + dice.randint(20, 1500)])
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
        + CANARY
        + dice.choice((b"\x07", b"\x1b\\", b"", b"\x18"))
    )


def _flood(dice: random.Random) -> bytes:
    return dice.choice(
        (b"\n", b"\x1bM", b"\x1b[6n", b"\x1b[L", b"a\x1b[999b", "e\u0301\u0301".encode())
    ) * dice.randint(1, 500)
