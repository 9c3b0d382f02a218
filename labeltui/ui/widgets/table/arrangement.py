"""The rows of a table in order: sorted, filtered, and followed through changes. Pure, and quick for 100,000 rows."""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from functools import cmp_to_key
from itertools import chain, compress, repeat
from operator import contains, is_not, not_
from typing import Any, Generic, TypeVar

from labeltui.domain.log.query import Query
from labeltui.ui.widgets.table.columns import Column, widest

T = TypeVar("T")

SORTED_BY = 3
"""The number of sorts that are remembered. Rows that are equal in the newest one keep the order of the earlier ones."""
_SPECIAL = re.compile(rb"[^\w\s/:,;@#%&=<>~'\"`!-]")
"""Matches a character that has a special meaning in a regular expression."""
FEW_CHANGES = 500
FEW_KEYS = 4096
Sort = tuple[str, bool]
"""A column's name, and whether its order is reversed."""


class Prepared(Generic[T]):
    """Values for the next key: the sort keys of all columns, their widths, and the texts that a filter searches."""

    def __init__(self, arrangement: Arrangement[T], items: Sequence[T]) -> None:
        columns = arrangement.columns.values()
        self.items = items
        self.keys = {
            column.name: ranks(map(column.key, items)) if column.fixed else list(map(column.key, items))
            for column in columns
        }
        self.widths = {column.name: widest(set(map(column.text, items))) for column in columns if column.text}
        self.texts = [arrangement.searched(item) for item in items]
        self.at = {arrangement.identify(item): index for index, item in enumerate(items)}


class Arrangement(Generic[T]):
    """Items in the order of a sort, without those that a filter excludes.

    ``identify`` returns an item's id, ``text`` the text that a filter searches. Keys and texts are computed
    once per item, when they are first needed. For many items, compute them in a thread: :meth:`emptied` and
    :meth:`load`, then :class:`Prepared` and :meth:`take`. One thread may use an arrangement at a time.
    """

    def __init__(
        self, columns: Sequence[Column[T]], identify: Callable[[T], str], text: Callable[[T], str]
    ) -> None:
        self.columns = {column.name: column for column in columns}
        self.sorts: tuple[Sort, ...] = ((columns[0].name, False),)
        self.query: Query | None = None
        self.items: Sequence[T] = ()
        self.view: list[int] = []
        """Indices of the visible items, in order."""
        self.identify, self._text = identify, text
        self._order: list[int] = []
        self._at: dict[str, int] = {}
        self._keys: dict[str, list[Any]] = {}
        self._widths: dict[str, int] = {}
        self._texts: list[bytes] = []
        self._lowered: list[bytes] = []
        self._found: list[bool] = []

    def emptied(self) -> Arrangement[T]:
        """Return an arrangement with the same columns, sorts and filter, and without items."""
        other = Arrangement(tuple(self.columns.values()), self.identify, self._text)
        other.sorts, other.query = self.sorts, self.query
        return other

    # --- items

    def changes(self, items: Sequence[T]) -> list[int] | None:
        """Return the indices of changed items; None if there are too many changes to be followed one by one."""
        if len(items) != len(self.items):
            return None
        changed = list(compress(range(len(items)), map(is_not, items, self.items)))
        if len(changed) > FEW_CHANGES:
            return None
        same = all(self.identify(items[i]) == self.identify(self.items[i]) for i in changed)
        return changed if same else None

    def load(self, items: Sequence[T]) -> None:
        """Replace all items."""
        self.items = items
        self._at = {}
        self._keys, self._widths, self._texts, self._lowered = {}, {}, [], []
        order = list(range(len(items)))
        for name, backwards in reversed(self.sorts):
            order = _sorted(order, self.keys(name), backwards)
        self._order = order
        self._search()

    def follow(self, items: Sequence[T], changed: Sequence[int]) -> None:
        """Replace the items at the indices that :meth:`changes` returned; each goes to its new place."""
        self.items = items
        moved = {index for index in changed if self._read_again(index)}
        if moved:
            self._order = [index for index in self._order if index not in moved]
            place = cmp_to_key(self._compare)
            for index in moved:
                insort(self._order, index, key=place)
        query = self.query
        if query is not None and len(self._found) == len(items):
            for index in changed:
                text = self.searched(items[index])[query.lowered]
                self._found[index] = _matching(query.patterns, (text,), query.negated)[0]
        self._show()

    def _read_again(self, index: int) -> bool:
        """Compute the stored values of one item again. Returns whether the item must move to another place."""
        item, moved = self.items[index], False
        for name, keys in self._keys.items():
            if not self.columns[name].fixed:
                key = self.columns[name].key(item)
                moved |= key != keys[index] and any(name == by for by, _ in self.sorts)
                keys[index] = key
        for name, width in self._widths.items():
            text = self.columns[name].text
            self._widths[name] = max(width, widest((text(item),))) if text is not None else width
        if self._texts:
            self._texts[index], self._lowered[index] = self.searched(item)
        return moved

    def take(self, prepared: Prepared[T]) -> bool:
        """Store the values that a thread has prepared. Returns False if the items have changed too much since."""
        changed = self.changes(prepared.items)
        if changed is None:
            return False
        self._keys = {**self._keys, **prepared.keys}
        self._widths = prepared.widths
        self._texts = [text for text, _ in prepared.texts]
        self._lowered = [lowered for _, lowered in prepared.texts]
        self._at = prepared.at
        for index in changed:
            self._read_again(index)
        return True

    def index_of(self, item_id: str) -> int | None:
        """Return the index of the item with that id; None without one."""
        if not self._at:
            self._at = {self.identify(item): index for index, item in enumerate(self.items)}
        return self._at.get(item_id)

    def row_of(self, item_id: str) -> int | None:
        """Return the visible row of the item with that id; None if it is not visible."""
        index = self.index_of(item_id)
        try:
            return None if index is None else self.view.index(index)
        except ValueError:
            return None

    # --- order

    def keys(self, name: str) -> list[Any]:
        """Return the sort keys of a column, by item."""
        if name not in self._keys:
            self._keys[name] = list(map(self.columns[name].key, self.items))
        return self._keys[name]

    def sort(self, name: str, *, backwards: bool) -> None:
        """Sort by a column. Rows that are equal in it keep their order."""
        self._order = _sorted(self._order, self.keys(name), backwards)
        earlier = [one for one in self.sorts if one[0] != name]
        self.sorts = ((name, backwards), *earlier)[:SORTED_BY]
        self._show()

    def recompute(self, name: str) -> None:
        """Compute a column's keys and width again, because they depend on more than the items."""
        self._keys.pop(name, None)
        self._widths.pop(name, None)
        backwards = dict(self.sorts).get(name)
        if backwards is not None:
            keys = self.keys(name)
            if self.sorts[0][0] == name:
                self._order = _sorted(self._order, keys, backwards)
                self._show()

    def _compare(self, one: int, other: int) -> int:
        for name, backwards in self.sorts:
            a, b = self._keys[name][one], self._keys[name][other]
            if a is None or b is None:
                if a is not b:
                    return 1 if a is None else -1
            elif a != b:
                return -1 if (a < b) != backwards else 1
        return one - other

    # --- filter

    def filter(self, query: Query | None) -> None:
        """Show only the items that match."""
        self.query = query
        self._search()

    def search_again(self) -> None:
        """Read the texts that a filter searches again, because they depend on more than the items."""
        self._texts, self._lowered = [], []
        self._search()

    def _search(self) -> None:
        query = self.query
        if query is None:
            self._found = []
        else:
            self._read()
            texts = self._lowered if query.lowered else self._texts
            self._found = _matching(query.patterns, texts, query.negated)
        self._show()

    def _show(self) -> None:
        order = self._order
        self.view = (
            order if self.query is None else list(compress(order, map(self._found.__getitem__, order)))
        )

    def _read(self) -> None:
        if len(self._texts) != len(self.items):
            read = [self.searched(item) for item in self.items]
            self._texts, self._lowered = [text for text, _ in read], [lowered for _, lowered in read]

    def searched(self, item: T) -> tuple[bytes, bytes]:
        """Return the text that a filter searches, and the same in lower case."""
        text = self._text(item).replace("\n", " ").encode("utf-8", "surrogateescape")
        lowered = text.lower()
        return (lowered, lowered) if text == lowered else (text, lowered)

    # --- widths

    def width(self, name: str) -> int:
        """Return the width in cells of a column's widest text; 0 while it is not known."""
        return self._widths.get(name, 0)


