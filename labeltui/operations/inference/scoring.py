"""``score``: numbers that the server computes for each study, such as the Dice of original and final label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeltui.actions.models import SCORE, ScoreParams
from labeltui.actions.params import NoParams
from labeltui.domain import states
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.operations.beside import REQUESTED_BY
from labeltui.operations.inference.tasks import SCORING, begin, follow, status, stop
from labeltui.operations.orphans import refuse_beside_orphan

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session


async def score(session: Session, params: ScoreParams, report: Report) -> Document:
    """Run a scoring to its end, and return its results by study.

    ``epistemic`` is the one method of that kind that the server offers. The server accepts methods that it does not
    have, and lets them fail. Raises Failed ``bad_parameter`` for such a method, and Refused ``already_scoring``.
    """
    state = await session.readiness.need_server()
    offered = state.info.value.scoring if state.info.value is not None else ()
    fit = [name for name in offered if name == params.method or name.endswith(f"_{params.method}")]
    if not fit:
        hint = (
            f"It offers: {', '.join(offered)}."
            if offered
            else "Start the server with `labeltui server start --worklist epistemic`, or `--conf skip_scoring false`."
        )
        raise Failed(Code.BAD_PARAMETER, f"The server has no scoring method {params.method!r}.", hint)
    await refuse_beside_orphan(session, states.SCORING, Code.ALREADY_SCORING)
    who = {REQUESTED_BY: session.consoles.who}
    task = await begin(session, SCORING, lambda client: client.score(fit[0], who))
    await session.consoles.release(SCORE.title)  # the server lists the task from now on
    report.progress(f"Scoring with {fit[0]}. It goes on without labeltui; `labeltui score stop` stops it")
    return await follow(session, SCORING, task.id, report)


async def score_status(session: Session, _params: NoParams, _report: Report) -> Document:
    """Report the state and the results of the newest scoring."""
    return await status(session, SCORING)


async def score_stop(session: Session, _params: NoParams, report: Report) -> Document:
    """Stop the scoring."""
    return await stop(session, SCORING, report)
