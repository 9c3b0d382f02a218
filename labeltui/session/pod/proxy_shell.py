"""RunPod's proxied SSH: an interactive shell and nothing else, for when nothing else gets in."""

from __future__ import annotations

from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import Pod
from labeltui.domain.problems import Refused, Unreachable
from labeltui.hosts.base import Prompter, Shell
from labeltui.hosts.ssh import SshHost
from labeltui.session.pod.account import PodAccount
from labeltui.session.runtime.state_folder import StateFolder

NO_TERMINAL = b"doesn't support PTY"
LOOKED_AT = 256  # bytes of output in which the proxy's own complaint would be


class ProxyShells:
    """Opens shells through the proxy, each over a connection of its own.

    The proxy's host key is none of the pod's: the operator is asked about it once, and a changed one is refused.
    """

    def __init__(self, account: PodAccount, state: StateFolder, prompter: Prompter) -> None:
        self._account = account
        self._state = state
        self._prompter = prompter

    async def open(self, columns: int, rows: int) -> Shell:
        """A shell on a terminal of that size. Raises Refused ``no_door``, and what SshHost.connect raises."""
        pod = await self._account.find()
        host = SshHost(
            _address(pod),
            own_known_hosts=self._state.known_hosts,
            prompter=self._prompter,
            key=self._account.ssh_key,
        )
        try:
            await host.connect()
            # no command: the proxy drops it without a word, and gives a shell all the same
            return ProxyShell(await host.shell(columns, rows), host)
        except Refused as error:
            await host.close()
            if error.problem.code == Code.LOGIN_FAILED:
                raise Refused(
                    Code.LOGIN_FAILED,
                    f"RunPod's proxy did not let you in: {error.problem.message}",
                    "The key must be one of the account's (`labeltui pod keys`), or the pod's own.",
                ) from error
            raise
        except BaseException:
            await host.close()
            raise


def _address(pod: Pod) -> str:
    if pod.ssh_proxy is None:
        raise Refused(
            Code.NO_DOOR, f"The pod {pod.name} is {pod.status}, and RunPod's proxy does not lead to it.",
            "It does while the pod runs: `labeltui pod start`.",
        )  # fmt: skip
    return pod.ssh_proxy.address


class ProxyShell:
    """A shell with the connection that is only there for it."""

    def __init__(self, shell: Shell, host: SshHost) -> None:
        self._shell = shell
        self._host = host
        self._begun = b""

    async def read(self, limit: int = 65536) -> bytes:
        """See :class:`~labeltui.hosts.base.Shell`; Unreachable when the proxy wants a terminal it does not see."""
        data = await self._shell.read(limit)
        if len(self._begun) < LOOKED_AT:
            self._begun += data[:LOOKED_AT]
            if NO_TERMINAL in self._begun:
                raise Unreachable(
                    Code.NO_TERMINAL,
                    "RunPod's proxy gives no shell: it did not see a terminal.",
                    "Try again.",
                )
        return data

    def write(self, data: bytes) -> None:
        """See :class:`~labeltui.hosts.base.Shell`."""
        self._shell.write(data)

    def resize(self, columns: int, rows: int) -> None:
        """See :class:`~labeltui.hosts.base.Shell`."""
        self._shell.resize(columns, rows)

    def foreground(self) -> str | None:
        """See :class:`~labeltui.hosts.base.Shell`."""
        return self._shell.foreground()

    async def wait(self) -> int | None:
        """See :class:`~labeltui.hosts.base.Shell`."""
        return await self._shell.wait()

    async def close(self) -> None:
        """See :class:`~labeltui.hosts.base.Shell`."""
        await self._shell.close()
        await self._host.close()
