"""The labels below a folder of studies, as the agent lists them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fakes.files import Files


def label_names(files: Files, root: str) -> Iterator[tuple[str, str]]:
    """Return (tag, name) of every label below ``root``, sorted. Names that begin with a dot are not labels."""
    for tag in files.names(root):
        for name in files.names(f"{root}/{tag}"):
            if not tag.startswith(".") and not name.startswith("."):
                yield tag, name


def is_of(tag: str, name: str, wanted: set[tuple[str, str]]) -> bool:
    parts = name.split(".")
    return any((tag, ".".join(parts[: cut + 1])) in wanted for cut in range(len(parts)))


def list_labels(
    files: Files,
    now_ns: int,
    studies: str,
    only: list[list[str]] | None = None,
    after: list[str] | None = None,
    limit: int = 5000,
) -> dict[str, Any]:
    """Every label, or those of some (tag, study), after the (tag, name) ``after``."""
    root = f"{files.expand(studies)}/labels"
    wanted = None if only is None else {(tag, study) for tag, study in only}
    start = ("", "") if after is None else (after[0], after[1])
    found = [
        (tag, name)
        for tag, name in label_names(files, root)
        if (tag, name) > start and (wanted is None or is_of(tag, name, wanted))
    ]
    page = found[:limit]
    return {
        **_described(files, root, now_ns, page, summed=False),
        "after": list(page[-1]) if page else None,
        "more": len(found) > limit,
    }


def sum_labels(files: Files, now_ns: int, studies: str, keys: list[list[str]]) -> dict[str, Any]:
    """The labels with these (tag, name), with checksums."""
    root = f"{files.expand(studies)}/labels"
    return _described(files, root, now_ns, [(tag, name) for tag, name in keys], summed=True)


def _described(
    files: Files, root: str, now_ns: int, keys: list[tuple[str, str]], *, summed: bool
) -> dict[str, Any]:
    labels = []
    for tag, name in keys:
        path = f"{root}/{tag}/{name}"
        file = files.get(path)
        if file is not None:
            digest = files.sha256(path) if summed else None
            labels.append(
                {
                    "tag": tag,
                    "name": name,
                    "size": len(file.data),
                    "mtime_ns": file.mtime_ns,
                    "sha256": digest,
                }
            )
    return {"root": root, "now_ns": now_ns, "labels": labels}
