"""The documents that people read most, in the words of the console's status strip.

Each function returns a smaller document: labels with a text each, and tables. JSON output has the whole document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from labeltui.actions.pods import POD_SHOW
from labeltui.actions.session import REPORT, STATUS
from labeltui.actions.studies import STUDIES_LIST, STUDIES_SHOW
from labeltui.cli.text import cell
from labeltui.domain.host import URL_OPENS
from labeltui.domain.text import duration, plural, size

Document = Mapping[str, Any]


def for_people(action: str, document: Document) -> Document:
    """Return the document with the fields that people read. One without a form of its own is returned as it is."""
    write = _FORMS.get(action)
    if write is None:
        return _with_lasting_url(document) if "url_open" in document else document
    return {key: value for key, value in write(document).items() if value}


def _with_lasting_url(document: Document) -> Document:
    """The document with how long its URL is open, instead of whether it is."""
    shown = {**document, "url": _url(document)}
    return {key: value for key, value in shown.items() if key != "url_open" and (key != "url" or value)}


def _url(part: Document) -> str:
    """Slicer's URL, and how long it is open if no program holds it now."""
    opens = f" {URL_OPENS}" if part.get("url_open") is False else ""
    return f"{part['url']}{opens}" if part.get("url") else ""


def _joined(*parts: object) -> str:
    """Join the parts that are neither None nor empty."""
    return ", ".join(str(part) for part in parts if part not in (None, "", [], ()))


def _part(document: Document, key: str) -> Document:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def _state(part: Document, now: object, *more: object) -> str:
    """A state and its details; a stale one with its age and the reason why it was not read again."""
    if not part:
        return ""
    text = _joined(part.get("state") or "unknown", *more, _message(part.get("error")))
    if not part.get("stale"):
        return text
    old = _age(part.get("as_of"), now) + " old"
    return f"{text} ({_joined(old, part.get('stale_because'))})"


def _message(problem: object) -> str:
    return str(problem.get("message") or "") if isinstance(problem, Mapping) else ""


def _age(at: object, now: object) -> str:
    try:
        return duration((datetime.fromisoformat(str(now)) - datetime.fromisoformat(str(at))).total_seconds())
    except ValueError:
        return "?"


def _share(used: float | None, total: float | None) -> str:
    return "" if used is None else f"{size(used)} of {size(total)}"


def _money(amount: object, word: str) -> str:
    return "" if amount is None else f"{cell(amount)} {word}"


def _rate(amount: object) -> str:
    return f"{'$?' if amount is None else cell(amount)}/h"


def _status(document: Document) -> Document:
    now = document.get("as_of")
    host, tunnel, server, load = (_part(document, key) for key in ("host", "tunnel", "server", "load"))
    scenario = f"DEMO {document.get('scenario') or ''}".strip() if document.get("demo") else ""
    latency = host.get("latency_ms")
    host_more = (host.get("address"), host.get("detail"), "" if latency is None else f"{latency:.0f} ms")
    models = ", ".join(server.get("models") or ())
    served = f"{server.get('app') or '?'}: {models}" if server.get("app") or models else ""
    return {
        "profile": _joined(
            document.get("profile"), scenario, "READ-ONLY" if document.get("read_only") else ""
        ),
        "pod": _pod_line(_part(document, "pod"), _part(document, "money"), now),
        "guard": _guard(_part(document, "guard"), now),
        "host": _state(host, now, *host_more),
        "load": _load(load),
        "tunnel": _state(tunnel, now, _url(tunnel), tunnel.get("detail")),
        "server": _state(server, now, server.get("phase"), served, _since(server, now)),
        "training": _training(_part(document, "training"), now),
        "queue": _queue(_part(document, "studies"), now),
        "labels": _labels(_part(document, "labels"), now),
        **_consoles(document, now),
        **_alerts(document),
    }


def _consoles(document: Document, now: object) -> Document:
    """The other consoles on the host. Empty if there are none."""
    texts = (
        _joined(
            cell(one.get("who")),
            f"here for {_age(one['since'], now)}" if one.get("since") else "",
            "read-only" if one.get("read_only") else "",
            f"no answer for {_age(one['silent_since'], now)}" if one.get("silent_since") else "",
            f"runs now: {cell(one['action'])}" if one.get("action") else "",
        )
        for one in document.get("consoles") or ()
    )
    return {f"also here {number}": text for number, text in enumerate(texts, 1)}


