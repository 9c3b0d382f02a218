"""Renting one pod out of several that would do: names that are used once, candidates in their order."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from labeltui.domain.deploy.catalogue import PodSpec
from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import Pod
from labeltui.domain.problems import Failed, LabeltuiError, Problem
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.problems import no_capacity


@dataclass(frozen=True, slots=True)
class Refusal:
    """A candidate that could not be had, and why."""

    spec: PodSpec
    problem: Problem


def unique_name(wanted: str) -> str:
    """A name that no other request has had: it is how a pod is found again when RunPod's answer is lost."""
    base = re.sub(r"[^A-Za-z0-9-]+", "-", wanted).strip("-")[:40] or "labeltui"
    return f"{base}-{secrets.token_hex(4)}"


async def create_first(
    client: RunpodClient,
    candidates: Iterable[PodSpec],
    refused: Callable[[Refusal], None] = lambda _: None,
) -> Pod:
    """Rent the first candidate that can be had; never a second while it is unclear whether one was rented.

    All candidates should bear the same name: a pod that has it already is taken. Raises
    ``runpod_no_capacity`` when none could be had, and ``runpod_bad_request`` when RunPod had the same words
    against each: then it is the request that is wrong.
    """
    refusals: list[Refusal] = []
    last: LabeltuiError | None = None
    for spec in candidates:
        try:
            return await client.create_once(spec)
        except LabeltuiError as error:
            if not error.problem.code.next_gpu_may_do:
                raise
            last = error
            refusals.append(Refusal(spec, error.problem))
            refused(refusals[-1])
    if last is None:
        raise Failed(
            Code.RUNPOD_NO_CANDIDATE, "There is no GPU to try.", "Lower the wishes, or choose another cloud."
        )
    codes = {refusal.problem.code for refusal in refusals}
    raise (no_capacity(last.problem.detail) if Code.RUNPOD_NO_CAPACITY in codes else last)
