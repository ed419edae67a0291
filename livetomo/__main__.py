"""`python -m livetomo` is `livetomo`."""

from livetomo.cli import main

main()
