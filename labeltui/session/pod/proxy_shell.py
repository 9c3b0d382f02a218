"""Opens shells through RunPod's SSH proxy, for pods that can't be reached directly.

The proxy offers nothing but shells.
"""

from __future__ import annotations

from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import Pod
from labeltui.domain.problems import Refused, Unreachable
from labeltui.hosts.base import Prompter, Shell
from labeltui.hosts.ssh.host import SshHost
from labeltui.session.pod.account import PodAccount
from labeltui.session.runtime.state_folder import StateFolder

NO_TERMINAL = b"doesn't support PTY"
FIRST_BYTES = 256  # bytes of the output that may contain the proxy's own error


class ProxyShells:
    """Opens shells through the proxy, each over its own connection.

    The proxy has its own host key. The operator is asked about the key once; a changed key is refused.
    """

    def __init__(self, account: PodAccount, state: StateFolder, prompter: Prompter) -> None:
        self._account = account
        self._state = state
        self._prompter = prompter

    async def open(self, columns: int, rows: int) -> Shell:
        """Open a shell on a terminal of that size.

        Raises Refused ``no_door``, and the errors of SshHost.connect.
        """
        pod = await self._account.find()
        host = SshHost(
            _address(pod),
            own_known_hosts=self._state.known_hosts,
            prompter=self._prompter,
            key=self._account.ssh_key,
            forward_agent=False,
        )
        try:
            await host.connect()
            # The proxy ignores a command without an error and opens a shell all the same, so none is given.
            return ProxyShell(await host.shell(columns, rows), host)
        except Refused as error:
            await host.close()
            if error.problem.code == Code.LOGIN_FAILED:
                raise Refused(
                    Code.LOGIN_FAILED,
                    f"RunPod's proxy refused the login: {error.problem.message}",
                    "Your SSH key must be in the account (`labeltui pod keys`), or in the pod.",
                ) from error
            raise
        except BaseException:
            await host.close()
            raise


def _address(pod: Pod) -> str:
    if pod.ssh_proxy is None:
        raise Refused(
            Code.NO_PROXY_SHELL, f"RunPod's proxy does not reach the pod {pod.name}: it is {pod.status}.",
            "Start it with p s (`labeltui pod start`).",
        )  # fmt: skip
    return pod.ssh_proxy.address


class ProxyShell:
    """A shell and the connection that only this shell uses."""

    def __init__(self, shell: Shell, host: SshHost) -> None:
        self._shell = shell
        self._host = host
        self._first = b""

    async def read(self, limit: int = 65536) -> bytes:
        """See :class:`~labeltui.hosts.base.Shell`. Raises Unreachable if the proxy finds no terminal."""
        data = await self._shell.read(limit)
        if len(self._first) < FIRST_BYTES:
            self._first += data[:FIRST_BYTES]
            if NO_TERMINAL in self._first:
                raise Unreachable(
                    Code.NO_TERMINAL,
                    "RunPod's proxy opened no shell, because it found no terminal.",
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
