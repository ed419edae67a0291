"""The only room that knows SQLite: tomograms, jobs and leases, results, events.

sqlite-utils imports pandas and numpy where they are installed, for the names of their types: 80 MB of a daemon that
gives it neither. It is imported here, before a module of this room needs it, with both of them out of its reach.
"""

import sys

_unused = [name for name in ("pandas", "numpy") if name not in sys.modules]
sys.modules.update(dict.fromkeys(_unused))  # type: ignore[arg-type]  # None: "this module cannot be imported"
try:
    import sqlite_utils as sqlite_utils
finally:
    for _name in _unused:
        del sys.modules[_name]
