"""Reports at the start of a server which invited annotators have no access to the host."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from labeltui.domain.invitations import names
from labeltui.domain.problems import LabeltuiError

if TYPE_CHECKING:
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session


async def report_missing(session: Session, report: Report) -> None:
    """Report which earlier invitations the host lacks, and the command that installs them. Raises nothing."""
    if session.store.state.identity.demo:
        return
    with suppress(LabeltuiError):  # the server runs, and `invite list` reports the reason
        missing = (await session.invitations.refresh()).missing
        if missing:
            report.progress(
                f"No access to this host yet: {names(missing)}. `labeltui invite install` installs the keys."
            )
