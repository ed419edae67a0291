"""What a stage has to say of a tomogram: quality figures, and sentences for people."""

from dataclasses import dataclass

from livetomo.core.quality.metric import Quality


@dataclass(frozen=True, slots=True)
class Findings:
    """Figures and warnings, each in the order in which they were found."""

    figures: tuple[Quality, ...] = ()
    warnings: tuple[str, ...] = ()

    def __add__(self, later: "Findings") -> "Findings":
        return Findings(self.figures + later.figures, self.warnings + later.warnings)
