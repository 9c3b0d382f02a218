"""Run one command on a session: open, connect, confirm, run, close."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from labeltui.actions import Action, Danger, refuse_change
from labeltui.actions.invitations import INVITE
from labeltui.cli.asking import TerminalPrompter
from labeltui.cli.confirming import choose_answer, confirm_pod, confirm_replacement
from labeltui.cli.interruptions import hint_before, hint_begun
from labeltui.cli.output import Output
from labeltui.cli.parser import Request
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import EndedBySignal, ExitCode, LabeltuiError, Refused, Unreachable
from labeltui.domain.state import SessionState
from labeltui.hosts.base import Prompter
from labeltui.opening.launch import Launch
from labeltui.operations.doctor.doctor import without_session
from labeltui.operations.run import run_action
from labeltui.operations.table import BEFORE_ASKING

if TYPE_CHECKING:
    from labeltui.session.session import Session

Opener = Callable[[Launch, Prompter], Awaitable["Session"]]

CONNECT_DEADLINE_S = 30.0
FIRST_POLL_S = 5.0
ENDING = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK") if hasattr(signal, name)
)  # asyncio handles SIGINT
QUIET_S = 1.0  # connecting for longer is reported


async def run_command(request: Request, action: Action, output: Output, opener: Opener) -> ExitCode:
    """Run an action of the registry and print its document to ``output``. Raises LabeltuiError."""
    prompter = TerminalPrompter(output.progress)
    output.if_interrupted = hint_before(action)
    if action.id == "doctor":
        opener = _diagnosed(opener, output)
    # The demo's copies of labels are made by its first steps, which need the host.
    connects = action.needs_host or (request.launch.demo is not None and action.command[:1] == ("labels",))
    opening = opened(
        request.launch, output, prompter, opener,
        connect=connects, allowed=lambda session: refuse_change(action, read_only=session.read_only),
    )  # fmt: skip
    async with opening as session:
        if connects and request.launch.demo is not None:
            await session.readiness.first_steps_done()
        params: Mapping[str, Any] = request.params
        if action.takes_pod:
            confirmed, params = await confirm_pod(session, action, params, request.yes, prompter)
        else:
            confirmed = await confirm(session, action, params, request.yes, prompter)
        if action.id == INVITE.id:
            params = await confirm_replacement(session, params, request.yes, prompter)
        output.if_interrupted = hint_begun(action)
        try:
            document = await run_action(session, action.id, params, output, confirmed=confirmed)
        except Refused as refused:
            params = await choose_answer(refused, action, params, prompter)
            document = await run_action(session, action.id, params, output, confirmed=confirmed)
        output.if_interrupted = ""
        output.document(document)
    return ExitCode.DONE


@asynccontextmanager
async def opened(
    launch: Launch,
    output: Output,
    prompter: TerminalPrompter,
    opener: Opener,
    *,
    connect: bool = True,
    allowed: Callable[[Session], None] = lambda _session: None,
) -> AsyncIterator[Session]:
    """Yield a session, connected unless ``connect`` is False. Always close it, also after a signal.

    ``allowed`` is called before the session connects, and raises Refused for what this session may not do. Raises
    Unreachable after 30 s, an error that waiting does not solve at once, and the errors of opening the session.
    """
    with _ended_by_signals():
        session = await opener(launch, prompter)
        try:
            allowed(session)
            if (problem := session.state_folder.problem) is not None:
                output.progress(problem.message)
            if connect:
                await session.start(hold=False)  # a command does not take the console's fixed port
                await _connected(session, output, prompter)
            yield session
        finally:
            await session.close()


def _diagnosed(opener: Opener, output: Output) -> Opener:
    """Wrap an opener for the doctor. If the session can't be opened, the doctor reports why."""

    async def opened_or_reported(launch: Launch, prompter: Prompter) -> Session:
        try:
            return await opener(launch, prompter)
        except LabeltuiError as error:
            if launch.demo is None:
                await without_session(error.problem, output)
            raise

    return opened_or_reported


async def confirm(
    session: Session, action: Action, params: Mapping[str, Any], yes: str | None, prompter: TerminalPrompter
) -> bool:
    """Return whether the operator confirms, by flag or by answer.

    Raises Refused ``unconfirmed`` for a wrong name or if nobody can be asked, and the error of an action that has
    nothing to do.
    """
    if action.danger not in (Danger.DESTRUCTIVE, Danger.IRREVERSIBLE):
        return True
    if action.danger is Danger.IRREVERSIBLE:
        name = action.name_to_type(session.store.state)
        named = yes or await prompter.ask(f"{action.title}: this can't be undone. Type {name!r} to continue:")
        if named != name:
            raise Refused(Code.UNCONFIRMED, f"{action.title}: the name does not match.", f"Add --yes {name}.")
        return True
    if yes is not None:
        return True
    await _await_first_poll(session, studies=action.naming is not None)
    read = BEFORE_ASKING.get(action.id)
    note = await read(session, params) if read is not None else ""
    question = " ".join(filter(None, (note, action.ask(session.store.state, params) or f"{action.title}?")))
    if not prompter.present:
        raise Refused(Code.UNCONFIRMED, f"Not confirmed: {question}", "Confirm it, or add --yes.")
    answer = await prompter.ask(f"{question} [y/N]")
    return (answer or "").strip().lower() in ("y", "yes")


async def _await_first_poll(session: Session, *, studies: bool) -> None:
    """Wait up to 5 s for the first poll of server and training, because the question depends on both.

    With ``studies``, wait for the queue and the worklist too.
    """

    def polled(state: SessionState) -> bool:
        listed = (state.queue, state.worklist) if studies else ()
        return all(r.as_of is not None or r.failures > 0 for r in (state.server, state.training, *listed))

    try:
        await session.store.wait_for(polled, FIRST_POLL_S)
    except TimeoutError:
        return  # ask without these states


async def _connected(session: Session, output: Output, prompter: TerminalPrompter) -> None:
    """Wait for the connection.

    Raises an error that waiting does not solve at once, and Unreachable after the deadline.
    """
    link = session.link
    clock = asyncio.get_running_loop().time
    start = clock()
    reported = False
    while True:
        spent = clock() - start - prompter.asked_s
        left = CONNECT_DEADLINE_S - spent
        if left <= 0:
            raise link.unreachable()
        try:
            await link.connected(min(left, QUIET_S))
            return
        except Unreachable:
            link.raise_lasting()
        if not reported and spent > QUIET_S / 2:
            output.progress(f"connecting to {link.host.address or session.name} …")
            reported = True


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Within the block, a signal of ``ENDING`` cancels the command as Ctrl-C does.

    The block then raises EndedBySignal.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    received: list[int] = []

    def end(number: int) -> None:
        received.append(number)
        if task is not None:
            task.cancel()

    before = {
        number: signal.signal(number, lambda number, _frame: loop.call_soon_threadsafe(end, number))
        for number in ENDING
    }
    try:
        yield
    except asyncio.CancelledError:
        if received:
            raise EndedBySignal(received[0]) from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
