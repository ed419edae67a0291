"""What the intake of a watch leaves out, as problems that a person should know."""

from collections.abc import Iterator

from livetomo.core.problems import Problem
from livetomo.intake.messages import Report


def of_names(watch: str, report: Report) -> Iterator[Problem]:
    """Files that would be taken if messages, tables and pages could have their names."""
    if not report.not_utf8:
        return
    others = f" and {report.not_utf8 - 1:,} more" if report.not_utf8 > 1 else ""
    said = (
        f"{report.first_not_utf8}{others} in {watch} cannot be taken: the name (or a folder's) is not UTF-8. Rename "
        "it; then it is taken."
    )
    yield Problem("names", watch, "warning", said)
