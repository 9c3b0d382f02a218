"""Imitate a container of RunPod's official images: keys, log lines, environment."""

from __future__ import annotations

import re
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncssh

from labeltui.sandbox.home import PodFiles
from labeltui.sandbox.monailabel.gpu import GPU, remove_gpu, write_gpu
from labeltui.sandbox.processes import MARK
from labeltui.sandbox.runpod.world.pods import Pod

ENVIRONMENT_FILE = "LABELTUI_RP_ENVIRONMENT"
"""Variable with the path of the file that is ``/etc/rp_environment`` on a real pod.

Every shell of the emulator has it.
"""

_KINDS = {"ssh-rsa": ("RSA", 2048), "ecdsa-sha2-nistp256": ("ECDSA", 256), "ssh-ed25519": ("ED25519", 256)}


def number(port: str) -> int:
    """Return the number of a port such as ``22/tcp``."""
    return int(port.partition("/")[0])


def has_sshd(pod: Pod) -> bool:
    """Return True if the start script starts sshd: the pod has a usable key and no start command of its own."""
    return not pod.spec.args and bool(usable_keys(pod.spec.env.get("PUBLIC_KEY", "")))


def usable_keys(block: str) -> str:
    """Return those lines of an authorized_keys text that sshd accepts."""
    good = []
    for line in block.splitlines():
        try:
            asyncssh.import_authorized_keys(line)
        except ValueError:
            continue
        if line.strip():
            good.append(line)
    return "\n".join(good)


def ssh_lines(pod: Pod, keys: Sequence[asyncssh.SSHKey]) -> list[str]:
    """Return the lines about host keys that the start script prints."""
    lines = ["Setting up SSH..."]
    if "no_fingerprints" in pod.start_faults:
        return lines
    lines.append("SSH host keys:")
    for key in keys:
        name, bits = _KINDS[key.get_algorithm()]
        lines.append(f"{bits} {key.get_fingerprint()} root@{pod.host_token}{pod.id[:4]} ({name})")
    return lines


def shell_environment(files: PodFiles) -> dict[str, str]:
    """Return the environment of an SSH session. As on RunPod, the pod's own variables are missing."""
    environment = files.environment()
    environment |= {"USER": "root", "LOGNAME": "root", ENVIRONMENT_FILE: str(_file(files)), MARK: files.token}
    return environment


def write_environment(
    pod: Pod, files: PodFiles, mapping: Mapping[int, int], extra: Mapping[str, str]
) -> None:
    """Write the pod's environment to a file. Like the start script, do not escape the values."""
    values = {
        **pod.spec.env,
        "RUNPOD_POD_ID": pod.id,
        "RUNPOD_DC_ID": pod.center,
        "RUNPOD_POD_HOSTNAME": f"{pod.id}-{pod.host_token}",
        "RUNPOD_GPU_COUNT": str(pod.gpus),
        "RUNPOD_CPU_COUNT": "8",
        "RUNPOD_PUBLIC_IP": "127.0.0.1",
        "CUDA_VERSION": f"{pod.cuda}.1" if pod.cuda else "",
        "RUNPOD_API_KEY": pod.api_key,
        **{f"RUNPOD_TCP_PORT_{private}": str(public) for private, public in mapping.items()},
        **extra,
    }
    if pod.spec.mount is not None and pod.spec.mount.volume is not None:
        values["RUNPOD_VOLUME_ID"] = pod.spec.mount.volume
    lines = [
        f'export {name}="{value}"'
        for name, value in values.items()
        if re.fullmatch(r"[A-Z_][A-Z0-9_]*", name)
    ]
    path = _file(files)
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o600)
    with (files.home / ".bashrc").open("a") as bashrc:
        bashrc.write(f'. "{path}"\n')
    _write_runpodctl(files)
    if pod.gpus:
        write_gpu(files.bin, files.tmp, pod.spec.gpu or GPU)
    else:
        remove_gpu(files.bin)


def _file(files: PodFiles) -> Path:
    return files.home / ".rp_environment"


_RUNPODCTL = """#!{python}
import json, os, re, sys, urllib.request
usage = "usage: runpodctl pod stop|start|delete POD_ID"
if len(sys.argv) != 4 or sys.argv[1] != "pod" or sys.argv[2] not in ("stop", "start", "delete"):
    sys.exit(usage)
environment = dict(os.environ)
for line in open(environment["{variable}"]):
    found = re.match(r'export (\\w+)="(.*)"$', line)
    if found:
        environment.setdefault(found[1], found[2])
action = {{"delete": "terminate"}}.get(sys.argv[2], sys.argv[2])
request = urllib.request.Request(
    environment["RUNPOD_API_BASE_URL"] + "/v2/pods/" + sys.argv[3] + "/action",
    json.dumps({{"action": action}}).encode(),
    {{"Authorization": "Bearer " + environment["RUNPOD_API_KEY"], "User-Agent": "runpodctl",
      "Content-Type": "application/json"}},
)
try:
    urllib.request.urlopen(request, timeout=30).read()
except OSError as error:
    sys.exit("Error: " + str(error))
print(json.dumps({{"id": sys.argv[3]}}))
"""


def _write_runpodctl(files: PodFiles) -> None:
    """Install a ``runpodctl`` that can stop, start and delete the pod with the pod's own key."""
    path = files.bin / "runpodctl"
    path.write_text(_RUNPODCTL.format(python=sys.executable, variable=ENVIRONMENT_FILE))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
