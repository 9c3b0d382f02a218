"""The questions of ``labeltui config init`` in a terminal: the same as in the console's forms, with the same checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from labeltui.config.questions import QUESTIONS, TITLES, Question, key_in
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import LabeltuiError, Misused
from labeltui.runpod.keys import find_key, keys_elsewhere
from labeltui.support.desk import WINDOWS

Show = Callable[[str], None]


class Asks(Protocol):
    """Asks for one line."""

    async def ask(self, question: str) -> str | None:
        """Return the line; None at the end of input."""
        ...


async def ask_for_profile(prompter: Asks, show: Show) -> tuple[str, dict[str, str]]:
    """Return the kind of host and the answers. A wrong answer is explained and asked for again.

    Raises Misused ``usage`` if the input ends before the last answer.
    """
    host = await _ask_host(prompter, show)
    answers: dict[str, str] = {}
    for question in QUESTIONS[host]:
        known = key_in(answers.get("address", "")) if question.name == "key" else ""
        answers[question.name] = await _ask_until_right(prompter, show, question, known or question.default)
    if host == "runpod" and not keys_elsewhere(None):
        try:
            await find_key()
        except LabeltuiError as error:
            show(f"{error.problem.message} {error.problem.hint}")
    return host, answers


async def _ask_host(prompter: Asks, show: Show) -> str:
    """Ask where MONAI Label runs, by number or by the name of the kind."""
    kinds = [kind for kind in TITLES if not (WINDOWS and kind == "local")]
    show("Where does MONAI Label run?")
    for number, kind in enumerate(kinds, 1):
        show(f"  {number}  {TITLES[kind]}")
    while True:
        answer = (await _line(prompter, f"A number from 1 to {len(kinds)}:")).lower()
        if answer in kinds:
            return answer
        if answer.isdecimal() and 0 < int(answer) <= len(kinds):
            return kinds[int(answer) - 1]
        show(f"{answer or 'Nothing'} is none of them.")


async def _ask_until_right(prompter: Asks, show: Show, question: Question, default: str) -> str:
    example = f" Example: {question.example}." if question.example and not default else ""
    show(f"{question.label}: {question.help}.{example}")
    while True:
        answer = await _line(prompter, f"{question.label}{f' [{default}]' if default else ''}:") or default
        try:
            show(f"  {question.check(answer)}")
        except Misused as error:
            show(f"  {error.problem.message} {error.problem.hint}")
        else:
            return answer


async def _line(prompter: Asks, question: str) -> str:
    answer = await prompter.ask(question)
    if answer is None:
        raise Misused(
            Code.USAGE, "Nothing is written, because the input ended before the last answer.",
            "Answer the questions, or give the answers as options: see `labeltui config init --help`.",
        )  # fmt: skip
    return answer.strip()
