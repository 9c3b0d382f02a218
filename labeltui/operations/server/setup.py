"""``setup``: installs MONAI Label on the host in named steps, and skips each step that is done already.

Each step runs as a job of the agent. The job continues when the connection is lost, and labeltui follows it
again after a reconnect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from labeltui.actions.server import SETUP, SetupParams
from labeltui.domain.documents.documents import moment
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Problem, Unreachable
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.messages import Job, JobState
from labeltui.monailabel.installation.probe import Facts, facts_of, probe_request
from labeltui.monailabel.installation.recipe import SetupOptions, Step, recipe
from labeltui.monailabel.installation.setup_problems import explain_failure, setup_problem, venv_stale
from labeltui.operations.copying import RECONNECT_S
from labeltui.operations.server.options import setup_options
from labeltui.session.log.splitter import LineSplitter

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

JOB = "setup"
STORED_LINES = 200
KILLED = -9  # for a step whose exit code is unknown: most likely the host killed it
DRAIN_S = 10.0


async def setup(session: Session, params: SetupParams, report: Report) -> Document:
    """Install MONAI Label on the host; with ``check``, only report the present installation.

    Raises Failed when a step fails. With ``check``, raises Failed with the document if the installation is
    incomplete.
    """
    options = setup_options(session.profile)
    if params.torch is not None:
        options = replace(options, torch=params.torch)
    await session.link.connected()
    work = Setup(session, options, report)
    if not params.check:
        return await work.run()
    document = await work.check()
    if document["error"] is not None:
        raise Failed.of_document(document)
    return document


@dataclass(frozen=True, slots=True)
class _Run:
    """The exit code of one command of a step, and the last lines that the command printed."""

    exit_code: int
    lines: tuple[str, ...]


class _Output:
    """Reads a step's output. Stores its last lines, and the offset up to which it was read."""

    def __init__(self, setup: Setup, step: Step) -> None:
        self.lines: list[str] = []
        self._setup = setup
        self._step = step
        self._splitter = LineSplitter()
        self._offset = 0
        self._grown = asyncio.Event()

    async def read(self, agent: AgentClient, path: str) -> None:
        """Read the output from the last offset on, until the connection ends."""
        async for chunk in agent.follow(path, self._offset):
            self._offset = chunk.offset + len(chunk.data)
            for raw in self._splitter.feed(chunk.data):
                line = raw.decode("utf-8", "replace")
                self.lines = [*self.lines[-STORED_LINES:], line]
                self._setup.emit_line(self._step, line)
            self._grown.set()

    async def until(self, size: int) -> None:
        """Return when ``size`` bytes were read. Raises Unreachable ``no_output`` if none arrive for 10 s."""
        while self._offset < size:
            self._grown.clear()
            try:
                async with asyncio.timeout(DRAIN_S):
                    await self._grown.wait()
            except TimeoutError:
                raise Unreachable(Code.NO_OUTPUT, "The last lines of the step did not arrive.") from None


