"""Draw the house, `python -m tools.docs.architecture docs`: its rooms, and who imports whom, from the code's imports.

Rooms stand in the order of the street, the lowest at the bottom; an arrow's width is how many modules import. The rooms
that nearly all import lie below as bands, without arrows, and so do those that import nearly all, above.
"""

import ast
import sys
from collections import Counter
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).parents[2]
ROWS = (
    ("cli", "demo"),
    ("daemon",),
    ("client", "web"),
    ("publish", "train", "evaluate", "simulate"),
    ("catalog", "intake", "processing"),
    ("results",),
    ("curation",),
    ("formats",),
    ("config",),
    ("system",),
    ("core",),
)
# Nearly every room imports them, and these nearly every room: arrows would hide all others.
BELOW_ALL, ABOVE_ALL = ("config", "system", "core"), ("cli", "demo")
WHAT = {
    "cli": "one file a command; imports all",
    "demo": "everything, live, here; imports all",
    "daemon": "wires all; workers",
    "client": "for averaging jobs",
    "web": "page, API, report",
    "publish": "MQTT, Prometheus",
    "train": "networks",
    "evaluate": "scores",
    "simulate": "ground truth",
    "catalog": "SQLite: jobs, events",
    "intake": "files -> tomograms",
    "processing": "the science; torch",
    "results": "result folders",
    "curation": "rules that keep picks",
    "formats": "files of the field",
    "config": "what users write; nearly all import it",
    "system": "the operating system; nearly all import it",
    "core": "the nouns; all import it",
}
WIDTH, ROW, BOX_WIDTH, BAND_WIDTH, BOX_HEIGHT = 900, 88, 172, 760, 48


def modules() -> dict[str, Path]:
    """Every module of the package by its name."""
    found = {}
    for path in sorted((ROOT / "livetomo").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports() -> Counter[tuple[str, str]]:
    """How many modules of one room import another room."""
    counted: Counter[tuple[str, str]] = Counter()
    for name, path in modules().items():
        room = name.split(".")[1] if "." in name else ""
        seen = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("livetomo."):
                seen.add(node.module.split(".")[1])
        counted.update((room, other) for other in seen if room in WHAT and other in WHAT and other != room)
    return counted


def places() -> dict[str, tuple[float, float]]:
    """The middle of each room's box."""
    return {
        room: (WIDTH * (column + 1) / (len(row) + 1), ROW * (number + 0.5))
        for number, row in enumerate(ROWS)
        for column, room in enumerate(row)
    }


def drawing() -> str:
    """The SVG."""
    at = places()
    height = ROW * len(ROWS)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="3" orient="auto" '
        'markerUnits="userSpaceOnUse"><path d="M0,0 L7,3 L0,6 z" fill="#777"/></marker></defs>',
    ]
    for (room, other), count in sorted(imports().items()):
        if other in BELOW_ALL or room in ABOVE_ALL:
            continue
        (x, y), (to_x, to_y) = at[room], at[other]
        down = 1 if to_y > y else -1
        y, to_y = y + down * BOX_HEIGHT / 2, to_y - down * BOX_HEIGHT / 2
        bend = (to_y - y) / 3
        lines.append(
            f'<path d="M{x:.0f},{y:.0f} C{x:.0f},{y + bend:.0f} {to_x:.0f},{to_y - bend:.0f} {to_x:.0f},{to_y:.0f}" '
            f'fill="none" stroke="#777" stroke-opacity=".45" stroke-width="{min(5.0, 0.6 + count / 6):.1f}" '
            f'marker-end="url(#tip)"><title>{room} imports {other}: {count} modules</title></path>'
        )
    for room, (x, y) in at.items():
        wide = BAND_WIDTH / (1 + (room in ABOVE_ALL) * 1.7) if room in BELOW_ALL + ABOVE_ALL else BOX_WIDTH
        lines += [
            f'<rect x="{x - wide / 2:.0f}" y="{y - BOX_HEIGHT / 2:.0f}" width="{wide:.0f}" height="{BOX_HEIGHT}" '
            'rx="6" fill="#eef4f8" stroke="#336"/>',
            f'<text x="{x:.0f}" y="{y - 4:.0f}" text-anchor="middle" font-size="16" font-weight="bold">{room}/</text>',
            f'<text x="{x:.0f}" y="{y + 14:.0f}" text-anchor="middle" font-size="12">{escape(WHAT[room])}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


def main() -> None:
    """Write the drawing into the folder that is named."""
    (Path(sys.argv[1]) / "pictures" / "house.svg").write_text(drawing(), encoding="utf-8")


if __name__ == "__main__":
    main()
