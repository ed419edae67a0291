"""Write and read STAR files: the few lines that are needed of them, without a table library."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

Row = Sequence[str | int | float]


def pairs_text(block: str, pairs: Mapping[str, str]) -> str:
    """One block of names and values."""
    return "\n".join([f"\ndata_{block}\n", *(f"_{name} {_word(value)}" for name, value in pairs.items())]) + "\n"


def loop_text(block: str, columns: Sequence[str], rows: Iterable[Row], *, numbered: bool = True) -> str:
    """One block with one loop; its columns numbered as RELION does."""
    head = [f"\ndata_{block}\n\nloop_"]
    head += [f"_{column} #{number}" if numbered else f"_{column}" for number, column in enumerate(columns, start=1)]
    return "\n".join(head + [" ".join(_word(value) for value in row) for row in rows]) + "\n"


def read_loops(path: Path) -> Mapping[str, Mapping[str, list[str]]]:
    """The loops of a STAR file by their block's name: columns of words, in order. What is not in a loop is left out."""
    return parse_loops(path.read_text(encoding="utf-8"))


def parse_loops(text: str) -> Mapping[str, Mapping[str, list[str]]]:
    """As `read_loops`, of the file's content."""
    blocks: dict[str, dict[str, list[str]]] = {}
    name, names, in_loop = "", list[str](), False
    for line in text.splitlines():
        words = line.split("#", 1)[0].split() if line.lstrip().startswith(("_", "#")) else line.split()
        if not words:
            continue
        if words[0].startswith("data_"):
            name, names, in_loop = words[0].removeprefix("data_"), [], False
        elif words[0] == "loop_":
            in_loop, names = True, []
            blocks[name] = {}
        elif in_loop and words[0].startswith("_"):
            names.append(words[0][1:])
            blocks[name][names[-1]] = []
        elif in_loop:
            for column, word in zip(names, words, strict=True):
                blocks[name][column].append(word)
    return blocks


def _word(value: str | int | float) -> str:
    if isinstance(value, float):
        return f"{value:.6f}"
    text = str(value)
    return f'"{text}"' if any(letter.isspace() for letter in text) or not text else text