def ranks(keys: Iterable[Any]) -> list[int]:
    """Return each key's place among the sorted keys: whole numbers are sorted faster than texts."""
    listed = list(keys)
    found = [0] * len(listed)
    for rank, index in enumerate(sorted(range(len(listed)), key=listed.__getitem__)):
        found[index] = rank
    return found


def _matching(patterns: Sequence[re.Pattern[bytes]], texts: Sequence[bytes], negated: bool) -> list[bool]:
    """Return for each text whether any of the patterns matches; with ``negated``, whether none does."""
    if (
        len(patterns) == 1
        and _SPECIAL.search(patterns[0].pattern) is None
        and not patterns[0].flags & re.IGNORECASE
    ):
        found = list(map(contains, texts, repeat(patterns[0].pattern)))
    else:
        search, *others = (pattern.search for pattern in patterns)
        found = [search(text) is not None for text in texts]
        for other in others:
            found = [a or other(text) is not None for a, text in zip(found, texts, strict=True)]
    return list(map(not_, found)) if negated else found


def _sorted(order: list[int], keys: list[Any], backwards: bool) -> list[int]:
    """Sort indices by their keys, stable; indices without a key come last."""
    found = list(map(keys.__getitem__, order))
    distinct = set(found)
    if len(distinct) > FEW_KEYS:
        known, unknown = order, []
        if None in distinct:
            known = [index for index in order if keys[index] is not None]
            unknown = [index for index in order if keys[index] is None]
        return sorted(known, key=keys.__getitem__, reverse=backwards) + unknown
    # Few different keys, such as states: putting each row on its key's pile costs half of a sort.
    ordered = sorted(distinct - {None}, reverse=backwards)
    piles: dict[Any, list[int]] = {key: [] for key in (*ordered, None)}
    for key, index in zip(found, order, strict=True):
        piles[key].append(index)
    return list(chain.from_iterable(piles.values()))
