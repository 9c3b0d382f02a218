"""Where a command's words go: one JSON document, or text, on stdout; everything for people on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from labeltui.cli.text import paragraph, record_line, render, visible
from labeltui.domain.documents.documents import failure_document
from labeltui.domain.problems import Problem


class OutputClosed(Exception):
    """Nobody reads stdout any more."""


class Output:
    """Also the :class:`~labeltui.operations.progress.Report` of the action that runs.

    ``stream``: records go to stdout as they come; otherwise they are progress, on stderr.
    ``lists``: the records are the answer: text shows nothing else, one document holds them as ``records``.
    ``tells``: people read the records as they come, scripts the document, which says the same.
    """

    def __init__(self, *, as_json: bool = False, verbose: bool = False, stream: bool = False) -> None:
        self.as_json = as_json
        self.verbose = verbose
        self.stream = stream
        self.lists = False
        self.tells = False
        self._answered = False
        self._records: list[Mapping[str, Any]] = []

    def progress(self, text: str) -> None:
        """One line for people."""
        _write(sys.stderr, paragraph(text))

    def emit(self, record: Mapping[str, Any]) -> None:
        """One record of a stream."""
        if self.tells:
            if not self.as_json:
                _write(sys.stdout, record_line(record))
        elif self.stream or (self.lists and not self.as_json):
            _write(sys.stdout, dumps(record) if self.as_json else record_line(record))
        elif self.lists:
            self._records.append(record)
        elif text := record_line(record):
            self.progress(text)

    def document(self, document: Mapping[str, Any]) -> None:
        """What the command has to say. Empty: nothing."""
        if (self.lists or self.tells) and not self.as_json:
            return
        if self.lists and not self.stream:
            document = {**document, "records": self._records}
        if document:
            self._answered = True
            _write(sys.stdout, dumps(document) if self.as_json else render(document))

    def raw(self, text: str) -> None:
        """Text that is its own format on stdout (a schema)."""
        _write(sys.stdout, text)

    def failure(self, problem: Problem, document: Mapping[str, Any] | None = None) -> None:
        """What went wrong, and what to do; ``document`` when there is something to show nevertheless.

        After the answer (while closing) it is for people only: stdout has had its one document.
        """
        if self.as_json and not self._answered:
            _write(sys.stdout, dumps(document or failure_document(problem)))
            return
        if document and not self.tells:
            _write(sys.stdout, render(document))
        lines = [f"labeltui: {paragraph(problem.message)}"]
        lines += [visible(problem.hint)] if problem.hint else []
        lines += [paragraph(problem.detail)] if problem.detail and self.verbose else []
        _write(sys.stderr, "\n".join(lines))


def dumps(document: Mapping[str, Any]) -> str:
    """One line of JSON in ASCII, so that nothing in it can move a terminal's cursor."""
    return json.dumps(document, allow_nan=False, default=str)


def silence_stdout() -> None:
    """Let Python's own flush at exit succeed after the reader has gone."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return  # stdout is not a file: nothing will be flushed


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text + "\n")
        stream.flush()
    except UnicodeEncodeError:
        stream.write(text.encode("ascii", "backslashreplace").decode("ascii") + "\n")
        stream.flush()
    except BrokenPipeError:
        if stream is sys.stdout:
            raise OutputClosed from None
