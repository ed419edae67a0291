"""Write and read STAR files, each the inverse of the other: the few lines that are needed, without a table library.

A word that would not be read as it is stands in quotes: `"TS 01"`. RELION and starfile read these; not every other
program does, so names of tomograms are made plain first, see `names.py`. STAR has no way to write a line break.

Users' own files are read with it, too. starfile is the tests' referee: it would bring pandas and pyarrow (250 MB), fill
a row that is too short with unknown numbers, and make 255 of a tomogram that is called 00255.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from livetomo.core.errors import BadStar, NoStarWord

Row = Sequence[str | int | float]
Columns = Mapping[str, list[str]]

_BLANK = " \t\r\v\f"
_WORDS = re.compile(rf"[^{_BLANK}]+")
_TOKENS = re.compile(
    rf"""
    (?P<comment>\#.*)
    | "(?P<double>.*?)"(?=[{_BLANK}]|$)
    | '(?P<single>.*?)'(?=[{_BLANK}]|$)
    | (?P<bare>[^{_BLANK}]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_NEEDS_QUOTES = re.compile(rf"[{_BLANK}\n#'\"]|^[_;$\[\]]|^(data_|loop_|save_|stop_|global_)|^$", re.IGNORECASE)


def pairs_text(block: str, pairs: Mapping[str, str]) -> str:
    """One block of names and values."""
    return "\n".join([f"\ndata_{block}\n", *(f"_{name} {_word(value)}" for name, value in pairs.items())]) + "\n"


def loop_text(block: str, columns: Sequence[str], rows: Iterable[Row], *, numbered: bool = True) -> str:
    """One block with one loop; its columns numbered as RELION does.

    Raises:
        NoStarWord: a value has a line break, or both kinds of quotes.
    """
    head = [f"\ndata_{block}\n\nloop_"]
    head += [f"_{column} #{number}" if numbered else f"_{column}" for number, column in enumerate(columns, start=1)]
    return "\n".join(head + [" ".join(_word(value) for value in row) for row in rows]) + "\n"


def read_loops(path: Path) -> Mapping[str, Columns]:
    """As `parse_loops`, of the file at `path`."""
    try:
        return parse_loops(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as fault:
        raise BadStar(f"byte {fault.start:,} is no text in UTF-8") from None


def parse_loops(text: str, *, skip_ragged: bool = False) -> Mapping[str, Columns]:
    """The blocks of a STAR file: columns of words, in order; a name with a value of its own is a column of one word.

    skip_ragged: leave out a row that has more or fewer words than its loop has columns, instead of refusing the file.

    Raises:
        BadStar: says in which line.
    """
    blocks: dict[str, dict[str, list[str]]] = {}
    block = dict[str, list[str]]()
    columns: list[list[str]] = []
    in_loop = False
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        start = line.lstrip(_BLANK)
        first = _WORDS.match(start)
        if not first or start.startswith("#"):
            continue
        if start.startswith("data_"):
            block = blocks[first[0].removeprefix("data_")] = {}
            in_loop = False
        elif first[0] == "loop_":
            block.clear()
            in_loop, columns = True, []
        elif start.startswith("_") and not (in_loop and columns and columns[0]):
            words = _words(start[1:])
            if not words:
                raise BadStar(f'line {number} has a "_" without a name')
            name = words[0]
            block[name] = words[1:2]
            if in_loop:
                block[name] = []
                columns = list(block.values())
        elif in_loop:
            words = _words(line)
            if len(words) == len(columns):
                for column, value in zip(columns, words, strict=True):
                    column.append(value)
            elif not skip_ragged:
                raise BadStar(f"line {number} has {len(words)} words for {len(columns)} columns")
    return blocks


def grouped(columns: Columns, key: str) -> Mapping[str, Columns]:
    """The rows of a loop by the value that they have in the column `key`, each group in its order."""
    groups: dict[str, dict[str, list[str]]] = {}
    end = 0
    for name, run in groupby(columns[key]):
        start, end = end, end + len(list(run))
        group = groups.setdefault(name, {column: [] for column in columns})
        for column, values in columns.items():
            group[column] += values[start:end]
    return groups


def _words(line: str) -> list[str]:
    if not any(letter in line for letter in "\"'#"):
        return _WORDS.findall(line)
    return list(_quoted(line))


def _quoted(line: str) -> Iterator[str]:
    for found in _TOKENS.finditer(line):
        if found.lastgroup == "comment":
            return
        yield found[str(found.lastgroup)]


def _word(value: str | int | float) -> str:
    if isinstance(value, float):
        return f"{value:.6f}"
    text = str(value)
    if not _NEEDS_QUOTES.search(text):
        return text
    quote = "'" if '"' in text else '"'
    if quote in text or "\n" in text or "\r" in text:
        raise NoStarWord(f"{text!r} cannot stand in a STAR file: it has a line break or both kinds of quotes")
    return f"{quote}{text}{quote}"