def _alerts(document: Document) -> Document:
    """Each alert as whole sentences, which no column cuts."""
    listed = document.get("alerts") or ()
    texts = (f"{one.get('level')}: {one.get('message')} {one.get('hint') or ''}".rstrip() for one in listed)
    return {f"alert {number}": text for number, text in enumerate(texts, 1)} or {"alerts": "none"}


def _since(part: Document, now: object) -> str:
    """Return how long the server is up; empty once it has ended, though its start is known."""
    ended = part.get("state") in ("stopped", "crashed")
    return f"up {_age(part['started_at'], now)}" if part.get("started_at") and not ended else ""


def _load(load: Document) -> str:
    cpu = load.get("cpu_pct")
    memory, disk = (_share(load.get(f"{of}_used"), load.get(f"{of}_total")) for of in ("memory", "disk"))
    gpus = [f"GPU {gpu.get('utilisation_pct') or 0:.0f}%" for gpu in load.get("gpus") or ()]
    return _joined(
        *gpus, "" if cpu is None else f"CPU {cpu:.0f}%",
        memory and f"memory {memory}", disk and f"disk {disk}",
    )  # fmt: skip


def _pod_line(pod: Document, money: Document, now: object) -> str:
    if not pod:
        return ""
    gpu = f"{pod.get('gpu_count') or 1} × {pod['gpu']}" if pod.get("gpu") else ""
    rate = _rate(pod.get("cost_per_hour"))
    spent = _money(money.get("today"), "today") or _money(money.get("session"), "so far")
    left = money.get("hours_left")
    return _state(
        {"state": pod.get("status"), "stale": money.get("stale"), "as_of": money.get("as_of")}, now,
        gpu, rate, spent, "" if left is None else f"{int(left)} h left",
    )  # fmt: skip


def _guard(guard: Document, now: object) -> str:
    if guard.get("state") in (None, "none"):
        return str(guard.get("message") or "")
    left = guard.get("stops_in_s")
    more = ("" if left is None else f"stops the pod in {duration(left)}", guard.get("problem"))
    return _state(guard, now, guard.get("message"), *more)


def _training(training: Document, now: object) -> str:
    best = _part(training, "best")
    epochs = (
        f"epoch {training['epoch']}/{training.get('total_epochs') or '?'}" if training.get("epoch") else ""
    )
    value, left = best.get("value"), training.get("eta_s")
    return _state(
        training, now, training.get("model"), epochs, "" if value is None else f"best {value:.3f}",
        "" if left is None else f"{duration(left)} left",
        plural(training["queued"], "training") + " queued" if training.get("queued") else "",
    )  # fmt: skip


def _queue(studies: Document, now: object) -> str:
    if not studies:
        return ""
    done, total = ("?" if studies.get(key) is None else studies[key] for key in ("completed", "total"))
    if (done, total) == ("?", "?"):
        return ": ".join(
            filter(None, ("unknown", studies.get("stale_because") or studies.get("source_problem")))
        )
    damaged = len(studies.get("damaged") or ())
    counts = {**studies, "state": f"{done}/{total} final"}
    return _state(
        counts, now, plural(damaged, "damaged label") if damaged else "", studies.get("source_problem")
    )


def _labels(labels: Document, now: object) -> str:
    if not labels or labels.get("total") is None:
        return ""
    models, models_here = (labels.get(name) or 0 for name in ("by_models", "by_models_here"))
    text = f"{(labels.get('here') or 0) - models_here}/{labels['total'] - models} here"
    counts = {**labels, "state": f"{text}, {models_here}/{models} of models" if models else text}
    return _state(counts, now, "" if labels.get("copies") else "not copied", labels.get("reason"))


def _studies(document: Document) -> Document:
    now = document.get("as_of")
    work = document.get("worklist")
    return {
        "queue": _queue(document, now),
        "worklist": (work or {}).get("message") if isinstance(work, Mapping) else None,
        "studies": [_study_row(study) for study in document.get("studies") or ()],
    }


def _study_row(study: Document) -> Document:
    return {
        "id": study.get("id"),
        "state": study.get("state"),
        "opened_by": study.get("opened_by"),
        "opened_at": study.get("opened_at"),
        "labels": study.get("tags"),
        "by": study.get("submitted_by"),
        "assigned_to": study.get("assigned_to"),
        "skipped": study.get("skipped") or None,
        "review": study.get("review"),
        "size": size(study["size"]) if study.get("size") is not None else None,
        "added_at": study.get("added_at"),
    }


