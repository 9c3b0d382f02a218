"""The questions of ``studies upload`` and ``labels export`` about what is there already."""

from __future__ import annotations

from typing import Any

import pytest

from labeltui.actions.exports import LABELS_EXPORT
from labeltui.actions.studies import STUDIES_LIST, STUDIES_UPLOAD
from labeltui.cli.confirming import choose_answer
from labeltui.cli.parser import parse
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Refused

EXISTING = Refused(Code.EXISTS, "The host has other versions of \x1b[2Ja.nii.")


class Answering:
    def __init__(self, answer: str | None, *, present: bool = True) -> None:
        self.answer, self.present, self.asked = answer, present, list[str]()

    async def ask(self, question: str) -> str | None:
        self.asked.append(question)
        return self.answer


def test_the_command_line() -> None:
    request = parse(["studies", "upload", "a.nii", "~/scans", "--skip", "--dry-run"])
    assert request.action is STUDIES_UPLOAD
    assert request.params == {"paths": ["a.nii", "~/scans"], "skip": True, "dry_run": True}


@pytest.mark.parametrize(("answer", "added"), [("r", "replace"), (" S", "skip")])
async def test_the_answer_counts_for_all_of_them(answer: str, added: str) -> None:
    prompter: Any = Answering(answer)
    params = await choose_answer(EXISTING, STUDIES_UPLOAD, {"paths": ("a",)}, prompter)
    assert params == {"paths": ("a",), added: True}
    assert len(prompter.asked) == 1
    assert "\x1b" not in prompter.asked[0]


@pytest.mark.parametrize(("answer", "added"), [("d", "deidentify"), ("i", "identified")])
async def test_consent_to_identifying_headers(answer: str, added: str) -> None:
    prompter: Any = Answering(answer)
    refused = Refused(Code.UNCONFIRMED, "3 DICOM files would go with PatientName.")
    assert await choose_answer(refused, STUDIES_UPLOAD, {}, prompter) == {added: True}
    assert "PatientName" in prompter.asked[0]


@pytest.mark.parametrize("answer", ["", None, "x", "y"])
async def test_no_answer_changes_nothing(answer: str | None) -> None:
    prompter: Any = Answering(answer)
    with pytest.raises(Refused, match="other versions"):
        await choose_answer(EXISTING, STUDIES_UPLOAD, {}, prompter)


async def test_without_a_terminal_and_for_other_refusals_nothing_is_asked() -> None:
    absent: Any = Answering("r", present=False)
    present: Any = Answering("r")
    with pytest.raises(Refused):
        await choose_answer(EXISTING, STUDIES_UPLOAD, {}, absent)
    with pytest.raises(Refused):
        await choose_answer(EXISTING, STUDIES_LIST, {}, present)
    with pytest.raises(Refused):
        await choose_answer(Refused(Code.READ_ONLY, "No."), STUDIES_UPLOAD, {}, present)
    assert absent.asked == present.asked == []


async def test_an_earlier_export_is_replaced_only_after_an_answer() -> None:
    refused = Refused(Code.EXISTS, "out is an earlier export.")
    agreeing: Any = Answering("r")
    assert await choose_answer(refused, LABELS_EXPORT, {"dest": "out"}, agreeing) == {
        "dest": "out",
        "replace": True,
    }
    skipping: Any = Answering("s")
    with pytest.raises(Refused):
        await choose_answer(refused, LABELS_EXPORT, {"dest": "out"}, skipping)
