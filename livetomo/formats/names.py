"""How a tomogram's name stands in other programs' files: as it is where all of them read it alike, else a substitute.

RELION reads quoted words, but its scripts, Warp and Dynamo split lines at blanks; starfile takes both quotes for one,
and anything after `#` for a comment; names are parts of paths, too. So a name with any of that is written as a
substitute: what is left of it in plain letters, and a short hash of what it was. It depends on the name alone: every
file of a tomogram, and every later export, has the same.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from livetomo.core.naming import slug

_LONGEST = 120  # a file's name has 255 bytes, and endings are put behind it
_PUNCTUATION = frozenset("_.-+=,%:~")  # no blank, quote, comment, wildcard, separator, nor what a shell would act on
_PLAIN_PATH = re.compile(r"(/[A-Za-z0-9_.+=,~-]+)+")
_STAR_WORDS = ("data_", "loop_", "save_", "stop_", "global_")
_NO_TEXT = frozenset(("na", "null", "none", "true", "false"))  # beside nan and inf, which are numbers


def plain(name: str) -> str:
    """`name` as one word and as a file's name."""
    return name if _is_plain(name) else _substitute(name)


def word(name: str) -> str:
    """`name` as a value of its own: as `plain`, and what table readers would take for a number or for nothing is text.

    Of `00255` starfile, and with it RELION 5's Python programs, would make 255.
    """
    return name if _is_plain(name) and not _is_number(name) else _substitute(name)


def relion_file(name: str) -> str:
    """`name` as that of a file which RELION 3.1 opens: it ends a file's name at `:` and `%`."""
    return _substitute(name) if ":" in name or "%" in name else plain(name)


def dashed(name: str) -> str:
    """`name` for copick's objects, which have no `_`: it is written `-`. What has a `-` of its own gets a hash."""
    is_simple = name.isascii() and "-" not in name and name.strip("_") == name and slug(name) == name
    return (name if is_simple else _substitute(name)).replace("_", "-")


def plain_path(path: str | None) -> str | None:
    """The path of a tomogram where every program reads it alike, as one word; None where some would not.

    RELION 3.1 ends paths at `:` and `%`, and hands them to a shell.
    """
    return path if path and _PLAIN_PATH.fullmatch(path) and ".." not in path.split("/") else None


def as_relion_has_it(name: str) -> str:
    """The name of a tilt series that RELION's own star gave: what it finds its tilt series by, quoted where need be."""
    is_readable = name.strip() == name != "" and name.isprintable() and not any(letter in name for letter in "\"'#")
    return name if is_readable else word(name)


def particle_names(tomograms: Iterable[str]) -> Iterator[str]:
    """RELION's name of each particle: its tomogram's, and its number there, from 1."""
    number = Counter[str]()
    for tomogram in tomograms:
        number[tomogram] += 1
        yield f"{tomogram}/{number[tomogram]}"


def _is_plain(name: str) -> bool:
    return (
        name[:1].isalnum()
        and all(letter.isalnum() or letter in _PUNCTUATION for letter in name)
        and len(name.encode()) <= _LONGEST
        and not name.lower().startswith(_STAR_WORDS)
    )


def _is_number(name: str) -> bool:
    if name.lower() in _NO_TEXT or re.fullmatch("0[xob][0-9a-f]+", name.lower()):
        return True
    try:
        float(name)
    except ValueError:
        return False
    return True


def _substitute(name: str) -> str:
    """Letters of `name`, and a hash of all of it: one that begins as RELION and STAR let words begin."""
    letters = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:80].strip("_.-")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{'t_' if letters.lower().startswith(_STAR_WORDS) or not letters else ''}{letters}-{digest}"
