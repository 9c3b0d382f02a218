"""``python -m labeltui.sandbox.runpod``: run one emulated account until stdin closes."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from decimal import Decimal, InvalidOperation
from pathlib import Path

from labeltui.sandbox.pod import end_with_console
from labeltui.sandbox.scenarios import UnknownScenario, find


def main() -> int:
    """Run the emulator; prints one JSON line when it is ready, and returns the exit code."""
    parser = argparse.ArgumentParser("labeltui.sandbox.runpod", description="An emulated RunPod account.")
    parser.add_argument("--scenario", default="healthy", help="what plays inside a started pod")
    parser.add_argument("--folder", type=Path, default=None, help="where the temporary folder is made")
    parser.add_argument("--balance", default="25.00", help="USD on the account")
    parser.add_argument("--fake-clock", action="store_true", help="time moves by the control route only")
    parser.add_argument("--log", type=Path, default=None, help="where stderr goes once it is ready")
    arguments = parser.parse_args()
    try:
        find(arguments.scenario)
        balance = Decimal(arguments.balance)
    except (UnknownScenario, InvalidOperation) as wrong:
        print(wrong, file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="labeltui-runpod-", dir=arguments.folder)).resolve()
    try:
        asyncio.run(_run(arguments, balance, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


async def _run(arguments: argparse.Namespace, balance: Decimal, folder: Path) -> None:
    leave = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, leave.set)
    watch = asyncio.create_task(end_with_console(leave))

    import asyncssh  # noqa: PLC0415 - heavy, once we may be ended

    from labeltui.sandbox.runpod.emulator import Emulator  # noqa: PLC0415
    from labeltui.sandbox.runpod.world.clock import FakeClock, RealClock  # noqa: PLC0415
    from labeltui.sandbox.runpod.world.world import World  # noqa: PLC0415

    world = World(clock=FakeClock() if arguments.fake_clock else RealClock(), funds=balance)
    async with Emulator(world, scenario=arguments.scenario, folder=folder) as emulator:
        key = asyncssh.generate_private_key("ssh-ed25519", comment="labeltui demo")
        key.write_private_key(folder / "key")
        key.write_public_key(folder / "key.pub")
        places = {"root": str(folder), "folder": str(folder), "ssh_key": str(folder / "key")}
        print(json.dumps({**emulator.ready(), **places, "pid": os.getpid()}), flush=True)
        _log_to(arguments.log or folder / "emulator.log")
        await leave.wait()
    watch.cancel()


def _log_to(path: Path) -> None:
    """Nobody reads stderr once it is ready; a full pipe would stop it."""
    with path.open("ab") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())


if __name__ == "__main__":
    sys.exit(main())
