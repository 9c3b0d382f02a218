"""The mirrored list of studies: it equals its source, however it changes, and stalls no event loop."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from labeltui.domain.studies.study import FINAL_TAG, Fetch, Study, StudyQueue
from labeltui.session.studies.annotators import Annotators
from labeltui.session.studies.mirror import SLICE, StudyMirror

START = datetime(2026, 11, 26, 12, tzinfo=UTC)


def plain_mirror() -> StudyMirror:
    return StudyMirror(lambda study: study, set)


def fetched(study: str, client: str, minute: int) -> Study:
    return Study(study, fetches=(Fetch("first", client, START + timedelta(minutes=minute)),))


def labelled(name: str, tags: dict[str, None], fetches: tuple[Fetch, ...]) -> Study:
    return Study(name, tags, fetches)


STUDY = st.builds(
    labelled,  # Hypothesis would draw every field of the class itself
    st.sampled_from("abcdefgh"),
    st.dictionaries(st.sampled_from(["final", "original"]), st.none()),
    st.lists(st.builds(Fetch, st.just("first"), st.sampled_from(["ana", "ben"]), st.none()), max_size=2).map(
        tuple
    ),
)
STATES = st.lists(st.lists(STUDY, unique_by=lambda study: study.id), max_size=6)


async def applied(mirror: StudyMirror, studies: list[Study], by_difference: bool) -> StudyQueue:
    state = {study.id: study for study in studies}
    before = {study.id: study for study in (await mirror.queue()).studies}
    if by_difference:
        changed = [study for study in studies if before.get(study.id) != study]
        await mirror.update(changed, before.keys() - state.keys())
    else:
        await mirror.replace(state)
    return await mirror.queue()


@given(STATES, st.booleans())
def test_after_any_states_the_list_equals_the_last(states: list[list[Study]], by_difference: bool) -> None:
    async def run() -> None:
        mirror = plain_mirror()
        for studies in states:
            queue = await applied(mirror, studies, by_difference)
            assert list(queue.studies) == sorted(studies, key=lambda study: study.id)
            finals = sum(FINAL_TAG in study.tags for study in studies)
            assert (queue.total, queue.completed, queue.label_tags.get(FINAL_TAG, 0)) == (
                len(studies),
                finals,
                finals,
            )
            assert all(queue.label_tags.values())
            assert queue.open_studies == StudyQueue(None, None, queue.studies).open_studies
            assert queue.counted is not None or not studies

    asyncio.run(run())


async def test_what_did_not_change_is_the_same_object() -> None:
    mirror = plain_mirror()
    await mirror.replace({name: Study(name) for name in "abc"})
    before = (await mirror.queue()).studies
    await mirror.replace({name: Study(name, {"final": None} if name == "b" else {}) for name in "abc"})
    after = (await mirror.queue()).studies
    assert [new is old for new, old in zip(after, before, strict=True)] == [True, False, True]


async def test_only_the_studies_that_changed_are_completed_again() -> None:
    completed: list[str] = []

    def complete(study: Study) -> Study:
        completed.append(study.id)
        return study

    mirror = StudyMirror(complete, set)
    await mirror.replace({name: Study(name) for name in "abc"})
    completed.clear()
    await mirror.update([Study("b", {"final": None})], ["c"])
    await mirror.queue()
    assert completed == ["b"]


async def test_a_fetch_of_another_study_completes_the_one_before_again() -> None:
    annotators = Annotators("labeltui", lambda: UTC)
    mirror = StudyMirror(annotators.complete, annotators.take_outdated)
    await mirror.replace({"a": fetched("a", "ana", 1), "b": Study("b")})
    await mirror.update([fetched("a", "ben", 2)], [])  # MONAI Label has forgotten ana's fetch
    assert (await mirror.queue()).studies[0].openers == ("ben", "ana")
    await mirror.update([fetched("b", "ana", 3)], [])
    assert [study.openers for study in (await mirror.queue()).studies] == [("ben",), ("ana",)]


async def test_other_tasks_run_while_many_studies_arrive() -> None:
    mirror, turns = plain_mirror(), 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await mirror.replace({f"{n:06}": Study(f"{n:06}") for n in range(10 * SLICE)})
    task.cancel()
    assert turns >= 10


async def test_a_cancelled_update_leaves_a_list_that_the_next_one_can_change() -> None:
    mirror = plain_mirror()
    many = [Study(f"{n:06}") for n in range(3 * SLICE)]
    task = asyncio.create_task(mirror.update(many, []))
    for _ in range(2):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await mirror.update([Study("000000", {"final": None})], [])
    studies = (await mirror.queue()).studies
    assert studies[0].tags == {"final": None}
    assert list(studies[1:]) == many[1 : len(studies)]
