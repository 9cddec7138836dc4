"""What spans say under whichever name, by column of `spans`: the first source that says something wins."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leeway.storage.columns.attributes import Attributes, Wanted, wanted
from leeway.storage.columns.measures import characters, count_of, counts
from leeway.storage.columns.texts import Texts
from leeway.storage.conventions import Column, Conventions

_SAYS_NOTHING: Final = frozenset({"", "[]", "null"})
HELD_VALUES_MAX: Final = 500_000
"""An object of more values says nothing: parsed, one takes up to 250 bytes."""
Precedences = NDArray[np.uint8]


class Names:
    """The table of conventions, ready for the attributes' kernel.

    Attributes:
        of_span: What is to be found among a span's attributes: each column's best source, each attribute that holds a
            JSON object, and each source of a word.
        of_resource: And among its resource's.
        paths: What is looked for in each of those objects, by its place.
    """

    def __init__(self, conventions: Conventions, words: str = "operation_source") -> None:
        self.columns = {column.name: column for column in conventions.columns}
        spans = [column for column in conventions.columns if column.reach != "resource_only" and column.name != words]
        resources = [column for column in conventions.columns if column.reach != "span"]
        holders = dict.fromkeys(path[0] for column in conventions.columns for _, path in json_sources(column))
        self.place = {column.name: number for number, column in enumerate(spans)}
        self.holder_place = {holder: len(spans) + number for number, holder in enumerate(holders)}
        self.paths: dict[int, list[tuple[str, ...]]] = {place: [] for place in self.holder_place.values()}
        for column in conventions.columns:
            for _, path in json_sources(column):
                self.paths[self.holder_place[path[0]]].append(path[1:])
        first_word = len(spans) + len(holders)
        self.words = sorted(
            [(p, key, first_word + n, ()) for n, (p, key) in enumerate(plain_sources(self.columns[words]))]
            + [(p, path[0], self.holder_place[path[0]], path[1:]) for p, path in json_sources(self.columns[words])]
        )
        self.resource_place = {column.name: number for number, column in enumerate(resources)}
        self.of_span: Wanted = wanted([
            *map(plain_sources, spans),
            *([(0, holder)] for holder in holders),
            *([(0, key)] for _, key in plain_sources(self.columns[words])),
        ])  # fmt: skip
        self.of_resource: Wanted = wanted([*map(plain_sources, resources)], literal=True)


def plain_sources(column: Column) -> list[tuple[int, str]]:
    """Attributes whose text is the column's, and their precedence."""
    return [(place, source) for place, source in enumerate(column.sources) if "/" not in source]


def json_sources(column: Column) -> list[tuple[int, tuple[str, ...]]]:
    """Attributes that hold a JSON object, with the path in it, and their precedence."""
    return [(place, tuple(source.split("/"))) for place, source in enumerate(column.sources) if "/" in source]


