"""A command's output: the result on stdout, as one JSON document or as text; progress and errors on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from labeltui.cli.text import paragraph, record_line, render
from labeltui.domain.glyphs import glyphs_in_ascii
from labeltui.domain.problems import Problem
from labeltui.support.desk import has_unicode


class OutputClosed(Exception):
    """Raised when stdout can't be written any more. The text is the reason; empty if the reader has closed the pipe."""


class Output:
    """Print a command's output. Also the :class:`~labeltui.operations.progress.Report` of the action that runs.

    With ``stream``, records go to stdout as they arrive; otherwise they go to stderr as progress. With ``lists``, the
    records are the result: as text only the records are printed, as JSON the document has them as ``records``. With
    ``live``, text output prints the records as they arrive. JSON output prints the document, which has the same
    content.
    """

    def __init__(self, *, as_json: bool = False, verbose: bool = False, stream: bool = False) -> None:
        self.as_json = as_json
        self.verbose = verbose
        self.stream = stream
        self.action = ""  # the id of the action that runs, by which people's text is chosen
        self.if_interrupted = ""  # the hint if the command is interrupted now
        self.lists = False
        self.live = False
        self._printed = False
        self._records: list[Mapping[str, Any]] = []

    def progress(self, text: str) -> None:
        """Print progress for people on stderr."""
        print_error(paragraph(text))

    def emit(self, record: Mapping[str, Any]) -> None:
        """Print or collect one record, depending on ``stream``, ``lists`` and ``live``."""
        if self.live:
            if not self.as_json:
                print_text(record_line(record))
        elif self.stream or (self.lists and not self.as_json):
            print_text(dumps(record) if self.as_json else record_line(record))
        elif self.lists:
            self._records.append(record)
        elif text := record_line(record):
            self.progress(text)

    def document(self, document: Mapping[str, Any]) -> None:
        """Print the result of the command. An empty document prints nothing."""
        if (self.lists or self.live) and not self.as_json:
            return
        if self.lists and not self.stream:
            document = {**document, "records": self._records}
        if "text" in document and not self.as_json:
            self._text(document)
        elif document:
            self._printed = True
            print_text(dumps(document) if self.as_json else self._for_people(document))

    def _for_people(self, document: Mapping[str, Any]) -> str:
        from labeltui.cli.people import for_people  # noqa: PLC0415 - it knows every document, --help prints none

        return render(for_people(self.action, document), _width())

    def _text(self, document: Mapping[str, Any]) -> None:
        """Print a text to paste on stdout, and the notes on it for the operator on stderr."""
        self._printed = True
        print_text(paragraph(str(document["text"])))
        for line in (document.get("message"), *document.get("warnings", ())):
            self.progress(str(line or ""))

    def raw(self, text: str) -> None:
        """Print text that has a format of its own, such as a schema, on stdout."""
        print_text(text)

    def failure(self, problem: Problem, document: Mapping[str, Any] | None = None) -> None:
        """Print the problem and its hint. ``document`` is the result of the failed operation, if it has one.

        If a result was already printed, the failure goes to stderr only, because stdout holds at most one JSON
        document.
        """
        if self.as_json and not self._printed:
            from labeltui.domain.documents.documents import failure_document  # noqa: PLC0415 - as above

            print_text(dumps(document or failure_document(problem)))
            return
        if document and self.live:  # the records have said all of it already
            print_error(f"labeltui: {paragraph(str(document.get('message') or problem.message))}.")
            return
        if document:
            print_text(render(document, _width()))
        lines = [f"labeltui: {paragraph(problem.message)}"]
        lines += [paragraph(problem.hint)] if problem.hint else []
        lines += [paragraph(problem.detail)] if problem.detail and self.verbose else []
        print_error("\n".join(lines))


def _width() -> int | None:
    """Return the number of columns if stdout is a terminal.

    Returns None for a pipe, a file or a terminal of unknown size.
    """
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError, AttributeError):  # AttributeError: there is no stdout, or it is no file
        return None


def dumps(document: Mapping[str, Any]) -> str:
    """Format as one line of ASCII JSON, which contains no control characters for a terminal."""
    return json.dumps(document, allow_nan=False, default=str)


def silence(stream: TextIO) -> None:
    """Redirect ``stream`` to /dev/null, so that Python's flush at exit succeeds."""
    try:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, stream.fileno())
        os.close(devnull)
    except (OSError, ValueError):
        return  # it is not a file, so nothing is flushed


def print_text(text: str, *, end: str = "\n") -> None:
    """Print on stdout. Raises OutputClosed."""
    _write(sys.stdout, text + end)


def print_error(text: str) -> None:
    """Print text for people on stderr.

    Does nothing if stderr can't be written, for example because the terminal is closed.
    """
    _write(sys.stderr, text + "\n")


def _write(stream: TextIO, text: str) -> None:
    try:
        _encode_and_write(stream, text)
    except OSError as error:
        if stream is sys.stdout:
            raise OutputClosed("" if isinstance(error, BrokenPipeError) else error.strerror) from None
        silence(stream)


def _encode_and_write(stream: TextIO, text: str) -> None:
    if not has_unicode(os.environ) and stream.isatty():
        text = glyphs_in_ascii(text)
    try:
        stream.write(text)
    except UnicodeEncodeError:
        stream.write(glyphs_in_ascii(text).encode("ascii", "backslashreplace").decode("ascii"))
    stream.flush()
