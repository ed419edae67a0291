"""The name of a session, tomogram or watch on the command line: an empty one is a slip, and would mean all, or "."."""

from typing import Any

import click


class NameGiven(click.ParamType):  # type: ignore[type-arg]  # not generic in older click
    """Text that is more than blanks."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As `click.ParamType.convert`."""
        if not str(value).strip():
            self.fail("the name is empty. Is a variable of the shell not set?", param, ctx)
        return str(value)


NAME = NameGiven()
