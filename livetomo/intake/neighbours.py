"""The names around a path: each folder is listed once a round, however many files ask what lies beside them."""

from livetomo.intake.tree import Tree


class Neighbours:
    """What lies in the folders of `tree`. A folder is written with a trailing "/", the root as "".

    `clear` begins a new round: names that come later are seen then.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._names: dict[str, frozenset[str]] = {}

    def names(self, folder: str) -> frozenset[str]:
        """The names in `folder`; none where it is not there, or cannot be listed."""
        names = self._names.get(folder)
        if names is None:
            try:
                names = frozenset(entry.name for entry in self._tree.list(folder.rstrip("/")))
            except OSError:
                names = frozenset()
            self._names[folder] = names
        return names

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder at `path`."""
        folder, slash, name = path.rpartition("/")
        return name in self.names(folder + slash)

    def clear(self) -> None:
        """Forget what was seen."""
        self._names.clear()
