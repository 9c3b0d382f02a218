"""``python -m labeltui.sandbox.runpod``: run one emulated account until stdin closes."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
from decimal import Decimal, InvalidOperation
from pathlib import Path

import asyncssh

from labeltui.sandbox.lifetime import log_to, stop_event
from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.sandbox.runpod.world.clock import FakeClock, RealClock
from labeltui.sandbox.runpod.world.world import World
from labeltui.sandbox.scenarios import UnknownScenario, find


def main() -> int:
    """Run the emulator; prints one JSON line when it is ready, and returns the exit code."""
    parser = argparse.ArgumentParser("labeltui.sandbox.runpod", description="An emulated RunPod account.")
    parser.add_argument("--scenario", default="healthy", help="scenario that plays inside started pods")
    parser.add_argument(
        "--folder", type=Path, default=None, help="folder in which the temporary folder is made"
    )
    parser.add_argument("--balance", default="25.00", help="USD on the account")
    parser.add_argument("--fake-clock", action="store_true", help="a clock that only the control route moves")
    parser.add_argument("--pod", default="", metavar="NAME", help="rent a pod first, and wait until it runs")
    parser.add_argument("--log", type=Path, default=None, help="file for stderr once the emulator is ready")
    arguments = parser.parse_args()
    try:
        find(arguments.scenario)
        balance = Decimal(arguments.balance)
    except (UnknownScenario, InvalidOperation) as error:
        print(error, file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="labeltui-runpod-", dir=arguments.folder)).resolve()
    try:
        asyncio.run(_run(arguments, balance, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


async def _run(arguments: argparse.Namespace, balance: Decimal, folder: Path) -> None:
    world = World(clock=FakeClock() if arguments.fake_clock else RealClock(), funds=balance)
    emulated = Emulator(world, scenario=arguments.scenario, folder=folder)
    async with stop_event() as stop, emulated as emulator:
        key = asyncssh.generate_private_key("ssh-ed25519", comment="labeltui demo")
        key.write_private_key(folder / "key")
        key.write_public_key(folder / "key.pub")
        if arguments.pod:
            await emulator.rent_first(arguments.pod, key.export_public_key().decode().strip())
        places = {"root": str(folder), "folder": str(folder), "ssh_key": str(folder / "key")}
        print(json.dumps({**emulator.ready(), **places, "pid": os.getpid()}), flush=True)
        log_to(arguments.log or folder / "emulator.log")
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
