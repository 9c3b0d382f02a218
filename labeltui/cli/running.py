"""Run one command on a session: open, connect, confirm, run, close."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from labeltui.actions import Action, Danger
from labeltui.cli.asking import TerminalPrompter
from labeltui.cli.confirming import confirm_pod
from labeltui.cli.output import Output
from labeltui.cli.parser import Request
from labeltui.domain.failure_codes import Code
from labeltui.domain.host import LinkState
from labeltui.domain.problems import EndedBySignal, ExitCode, LabeltuiError, Refused, Unreachable
from labeltui.domain.state import SessionState
from labeltui.hosts.base import Prompter
from labeltui.opening.launch import Launch
from labeltui.operations.doctor.doctor import without_session
from labeltui.operations.run import run_action

if TYPE_CHECKING:
    from labeltui.session.session import Session

Opener = Callable[[Launch, Prompter], Awaitable["Session"]]

CONNECT_DEADLINE_S = 30.0
FIRST_POLL_S = 5.0
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)  # asyncio handles SIGINT
QUIET_S = 1.0  # connecting for longer is reported


async def run_command(request: Request, action: Action, output: Output, opener: Opener) -> ExitCode:
    """Run an action of the registry and print its document to ``output``. Raises LabeltuiError."""
    prompter = TerminalPrompter(output.progress)
    if not request.launch.read_only:
        refuse_unasked(action, request.yes, prompter)
    if action.id == "doctor":
        opener = _diagnosed(opener, output)
    opening = opened(request.launch, output, prompter, opener, connect=action.needs_host)
    async with opening as session:
        params: Mapping[str, Any] = request.params
        if action.takes_pod and not session.read_only:
            confirmed, params = await confirm_pod(session, action, params, request.yes, prompter)
        else:
            confirmed = session.read_only or await confirm(session, action, request.yes, prompter)
        document = await run_action(session, action.id, params, output, confirmed=confirmed)
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
) -> AsyncIterator[Session]:
    """Yield a session, connected unless ``connect`` is False. Always close it, also after a signal.

    Raises Unreachable after 30 s, Refused when the operator has to decide, and the errors of opening the session.
    """
    with _ended_by_signals():
        session = await opener(launch, prompter)
        try:
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
            await without_session(error.problem, output)
            raise

    return opened_or_reported


def refuse_unasked(action: Action, yes: str | None, prompter: TerminalPrompter) -> None:
    """Raise Refused before connecting, if the action needs a confirmation and nobody can be asked."""
    if action.danger not in (Danger.DESTRUCTIVE, Danger.IRREVERSIBLE) or yes is not None or prompter.present:
        return
    flag = "--yes NAME" if action.danger is Danger.IRREVERSIBLE else "--yes"
    raise Refused(Code.UNCONFIRMED, f"{action.title}: not confirmed.", f"Add {flag}.")


async def confirm(session: Session, action: Action, yes: str | None, prompter: TerminalPrompter) -> bool:
    """Return whether the operator confirms, by flag or by answer. Raises Refused ``unconfirmed`` for a wrong name."""
    if action.danger not in (Danger.DESTRUCTIVE, Danger.IRREVERSIBLE):
        return True
    if action.danger is Danger.IRREVERSIBLE:
        name = action.name_to_type(session.store.state)
        named = yes or await prompter.ask(f"{action.title}: this can't be undone. Type {name!r} to go on:")
        if named != name:
            raise Refused(Code.UNCONFIRMED, f"{action.title}: the name does not match.", f"Add --yes {name}.")
        return True
    if yes is not None:
        return True
    await _await_first_poll(session)
    question = action.question(session.store.state) or f"{action.title}?"
    answer = await prompter.ask(f"{question} [y/N]")
    return (answer or "").strip().lower() in ("y", "yes")


async def _await_first_poll(session: Session) -> None:
    """Wait up to 5 s for the first poll of server and training, because the question depends on both."""

    def polled(state: SessionState) -> bool:
        return all(r.as_of is not None or r.failures > 0 for r in (state.server, state.training))

    try:
        await session.store.wait_for(polled, FIRST_POLL_S)
    except TimeoutError:
        return  # ask without these states


async def _connected(session: Session, output: Output, prompter: TerminalPrompter) -> None:
    """Wait for the connection. Raises Unreachable after the deadline, Refused when the operator has to decide."""

    def settled(state: SessionState) -> bool:
        return state.host.value is not None and state.host.value.state in (
            LinkState.CONNECTED,
            LinkState.REFUSED,
        )

    clock = asyncio.get_running_loop().time
    start = clock()
    reported = False
    while True:
        spent = clock() - start - prompter.asked_s
        left = CONNECT_DEADLINE_S - spent
        if left <= 0:
            raise _unreachable(session.store.state)
        try:
            state = await session.store.wait_for(settled, min(left, QUIET_S))
        except TimeoutError:
            if not reported and spent > QUIET_S / 2:
                output.progress(f"connecting to {_address(session.store.state) or session.name} …")
                reported = True
            continue
        break
    host = state.host.value
    if host is not None and host.state is LinkState.REFUSED:
        why = host.detail or state.host.error or "the connection was refused"
        raise Refused(
            Code.CONNECTION_REFUSED,
            f"{host.address}: {why}",
            "Decide in the console, or correct the profile.",
        )


def _address(state: SessionState) -> str:
    return "" if state.host.value is None else state.host.value.address


def _unreachable(state: SessionState) -> Unreachable:
    host = state.host.value
    why = state.host.error or (host.detail if host is not None else "") or "no answer"
    return Unreachable(
        Code.UNREACHABLE,
        f"{_address(state) or 'The host'} can't be reached: {why}",
        "Check the address and the network; `labeltui doctor` checks both.",
    )


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Within the block, ``ENDING`` signals cancel the command as Ctrl-C does. Raises EndedBySignal after one."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    received: list[int] = []

    def end(number: int) -> None:
        received.append(number)
        if task is not None:
            task.cancel()

    for number in ENDING:
        loop.add_signal_handler(number, end, number)
    try:
        yield
    except asyncio.CancelledError:
        if received:
            raise EndedBySignal(received[0]) from None
        raise
    finally:
        for number in ENDING:
            loop.remove_signal_handler(number)
