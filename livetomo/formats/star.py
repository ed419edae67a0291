"""Write and read STAR files: the few lines that are needed of them, without a table library."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

Row = Sequence[str | int | float]


def write_loop(path: Path, block: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """A new file with one loop, its columns tagged and numbered as RELION does."""
    with path.open("x", encoding="utf-8") as file:
        file.write(loop_text(block, columns, rows))


def loop_text(block: str, columns: Sequence[str], rows: Iterable[Row]) -> str:
    """One block with one loop."""
    head = [f"\ndata_{block}\n\nloop_"]
    head += [f"_{column} #{number}" for number, column in enumerate(columns, start=1)]
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
