"""Patterns that a user writes for paths below a watch's root: what to leave out, and what names a session."""

import re
from collections.abc import Iterable

UNSORTED = "unsorted"
_SESSION = "{session}"
_TOMOGRAM = "{tomogram}"


def glob_regex(pattern: str, named: str = "") -> str:
    """`pattern` as a regular expression for a whole path: `**` is any number of folders, `*` and `?` are of one.

    named: what stands in braces and becomes the group of that name, once: "session" or "tomogram".
    """
    parts = pattern.strip("/").split("/")
    regex = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            regex += ".+" if last else "(?:.*/)?"
        else:
            regex += "".join(_piece(piece) for piece in _PIECES.split(part)) + ("" if last else "/")
    if named:
        braces = re.escape(f"{{{named}}}")
        regex = regex.replace(braces, f"(?P<{named}>[^/]+?)", 1).replace(braces, f"(?P={named})")
    return regex


_PIECES = re.compile(r"(\*+|\?|\[[^]]+\])")


def _piece(piece: str) -> str:
    if piece == "?":
        return "[^/]"
    if piece.startswith("*"):
        return "[^/]*"
    if piece.startswith("[") and piece.endswith("]") and len(piece) > 2:
        negated = piece.startswith("[!") and len(piece) > 3
        inside = re.sub(r"[\\\[^&|~]", r"\\\g<0>", piece[2 if negated else 1 : -1])
        one = f"[{'^' * negated}{inside}]"
        try:
            re.compile(one)
        except re.error:
            return re.escape(piece)
        return one
    return re.escape(piece)


class ExcludedPaths:
    """What the user does not want to be seen. A pattern without `/` is a name at any depth."""

    def __init__(self, patterns: Iterable[str]) -> None:
        anywhere = [pattern if "/" in pattern else f"**/{pattern}" for pattern in patterns]
        self._file = _any_of(anywhere)
        # Whatever lies in a folder that a pattern names, or whose whole content it names, need not be listed.
        self._folder = _any_of([*anywhere, *(pattern[:-3] for pattern in anywhere if pattern.endswith("/**"))])

    def has_file(self, path: str) -> bool:
        """Whether the file at `path` is left out."""
        return self._file is not None and self._file.fullmatch(path) is not None

    def has_folder(self, path: str) -> bool:
        """Whether the folder at `path` is left out with all that is in it."""
        return self._folder is not None and self._folder.fullmatch(path) is not None


def _any_of(patterns: Iterable[str]) -> re.Pattern[str] | None:
    regexes = [f"(?:{glob_regex(pattern)})" for pattern in patterns]
    return re.compile("|".join(regexes), re.DOTALL) if regexes else None


class SessionPattern:
    """Names a file's session by the component of its path that `pattern` calls {session}."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        whole = pattern.strip("/")
        whole = f"{whole}/**" if whole.endswith(_SESSION) else whole
        self._regex = re.compile(glob_regex(whole, "session"), re.DOTALL)
        self._shallow_is_unsorted = whole.startswith(_SESSION)

    def folder(self, path: str) -> str:
        """The beginning of `path` that names its session, with a trailing "/"; empty where no folder does."""
        return self.place(path)[1]

    def place(self, path: str) -> tuple[str | None, str]:
        """The session of the file at `path` (relative, with `/`), None where the pattern does not say; and `folder`."""
        match = self._regex.fullmatch(path)
        if match is None:
            return UNSORTED if self._shallow_is_unsorted and "/" not in path else None, ""
        end = path.find("/", match.end("session"))
        return match["session"], path[: end + 1] if end >= 0 else path[: path.rfind("/") + 1]

    @property
    def mismatch(self) -> str:
        """Why a file without a session is not taken."""
        return f'its path does not match the session pattern "{self._pattern}"'


class NamePattern:
    """Recognises files by a user's pattern, which may name the tomogram by `{tomogram}` within a component."""

    def __init__(self, pattern: str) -> None:
        anywhere = pattern if "/" in pattern else f"**/{pattern}"
        self._regex = re.compile(glob_regex(anywhere, "tomogram"), re.DOTALL)
        self._names = _TOMOGRAM in pattern

    def name(self, path: str) -> str | None:
        """The tomogram's name; None where `path` does not match."""
        match = self._regex.fullmatch(path)
        if match is None:
            return None
        return match["tomogram"] if self._names else path.rpartition("/")[2].rpartition(".")[0]
