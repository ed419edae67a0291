"""The watcher's process: `python -m livetomo.intake`, JSON lines on its pipes. It ends when its standard input does."""

import logging
import os
import threading

from livetomo.intake.watcher_process import Child
from livetomo.system.json_parent import Parent


def main() -> None:
    """Watch until the supervisor is gone."""
    parent = Parent()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    child = Child(parent)

    def listen() -> None:
        for message in parent:
            child.inbox.put(message)
        os._exit(0)  # the loop may be stuck in a file system that does not answer

    threading.Thread(target=listen, name="supervisor", daemon=True).start()
    child.run()


main()