class Said:
    """What some spans and their resources say.

    Args:
        spans: Of each span, read with `names.of_span`.
        resources: Of each resource, read with `names.of_resource`.
        resource_of: The number of each span's resource.
    """

    def __init__(self, names: Names, spans: Attributes, resources: Attributes, resource_of: NDArray[np.int64]) -> None:
        self._names = names
        self._spans = spans
        self._resources = resources
        self._resource_of = resource_of
        self._rows = len(resource_of)
        self._held: dict[int, Texts] = {}
        self._in_held: dict[int, dict[tuple[str, ...], Texts]] = {}

    def texts(self, name: str) -> Texts:
        """The column's texts, its fallback's where it has none itself."""
        column = self._names.columns[name]
        if column.reach == "resource_only":
            return self._of_resource(name)
        place = self._names.place[name]
        found, precedences = self._read(place), self._spans.precedences[place]
        for better, precedence, texts in self._in_json(column, precedences):
            found = texts.where(better, found)
            precedences = np.where(better, np.uint8(precedence), precedences)
        if column.reach == "resource_too":
            found = found.or_else(self._of_resource(name))
        return found.or_else(self.texts(column.fallback)) if column.fallback else found

    def sources(self, name: str) -> Precedences:
        """Which source the column's text is from; NOBODY where there is none, or it is the fallback's."""
        column = self._names.columns[name]
        precedences: Precedences = self._spans.precedences[self._names.place[name]]
        for better, precedence, _ in self._in_json(column, precedences):
            precedences = np.where(better, np.uint8(precedence), precedences)
        return precedences

    def counts(self, name: str) -> NDArray[np.int64]:
        """The column's texts as counts."""
        column = self._names.columns[name]
        place = self._names.place[name]
        precedences = self._spans.precedences[place]
        found = counts(self._spans.texts, *self._spans.winners(place))
        for better, precedence, texts in self._in_json(column, precedences):
            found = np.where(better, np.array([count_of(text) for text in texts.values])[texts.codes], found)
            precedences = np.where(better, np.uint8(precedence), precedences)
        return found

    def meanings(self, meaning: Callable[[str], str]) -> Texts:
        """Of the words that say what a span does, the first that has a meaning."""
        found = Texts.empty(self._rows)
        for _, _, place, path in self._names.words:
            if self._spans.is_filled(place):
                found = found.or_else((self._at(place, path) if path else self._words(place)).map(meaning))
        return found

    def characters(self, name: str) -> NDArray[np.uint32]:
        """How long the column's texts are, those in JSON objects aside."""
        return characters(self._spans.texts, *self._spans.winners(self._names.place[name]))

    def _in_json(self, column: Column, precedences: Precedences) -> Iterator[tuple[NDArray[np.bool_], int, Texts]]:
        """The sources in JSON objects that win over what was found: where, their precedence, what they say."""
        for precedence, (holder, *path) in json_sources(column):
            place = self._names.holder_place[holder]
            if self._spans.is_filled(place):
                said = self._at(place, tuple(path))
                better = said.present & (precedences > precedence)
                if better.any():
                    precedences = np.where(better, np.uint8(precedence), precedences)
                    yield better, precedence, said

    def _at(self, place: int, path: tuple[str, ...]) -> Texts:
        """What lies at a path of the objects that an attribute holds. Each object is parsed once, for all paths."""
        if place not in self._in_held:
            paths = self._names.paths[place]
            held = self._words(place)
            parsed = [
                json_fields(text, paths) if used else () for text, used in zip(held.values, held.used(), strict=True)
            ]
            self._in_held[place] = {
                path: Texts.each([fields[n] if fields else "" for fields in parsed]).take(held.codes.astype(np.int64))
                for n, path in enumerate(paths)
            }
        return self._in_held[place][path]

    def _words(self, place: int) -> Texts:
        if place not in self._held:
            self._held[place] = self._read(place)
        return self._held[place]

    def _read(self, place: int) -> Texts:
        if not self._spans.is_filled(place):
            return Texts.empty(self._rows)
        return Texts.read(self._spans.texts, *self._spans.winners(place))

    def _of_resource(self, name: str) -> Texts:
        places = self._resources.winners(self._names.resource_place[name])
        return Texts.read(self._resources.texts, *places).take(self._resource_of)


def json_fields(text: str, paths: Sequence[tuple[str, ...]]) -> Sequence[str]:
    """What lies at paths of the JSON object that a text holds, as texts, empty where there is nothing; or nothing at
    all, where the text is no JSON.
    """
    if not text or text.count("{") + text.count("[") + text.count(",") > HELD_VALUES_MAX:
        return ()
    try:
        value = json.loads(text)
        return [_text_at(value, path) for path in paths]
    except (ValueError, RecursionError):
        return ()


def _text_at(value: object, path: tuple[str, ...]) -> str:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if value is None:
        return ""
    found = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # JSON can say halves of characters, which no column takes.
    return "" if found in _SAYS_NOTHING else found.encode("utf-8", "replace").decode()
