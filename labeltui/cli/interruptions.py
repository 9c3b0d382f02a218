"""The hint of a command that was interrupted: what it has left, and what to do next."""

from __future__ import annotations

from labeltui.actions import Action, Danger

NOT_BEGUN = "Nothing was changed."
OF_A_CHANGE = "It may have taken effect already, or in part: `labeltui status` shows what is there now."
_COPIES = "No copy is half there. Run it again: only what is missing is copied."
_MODEL = "The host has either its old model or the new one, whole. Run it again: only the rest is sent."
_BATCH = "A batch inference that has begun goes on: `labeltui infer status` shows it, `infer stop` ends it."
_POD = "RunPod may have the request already: `labeltui pod show` shows the pod's state, and what it costs."
_WORKLIST = "The worklist may have it already: `labeltui studies list` shows it."
HINTS = {
    "setup": "What is installed stays, and no step goes on. Run it again: it continues from there.",
    "server.start": "A server that has begun goes on: `labeltui server status` shows it, `server stop` ends it.",
    "server.stop": "The server may still run: `labeltui server status` shows it. Run it again to stop the server.",
    "server.restart": "The server may be stopped: `labeltui server status` shows it, `server start` starts it.",
    "studies.upload": "What has arrived stays on the host. Run it again: only the rest is sent.",
    "studies.delete": "It may be deleted already, after its labels were copied here: see `labeltui studies list`.",
    "studies.restore": "What was brought back stays. Run it again: the rest is brought back.",
    "studies.order": _WORKLIST,
    "studies.assign": _WORKLIST,
    "studies.skip": _WORKLIST,
    "studies.double": _WORKLIST,
    "studies.review": "Some studies may have the review already. Run it again to give it to all of them.",
    "labels.pull": _COPIES,
    "labels.restore": "Labels that were submitted stay on the server. Run it again: it submits those that are missing.",
    "labels.export": "No export was written, and an earlier one is unchanged. Run it again: images that are here stay.",
    "models.pull": _COPIES,
    "models.push": _MODEL,
    "models.rollback": _MODEL,
    "train.start": "A training that has begun goes on: `labeltui train status` shows it, `train stop` ends it.",
    "train.stop": "The training may still run: `labeltui train status` shows it. Run it again to stop the training.",
    "infer": _BATCH,
    "infer.batch": _BATCH,
    "infer.stop": "The batch inference may still run: `labeltui infer status` shows it. Run it again to stop it.",
    "score": "A scoring that has begun goes on: `labeltui score status` shows it, `score stop` ends it.",
    "score.stop": "The scoring may still run: `labeltui score status` shows it. Run it again to stop it.",
    "pod.create": "A rented pod stays, and costs money: see `labeltui pod list`. Run it again to go on with it.",
    "pod.make_volume": "The volume may be made already, and costs money: `labeltui pod volumes` shows it.",
    "pod.keys": "The account may have the key already: `labeltui pod keys` shows it.",
    "pod.start": _POD,
    "pod.stop": _POD,
    "pod.restart": _POD,
    "pod.terminate": _POD,
    "evening.end": "What is done stays done, and a pod that runs costs money. Run it again: it goes on with the rest.",
    "tunnel": "The tunnel is closed. The server goes on.",
    "invite": "The key may be on the host already: `labeltui invite list` shows it, `invite revoke` removes it.",
    "invite.revoke": "The key may still be on the host: `labeltui invite list` shows it. Run it again to remove it.",
}  # fmt: skip
"""By the action's id, the hint from the moment at which the action has begun."""


def hint_begun(action: Action) -> str:
    """Return the hint for an action that has begun. Empty for one that only reads."""
    return HINTS.get(action.id, "" if action.danger is Danger.NONE else OF_A_CHANGE)


def hint_before(action: Action) -> str:
    """Return the hint for an action that still connects or asks. Empty for one that only reads."""
    return "" if action.danger is Danger.NONE else NOT_BEGUN
