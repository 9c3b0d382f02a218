"""Streams of a child process that was started with pipes."""

from __future__ import annotations

from typing import TypeVar

Stream = TypeVar("Stream")


def piped(stream: Stream | None) -> Stream:
    """Return ``stdin``, ``stdout`` or ``stderr`` of a process.

    Raises ``ValueError`` if it was started without that pipe.
    """
    if stream is None:
        raise ValueError("the process was started without this pipe")
    return stream