class Setup:
    """One run of ``setup``."""

    def __init__(self, session: Session, options: SetupOptions, report: Report) -> None:
        self._session = session
        self._options = options
        self._report = report

    async def check(self) -> Mapping[str, Any]:
        """Report the present installation and its problems. Changes nothing."""
        facts = await self._facts()
        problem = setup_problem(facts, self._options)
        steps = recipe(facts, self._options)
        return self._document(facts, steps, problem)

    async def run(self) -> Mapping[str, Any]:
        """Run every step that is not done. Raises Failed with the cause that the failed step printed."""
        agent = await self._session.link.ready()
        await self._await_earlier(agent)
        facts = await self._facts()
        steps = self._plan(facts)
        changed = False
        for name in tuple(steps):
            changed = await self._step(steps[name]) or changed
            if name == "venv" and facts.venv_problem:  # the old one's room is known only now
                facts = await self._facts()
                steps = self._plan(facts)
        if changed:
            facts = await self._facts()
        return {**self._document(facts, recipe(facts, self._options), None), "changed": changed}

    def _plan(self, facts: Facts) -> dict[str, Step]:
        """Return the steps by name. Raises Failed if they can't run."""
        problem = setup_problem(facts, self._options)
        if problem is not None:
            raise Failed(problem.code, problem.message, problem.hint, problem.detail)
        return {step.id: step for step in recipe(facts, self._options)}

    async def _facts(self) -> Facts:
        server = self._session.profile.server
        agent = await self._session.link.ready()
        return facts_of(await agent.probe(probe_request(server.folder)), server.python)

    def _document(self, facts: Facts, steps: tuple[Step, ...], problem: Problem | None) -> Mapping[str, Any]:
        missing = [step.title for step in steps if not step.done]
        if problem is None and facts.venv_problem:
            problem = venv_stale(facts.venv_problem)
        if problem is None and missing:
            problem = Problem(Code.NOT_INSTALLED, f"Missing: {', '.join(missing)}.", "Run `labeltui setup`.")
        error = {"code": problem.code, "message": problem.message, "hint": problem.hint} if problem else None
        return {
            "as_of": moment(self._session.clock()),
            "complete": not missing,
            "stand_in": facts.standin,
            "folder": facts.folder,
            "steps": [
                {"step": s.id, "title": s.title, "state": "done" if s.done else "missing"} for s in steps
            ],
            "error": error,
        }

    def _emit(self, step: Step, state: str, **more: object) -> None:
        self._report.emit({"step": step.id, "title": step.title, "state": state, **more})

    async def _step(self, step: Step) -> bool:
        """Run one step. Returns False if it was done already."""
        if step.done:
            self._emit(step, "skipped")
            return False
        self._emit(step, "running")
        for command in step.commands:
            result = await self._command(step, command.argv, command.env, command.cwd)
            if result.exit_code != 0:
                self._emit(step, "failed")
                problem = explain_failure(step.id, result.exit_code, result.lines)
                raise Failed(problem.code, problem.message, problem.hint, problem.detail)
        self._emit(step, "done")
        return True

    async def _command(
        self, step: Step, argv: tuple[str, ...], env: Mapping[str, str], cwd: str | None
    ) -> _Run:
        await self._session.consoles.confirm(SETUP.title)  # the lease ends with a lost connection
        agent = await self._session.link.ready()
        job = await agent.job_start(JOB, list(argv), env=dict(env), cwd=cwd, meta={"step": step.id})
        try:
            return await self._watch(step, job)
        except asyncio.CancelledError:
            await self._stop()
            raise

    async def _stop(self) -> None:
        agent = self._session.link.agent
        if agent is not None:
            self._report.progress("Stopping the running step")
            await asyncio.shield(agent.job_stop(JOB, grace_s=3.0))

    async def _watch(self, step: Step, job: Job) -> _Run:
        """Follow a job to its end, also over several connections."""
        output = _Output(self, step)
        while True:
            agent = await self._session.link.ready(RECONNECT_S)
            try:
                ended = await self._until_ended(agent, job, output)
                return _Run(KILLED if ended.exit_code is None else ended.exit_code, tuple(output.lines))
            except Unreachable as error:
                self._report.progress(
                    f"{error.problem.message} The step continues on the host; labeltui reconnects to show it."
                )

    async def _until_ended(self, agent: AgentClient, job: Job, output: _Output) -> Job:
        """Return the job once it has ended and all of its output was read."""
        over: asyncio.Future[Job] = asyncio.get_running_loop().create_future()

        def on_job(now: Job) -> None:
            going = now.state in (JobState.RUNNING, JobState.STOPPING) and now.run_id == job.run_id
            if now.name == JOB and not going and not over.done():
                over.set_result(now)

        unsubscribe = agent.subscribe_jobs(on_job)
        reading = asyncio.create_task(output.read(agent, job.log_path or ""))
        try:
            on_job(await agent.job_status(JOB))
            await asyncio.wait((over, reading), return_when=asyncio.FIRST_COMPLETED)
            if not over.done():
                reading.result()
            ended = await over
            size = (await agent.stat(job.log_path or "")).size
            await output.until(size)
            return ended
        finally:
            unsubscribe()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    def emit_line(self, step: Step, line: str) -> None:
        """Report one line that the step printed."""
        self._emit(step, "running", line=line)

    async def _await_earlier(self, agent: AgentClient) -> None:
        """Wait for a step that another console or an earlier connection has started."""
        job = await agent.job_status(JOB)
        if job.state is not JobState.RUNNING:
            return
        self._report.progress("A setup is already running on the host; its progress is shown here.")
        name = str((job.meta or {}).get("step", "setup"))
        await self._watch(Step(name, name, False, ()), job)
