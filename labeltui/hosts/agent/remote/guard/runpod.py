"""The ways to stop the pod from inside, each proven before it is needed.

A key that may read a pod may still not stop it, and stopping is nothing to try. So the pod, which runs, is asked to
*start*: a key that may act is told 409 (a running pod can't be started), one that may not 401 or 403. That changes
nothing, whatever is answered.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

BASE = "https://api.runpod.io"
DEADLINE_S = 20.0
AGENT = "labeltui-guard"
_KEY = re.compile(r"[!-~]{8,512}\Z")
_SAYS_CONFLICT = re.compile(r"(?i)\b409\b|not valid for|already running|conflict")
_SAYS_NO = re.compile(r"(?i)\b40[13]\b|\b410\b|denied|forbidden|unauthori|invalid (bearer|api|token)")


@dataclass
class Way:
    """One way. ``works``: True is proven, False refused, None not known yet; ``words`` say how that is known."""

    name: str
    works: bool | None = None
    words: str = "not tried yet"

    def told(self) -> dict[str, Any]:
        """As it stands in the state file."""
        return {"name": self.name, "works": self.works, "words": self.words}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A key goes where it was meant to go, and nowhere else."""

    def redirect_request(self, *_args: Any, **_options: Any) -> None:
        return None


class Api:
    """RunPod's REST v2 for one pod and one key. Answers are (status, document); status 0: no answer, in words."""

    def __init__(self, key: str, pod: str, base: str) -> None:
        self.key, self.pod = key, pod
        self.url = f"{(base or BASE).rstrip('/')}/v2/pods/{pod}"
        self.opener = urllib.request.build_opener(_NoRedirects)

    def get(self) -> tuple[int, Any]:
        """The pod."""
        return self.ask("GET", self.url, None)

    def act(self, action: str) -> tuple[int, Any]:
        """Ask the pod to start or stop."""
        return self.ask("POST", self.url + "/action", {"action": action})

    def ask(self, method: str, url: str, body: Any) -> tuple[int, Any]:
        """One request, with a deadline; never raises."""
        headers = {"Authorization": "Bearer " + self.key, "User-Agent": AGENT, "Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            # The address is RunPod's, or what the pod's own environment names in its place.
            request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310
            with self.opener.open(request, timeout=DEADLINE_S) as answer:
                return answer.status, _document(answer.read(1 << 20))
        except urllib.error.HTTPError as error:
            try:
                return error.code, _document(error.read(1 << 16))
            except OSError:
                return error.code, None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            return 0, {"detail": str(reason).replace(self.key, "***")[:200]}


def _document(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def detail(document: Any, key: str = "") -> str:
    """RunPod's own words in an answer."""
    if not isinstance(document, dict):
        return ""
    said = next((document[n] for n in ("detail", "error", "message", "title") if document.get(n)), "")
    text = str(said)[:200]
    return text.replace(key, "***") if key else text


class KeyWay:
    """Stop by REST with a key."""

    def __init__(self, name: str, api: Api) -> None:
        self.way, self.api = Way(name), api

    def prove(self) -> Any:
        """Try it harmlessly; returns the pod, when the key can read it."""
        way, proven = self.way, self.way.works
        status, pod = self.api.get()
        pod = pod if status == 200 and isinstance(pod, dict) else None
        if pod is None and status in (401, 403, 404):
            way.works, way.words = False, f"refused: RunPod does not show the pod to it ({status})"
            return None
        if pod is not None and pod.get("status") not in (None, "RUNNING"):
            way.works, way.words = (
                None,
                f"the pod is {str(pod.get('status'))[:20]}: nothing can be tried now",
            )
            return pod
        if proven:  # once is enough: a pod that is being stopped just now must not be started again
            self.look_for_hindrance(pod)
            return pod
        status, answer = self.api.act("start")
        if status in (200, 409):
            way.works, way.words = (
                True,
                f"proven: asked to start a running pod, RunPod answered {status}, not 403",
            )
            self.look_for_hindrance(pod)
        elif status in (401, 403):
            way.works, way.words = False, f"refused: it may read the pod and not act on it ({status})"
        elif status == 0:
            way.works, way.words = None, f"RunPod was not reached: {detail(answer, self.api.key)}"
        else:
            said = detail(answer, self.api.key)
            way.works, way.words = None, f"RunPod answered {status}{': ' + said if said else ''}"
        return pod

    def look_for_hindrance(self, pod: Any) -> None:
        """What keeps even a key with all rights from stopping this pod."""
        if not isinstance(pod, dict):
            return
        if pod.get("locked") is True:
            self.way.works, self.way.words = (
                False,
                "the pod is locked: RunPod refuses to stop it until it is unlocked",
            )
        if pod.get("cluster"):
            self.way.works, self.way.words = (
                False,
                "the pod is one of a cluster: RunPod stops only all of them",
            )
        actions = pod.get("actions")
        if isinstance(actions, list) and pod.get("status") == "RUNNING" and "stop" not in actions:
            legal = ", ".join(str(a)[:20] for a in actions) or "nothing"
            self.way.works, self.way.words = (
                False,
                f"RunPod does not let this pod be stopped, only: {legal}",
            )

    def stop(self) -> bool:
        """Stop the pod; True when RunPod took it."""
        status, answer = self.api.act("stop")
        if status in (200, 204):
            return True
        if status == 409:  # not valid in its status: then it is stopped already, or it can't be stopped so
            _, pod = self.api.get()
            if not isinstance(pod, dict) or pod.get("status") != "RUNNING":
                return True
        said = detail(answer, self.api.key)
        self.way.works = False if status in (401, 403) else None
        self.way.words = f"the stop failed: {status or 'no answer'}{': ' + said if said else ''}"
        return False


class ToolWay:
    """Stop by runpodctl, as every image of RunPod's has it, with the key that it has of its own."""

    def __init__(self, tool: str, pod: str, environment: dict[str, str]) -> None:
        self.way, self.tool, self.pod = Way("runpodctl"), tool, pod
        self.environment = dict(os.environ, **environment)

    def run(self, action: str) -> tuple[int | None, str]:
        """Exit code (None: it did not end) and output."""
        try:
            done = subprocess.run(
                [self.tool, "pod", action, self.pod], check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, timeout=60, env=self.environment,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return None, "it did not end within 60 s"
        except OSError as error:
            return None, str(error.strerror)
        said = done.stdout.decode("utf-8", "replace").strip()
        for name, value in self.environment.items():
            if name.endswith("KEY") and value:
                said = said.replace(value, "***")
        return done.returncode, (said.splitlines() or [""])[-1][:200]

    def prove(self) -> None:
        """As with a key: by asking the running pod to start, once."""
        if self.way.works:
            return
        code, said = self.run("start")
        if code == 0 or (code is not None and _SAYS_CONFLICT.search(said)):
            self.way.works, self.way.words = True, "proven: a start of the running pod was understood"
        elif code is not None and _SAYS_NO.search(said):
            self.way.works, self.way.words = False, f"refused: {said}"
        else:
            self.way.works, self.way.words = None, f"it said: {said}"

    def stop(self) -> bool:
        """Stop the pod; True when the tool says so."""
        code, said = self.run("stop")
        if code == 0 or (code is not None and _SAYS_CONFLICT.search(said)):
            return True
        self.way.works, self.way.words = None, f"the stop failed: {said}"
        return False


class Ways:
    """All of them, in the order in which they are taken: the first that is proven is used."""

    def __init__(self, environment: dict[str, str], operator_key: str = "") -> None:
        self.environment, self.operator_key = environment, operator_key
        self.pod_id = environment.get("RUNPOD_POD_ID", "")
        base = environment.get("RUNPOD_API_BASE_URL", "")
        self.tried = False
        self.all: list[Any] = []
        self.missing: list[str] = []
        own = environment.get("RUNPOD_API_KEY", "").strip()
        for name, key, why in (
            ("the pod's own key", own, "the pod has no API key of its own"),
            ("the operator's key", operator_key.strip(), "the profile does not lend the operator's key"),
        ):
            if _KEY.match(key):
                self.all.append(KeyWay(name, Api(key, self.pod_id, base)))
            else:
                self.missing.append(why)
        tool = shutil.which("runpodctl")
        if tool is None:
            self.missing.append("there is no runpodctl")
        else:
            self.all.append(ToolWay(tool, self.pod_id, environment))

    def prove(self) -> Any:
        """Prove one after the other until one works; returns the pod, when a key was shown it."""
        pod = None
        self.tried = True
        for one in self.all if self.pod_id else ():
            pod = one.prove() or pod
            if one.way.works:
                break
        return pod

    def chosen(self) -> Any:
        """The first that is proven; None when none is."""
        return next((one for one in self.all if one.way.works), None)

    def problem(self) -> str:
        """Why none is, in words; empty when one is, and before they were tried."""
        if self.chosen() is not None or not self.tried:
            return ""
        if not self.pod_id:
            return "This host does not say which pod of RunPod it is (no RUNPOD_POD_ID)"
        tried = [f"{one.way.name}: {one.way.words}" for one in self.all]
        return "No way to stop this pod works: " + "; ".join([*tried, *self.missing])

    def stop(self) -> str:
        """Stop the pod by the first way that works; returns its name, or empty words."""
        for one in self.all:
            if one.way.works and one.stop():
                return str(one.way.name)
        return ""

    def told(self) -> list[dict[str, Any]]:
        """Each of them for the state file."""
        return [one.way.told() for one in self.all]