def _study(document: Document) -> Document:
    """One study, with a table instead of each nested value."""
    labels, image = document.get("labels") or (), _part(document, "image")
    return {
        **document,
        "size": size(document["size"]) if document.get("size") is not None else None,
        "image": [{"field": name, "value": value} for name, value in image.items()],
        "compared": _comparison(_part(document, "compared")),
        "labels": [{key: value for key, value in one.items() if key != "copies"} for one in labels],
        "copies": [
            {"tag": one["tag"], **copy, "size": size(copy["size"])} for one in labels for copy in one["copies"]
        ],
        "history": [
            {
                "at": one["at"], "client": one["client"], "event": one["event"],
                "strategy or label": one.get("strategy") or one.get("label"),
            }
            for one in document.get("history") or ()
        ],
    }  # fmt: skip


def _comparison(compared: Document) -> object:
    """A row for each label of each two readings, or why they were not compared."""
    rows = []
    for pair in compared.get("pairs") or ():
        readings = " and ".join(pair["clients"])
        for label in pair["labels"]:
            voxels = " and ".join(map(str, label["voxels"]))
            rows.append(
                {"readings": readings, "label": label["name"], "dice": label["dice"], "voxels": voxels}
            )
        note = pair["error"] or ("the files place their voxels differently" if pair["shifted"] else "")
        if note or not pair["labels"]:
            rows.append({"readings": readings, "note": note or "both are empty"})
    return rows or (compared.get("error") and f"not compared: {compared['error']}")


def _pod(document: Document) -> Document:
    now, money = document.get("as_of"), _part(document, "money")
    disks = (
        (document.get(f"{of}_disk_gb"), word)
        for of, word in (("container", "container"), ("volume", "volume"))
    )
    stopped = document.get("cost_per_hour_stopped")
    uptime = document.get("uptime_s")
    return {
        "name": _joined(document.get("name"), document.get("id")),
        "pod": _pod_line(document, money, now),
        "stopped": None if stopped is None else _rate(stopped),
        "balance": _money(money.get("balance"), "left"),
        "up for": None if uptime is None else duration(uptime),
        "started": document.get("started_at"),
        "ssh": document.get("ssh"),
        "place": document.get("data_centre"),
        "disks": _joined(*(f"{gb} GB {word}" for gb, word in disks if gb)),
        "network volume": document.get("network_volume"),
        "image": document.get("image"),
        "public": _joined(*(document.get("public_urls") or ())),
        "possible": _joined(*(document.get("actions") or ())),
    }


def _report(document: Document) -> Document:
    hours, now = document.get("hours"), document.get("as_of")
    best = _part(document, "best")
    rate = document.get("labels_per_hour")
    each = document.get("cost_per_label")
    return {
        "since": document.get("since"),
        "time": None if hours is None else duration(hours * 3600),
        "labels": _known(
            document.get("labels"),
            lambda count: _joined(
                plural(count, "final label"), f"{plural(document.get('studies') or 0, 'study', 'studies')}",
                "" if rate is None else f"{rate:g} an hour",
            ),
        ),
        "by annotator": document.get("labels_by"),
        "studies fetched": document.get("fetches_by"),
        "labels submitted": document.get("submissions_by"),
        "copied": _labels(_part(document, "labels_here"), now),
        "cost": _known(document.get("cost"), lambda cost: _joined(cell(cost), _money(each, "a label"))),
        "best": _known(best.get("value"), lambda value: f"{best.get('model')} {value:.3f}, epoch {best.get('epoch')}"),
        "trainings": document.get("trainings"),
        "sessions": document.get("sessions"),
        "written": document.get("file"),
    }  # fmt: skip


def _known(value: Any, shown: Callable[[Any], str]) -> str:
    """The text for a value; what was not measured is named as unknown."""
    return "unknown" if value is None else shown(value)


_FORMS: Mapping[str, Callable[[Document], Document]] = {
    STATUS.id: _status,
    REPORT.id: _report,
    STUDIES_LIST.id: _studies,
    STUDIES_SHOW.id: _study,
    POD_SHOW.id: _pod,
}
