"""The keys that may stop the pod from inside.

Not every key that can read a pod may stop it, and no harmless request to RunPod shows the difference. A
``start`` of a running pod is no test: RunPod may answer it before it checks the key's permissions, and it would
start a pod that has just stopped. So a key is proven only when it has stopped the pod. Until then the guard
only checks that the key reads the pod.
"""

from __future__ import annotations

import json
import re
import shutil
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from labeltui.domain.guard.stopping import ACCEPTED, FAILED, REFUSED, UNANSWERED, outcome
from labeltui.hosts.agent.remote.guard.lending import NOT_LENT

BASE = "https://api.runpod.io"
DEADLINE_S = 20.0
AGENT = "labeltui-guard"
UNPROVEN = "not tested yet"
DOWN = ("EXITED", "ERROR", "TERMINATED")
_KEY = re.compile(r"[!-~]{8,512}\Z")


@dataclass
class StopMethod:
    """A method to stop the pod.

    ``works`` is True if proven, False if ruled out, None if unknown. ``words`` is the reason.
    """

    name: str
    works: bool | None = None
    words: str = UNPROVEN

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object for the state file."""
        return {"name": self.name, "works": self.works, "words": self.words}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, so that a key is never sent to another address."""

    def redirect_request(self, *_args: Any, **_options: Any) -> None:
        return None


