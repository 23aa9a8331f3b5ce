"""Where everything of a book stands in its files, by path in the merged tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from rules.findings import Span
from rules.model import Path

# line, column, end line, end column; from 1, the end exclusive
Stretch = tuple[int, int, int, int]
Place = tuple[str, Stretch, Stretch]  # file, key, value
START: Stretch = (1, 1, 1, 1)


class Positions:
    """The spans of keys and values. Kept as bare tuples: a book has thousands of places and asks for a few."""

    def __init__(self) -> None:
        self._places: dict[Path, Place] = {}
        self._first_file = ""

    def add(self, path: Path, file: str, key: Stretch, value: Stretch) -> None:
        """Note a place. The first one for a path stays."""
        self._places.setdefault(path, (file, key, value))

    def since(self, count: int) -> dict[Path, Place]:
        """The places noted after the first `count`."""
        return dict(islice(self._places.items(), count, None))

    def add_all(self, places: Mapping[Path, Place]) -> None:
        """Note the places of an entry that is not there yet."""
        self._places.update(places)

    def start_at(self, file: str) -> None:
        """Name the file that stands for the whole book (the first one read stays)."""
        self._first_file = self._first_file or file

    def key(self, path: Path) -> Span:
        """The span of the key; of a list item, that of its value. Raises KeyError for a path that is not in the book."""
        file, key, _ = self._places[path]
        return Span(file, *key)

    def value(self, path: Path) -> Span:
        """The span of the value; a block mapping or list starts at its first entry. Raises KeyError for an unknown path."""
        file, _, value = self._places[path]
        return Span(file, *value)

    def nearest(self, path: Path) -> Span:
        """The span of the key of the path, or of the nearest one above it; of the empty path, the start of the first file."""
        while path and path not in self._places:
            path = path[:-1]
        return self.key(path) if path else Span(self._first_file, *START)

    def items(self) -> Iterator[tuple[Path, Span, Span]]:
        """Every path with the spans of its key and value, in order of reading."""
        for path, (file, key, value) in self._places.items():
            yield path, Span(file, *key), Span(file, *value)

    def __contains__(self, path: object) -> bool:
        return path in self._places

    def __len__(self) -> int:
        return len(self._places)
