"""Messages to the console: one JSON object a line."""

from __future__ import annotations

import json
import os
import threading
from typing import Any, Protocol


class Send(Protocol):
    """A function that sends one message. ``bulk`` messages are sent after all others that wait."""

    def __call__(self, message: dict[str, Any], bulk: bool = False) -> None:
        """Send the message. Returns when it was written."""
        ...


class Wire:
    """Writes messages as whole lines. All waiting answers are written before the next ``bulk`` message."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.turn = threading.Condition()
        self.busy = False
        self.urgent = 0

    def send(self, message: dict[str, Any], bulk: bool = False) -> None:
        """Write a message. Ends the process when stdout is closed."""
        data = json.dumps(message).encode("ascii") + b"\n"
        with self.turn:
            self.urgent += not bulk
            self.turn.wait_for(lambda: not self.busy and not (bulk and self.urgent))
            self.urgent -= not bulk
            self.busy = True
        try:
            self.write(data)
        except OSError:
            os._exit(0)
        finally:
            with self.turn:
                self.busy = False
                self.turn.notify_all()

    def write(self, data: bytes) -> None:
        """Write all of ``data``. Raises OSError."""
        while data:
            data = data[os.write(self.descriptor, data) :]
