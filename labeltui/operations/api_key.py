"""RunPod's API key before there is a session: what RunPod says of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from labeltui.domain.amounts import dollars
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import LabeltuiError, Unreachable
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.keys import Secret

PODS_S = 20.0
CREDIT_S = 10.0  # the first answer proves the key already


async def describe_account(key: Secret) -> str:
    """Ask RunPod for the key's pods and credit, and describe them in one line.

    Raises LabeltuiError: Refused if RunPod refuses the key, Unreachable if it does not answer within 20 s.
    """
    client = RunpodClient(key)
    try:
        async with asyncio.timeout(PODS_S):
            pods = len(await client.pods())
        balance = None
        with suppress(LabeltuiError, TimeoutError):
            async with asyncio.timeout(CREDIT_S):
                balance = (await client.account()).balance
    except TimeoutError:
        raise Unreachable(
            Code.RUNPOD_UNREACHABLE, f"RunPod did not answer within {PODS_S:.0f} s.", "Try again."
        ) from None
    finally:
        await client.close()
    count = "no pods yet" if not pods else "1 pod" if pods == 1 else f"{pods} pods"
    credit = "" if balance is None else f", {dollars(balance)} of credit"
    return f"RunPod accepts the key: {count}{credit}"
