"""Which annotators are known by their client ids."""

from __future__ import annotations

from labeltui.domain.state import SessionState

SHARED = frozenset({"", "?", "admin", "user-xyz"})
"""Client ids that MONAI Label and Slicer give to everybody without an id of their own."""


def known_annotators(state: SessionState) -> list[str]:
    """Return the client ids that fetched or submitted a study, are assigned one or are invited, sorted."""
    queue, worklist, invitations = state.queue.value, state.worklist.value, state.invitations.value
    names: set[str] = set()
    for study in queue.studies if queue is not None else ():
        if study.fetches or study.authors:
            names.update((fetch.client for fetch in study.fetches), study.authors.values())
    if worklist is not None:
        names.update(holder.client for holders in worklist.holders.values() for holder in holders)
        names.update(worklist.assigned.values())
    if invitations is not None:
        names.update(one.name for one in invitations.all)
    return sorted(names - SHARED)