class Api:
    """RunPod's REST v2 for one pod and one key.

    Answers are (status, document). Status 0 means no answer; ``detail`` in the document has the reason.
    """

    def __init__(self, key: str, pod: str, base: str) -> None:
        self.key, self.pod = key, pod
        self.url = f"{(base or BASE).rstrip('/')}/v2/pods/{pod}"
        self.opener = urllib.request.build_opener(_NoRedirects)

    def get(self) -> tuple[int, Any]:
        """Read the pod."""
        return self.ask("GET", self.url, None)

    def act_stop(self) -> tuple[int, Any]:
        """Ask RunPod to stop the pod. The guard sends no other action."""
        return self.ask("POST", self.url + "/action", {"action": "stop"})

    def ask(self, method: str, url: str, body: Any) -> tuple[int, Any]:
        """Send one request with a deadline. Network errors are returned as status 0."""
        headers = {"Authorization": "Bearer " + self.key, "User-Agent": AGENT, "Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            # The address is RunPod's, unless the pod's own environment has another one.
            request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310
            with self.opener.open(request, timeout=DEADLINE_S) as answer:
                return answer.status, _document(answer.read(1 << 20))
        except urllib.error.HTTPError as error:
            try:
                return error.code, _document(error.read(1 << 16))
            except (OSError, HTTPException):
                return error.code, None
        except (OSError, ValueError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            return 0, {"detail": str(reason).replace(self.key, "***")[:200]}


def _document(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def detail(document: Any, key: str = "") -> str:
    """Return RunPod's error text in an answer, without the key. Empty if there is none."""
    if not isinstance(document, dict):
        return ""
    said = next((document[n] for n in ("detail", "error", "message", "title") if document.get(n)), "")
    text = str(said)[:200]
    return text.replace(key, "***") if key else text


class StopKey:
    """Stops the pod by REST with one key. Only a stop shows whether the key may stop the pod."""

    def __init__(self, name: str, api: Api, *, stopped_before: bool = False) -> None:
        self.method, self.api = StopMethod(name), api
        self.stopped_before = stopped_before
        self.refused = False  # RunPod has refused a stop; never reset while this guard runs
        self.failures = 0  # failed stops in a row

    def check(self) -> Any:
        """Read the pod and update ``method``; changes nothing on RunPod. Returns None if the key can't read the pod."""
        status, pod = self.api.get()
        pod = pod if status == 200 and isinstance(pod, dict) else None
        if self.refused:
            return pod
        method = self.method
        if pod is not None:
            method.works, method.words = None, f"{UNPROVEN}; it may read the pod"
            if self.stopped_before:
                method.works, method.words = True, "it stopped this pod before"
            self.find_hindrance(pod)
        elif status in (401, 403, 404):
            method.works, method.words = False, f"refused: RunPod does not show the pod to it ({status})"
        else:
            method.works, method.words = None, f"{UNPROVEN}; {_answered(status, pod, self.api.key)}"
        return pod

    def find_hindrance(self, pod: dict[str, Any]) -> None:
        """Rule the key out if no key can stop the pod, for example because the pod is locked."""
        why = ""
        actions = pod.get("actions")
        if isinstance(actions, list) and pod.get("status") == "RUNNING" and "stop" not in actions:
            legal = ", ".join(str(a)[:20] for a in actions) or "nothing"
            why = f"RunPod does not let this pod be stopped, only: {legal}"
        if pod.get("cluster"):
            why = "the pod is one of a cluster: RunPod stops only all of them"
        if pod.get("locked") is True:
            why = "the pod is locked: RunPod refuses to stop it until it is unlocked"
        if why:
            self.method.works, self.method.words = False, why

    def is_down(self) -> bool:
        """Whether RunPod reports that the pod does not run."""
        status, pod = self.api.get()
        return status == 200 and isinstance(pod, dict) and pod.get("status") in DOWN

    def stop(self) -> str:
        """Send one stop. Returns its outcome, one of the constants of ``domain/guard/stopping.py``."""
        status, answer = self.api.act_stop()
        result = outcome(status)
        self.failures = self.failures + 1 if result in (FAILED, UNANSWERED) else 0
        words = _answered(status, answer, self.api.key)
        if result == ACCEPTED:
            self.method.works, self.method.words = True, f"RunPod accepts its stop ({status})"
        elif result == REFUSED:
            self.refused = True
            self.method.works, self.method.words = False, f"refused: it may not stop the pod; {words}"
        else:
            self.method.works, self.method.words = None, f"the stop failed: {words}"
        return result


def _answered(status: int, document: Any, key: str) -> str:
    said = detail(document, key)
    if status == 0:
        return f"RunPod was not reached{': ' + said if said else ''}"
    return f"RunPod answered {status}{': ' + said if said else ''}"


class StopKeys:
    """The keys that may stop the pod, in the order in which they are used."""

    def __init__(
        self,
        environment: dict[str, str],
        operator_key: str = "",
        without_key: str = NOT_LENT,
        *,
        stopped_by: str = "",
        before: StopKeys | None = None,
    ) -> None:
        """Collect the keys.

        ``without_key`` is the reason why there is no operator's key, if there is none. ``stopped_by`` names the
        key that stopped this pod before. ``before`` has earlier results for the keys; a refused key stays
        refused.
        """
        self.environment, self.operator_key, self.stopped_by = environment, operator_key, stopped_by
        self.without_key = without_key
        self.pod_id = environment.get("RUNPOD_POD_ID", "")
        base = environment.get("RUNPOD_API_BASE_URL", "")
        known = {(one.method.name, one.api.key, one.api.url): one for one in (before.all if before else ())}
        self.checked = False
        self.all: list[StopKey] = []
        self.missing: list[str] = []
        own = environment.get("RUNPOD_API_KEY", "").strip()
        for name, key, why in (
            ("the pod's own key", own, "the pod has no API key of its own"),
            ("the operator's key", operator_key.strip(), without_key),
        ):
            if _KEY.match(key):
                api = Api(key, self.pod_id, base)
                one = known.get((name, key, api.url)) or StopKey(name, api, stopped_before=name == stopped_by)
                self.all.append(one)
            else:
                self.missing.append(why)
        if shutil.which("runpodctl") is not None:
            self.missing.append("runpodctl does not count: no version of it is known to speak REST v2")

    def check(self) -> Any:
        """Check every key. Returns the pod; None if no key can read it."""
        pod = None
        self.checked = True
        for one in self.all if self.pod_id else ():
            pod = one.check() or pod
        return pod

    def chosen(self) -> StopKey | None:
        """Return the key for the next stop: the one with the fewest failures. None if all are ruled out."""
        usable = [one for one in self.all if one.method.works is not False] if self.pod_id else []
        return min(usable, key=lambda one: one.failures) if usable else None

    def problem(self) -> str:
        """Return the reason that no key is usable. Empty if one is."""
        if self.chosen() is not None:
            return ""
        if not self.pod_id:
            return "This host does not say which pod of RunPod it is (no RUNPOD_POD_ID)"
        ruled_out = [f"{one.method.name}: {one.method.words}" for one in self.all]
        return "No key can stop this pod: " + "; ".join([*ruled_out, *self.missing])

    def as_json(self) -> list[dict[str, Any]]:
        """Return all keys' methods as JSON objects for the state file."""
        return [one.method.as_json() for one in self.all]
