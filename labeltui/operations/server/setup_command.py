"""``setup``: install MONAI Label on the host, or check the installation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from labeltui.actions.server import SetupParams
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Refused
from labeltui.operations.server.options import setup_options
from labeltui.operations.server.setup import Setup

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session


async def setup(session: Session, params: SetupParams, report: Report) -> Document:
    """Install MONAI Label on the host; with ``check``, only say what is there."""
    if not params.check and session.read_only:
        raise Refused(
            Code.READ_ONLY, "Setup changes the host, and this session is read-only.", "Use --check."
        )
    options = setup_options(session.profile)
    if params.torch:
        options = replace(options, torch=params.torch)
    await session.link.connected()
    work = Setup(session, options, report)
    if not params.check:
        return await work.run()
    document = await work.check()
    if document["error"] is not None:
        raise Failed.of_document(document)
    return document
