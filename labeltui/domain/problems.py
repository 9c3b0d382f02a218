"""Failures as values and exceptions: what happened, what to do, and the exit code that scripts rely on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

from labeltui.domain.failure_codes import Code


class ExitCode(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    UNREACHABLE = 4
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem: ``code`` for scripts, ``message`` says what happened, ``hint`` what to do.

    ``detail`` holds the evidence (a traceback, the last lines), shown on request. ``offers`` are ids of actions
    that may help, best first; the console offers them as keys.
    """

    code: Code
    message: str
    hint: str = ""
    detail: str = ""
    offers: tuple[str, ...] = ()


class LabeltuiError(Exception):
    """An operation failed; ``problem`` explains it."""

    exit_code = ExitCode.FAILED

    def __init__(
        self, code: Code, message: str, hint: str = "", detail: str = "", *, offers: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.problem = Problem(code, message, hint, detail, offers)
        self.document: Mapping[str, Any] | None = None

    @property
    def may_pass(self) -> bool:
        """True if the same attempt may succeed later, without a change by the operator."""
        return Code.reported(self.problem.code).worth_retry

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Self:
        """Create a failure with a document to print.

        The document's ``error`` has the failure's code, message and hint.
        """
        error = document["error"]
        failure = cls(
            error["code"], error["message"], error.get("hint", ""), error.get("detail", ""),
            offers=tuple(error.get("offers", ())),
        )  # fmt: skip
        failure.document = document
        return failure


class Failed(LabeltuiError):
    """The operation was tried and failed."""


class Misused(LabeltuiError):
    """Wrong usage or configuration; nothing was tried."""

    exit_code = ExitCode.USAGE


class Refused(LabeltuiError):
    """Refused on purpose: read-only, unconfirmed, or guarded."""

    exit_code = ExitCode.REFUSED


class Unreachable(LabeltuiError):
    """The host or the server cannot be reached, or the connection was lost."""

    exit_code = ExitCode.UNREACHABLE

    @property
    def may_pass(self) -> bool:
        """True, except for a name that does not exist."""
        return self.problem.code != Code.DNS


class EndedBySignal(Exception):
    """The command was cancelled by a signal. It exits with 128 + ``number``."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by signal {number}")
        self.number = number
