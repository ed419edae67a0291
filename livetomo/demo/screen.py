"""How the demo looks: a live table on a terminal, plain lines elsewhere."""

from typing import TextIO

from livetomo.demo.scoreboard import Scoreboard, ScoreRow

_HEAD = f"{'tomogram':<10} {'state':<14} {'seconds':>8} {'particles':>10} {'picks':>7} {'recall':>7} {'precision':>10}"


def table(board: Scoreboard) -> list[str]:
    """The scoreboard, a line a tomogram."""
    rows = [_line(board.rows[name]) for name in sorted(board.rows)]
    scored = [row.counts for row in board.rows.values() if row.counts is not None]
    mean = []
    if len(scored) > 1:
        recall = sum(counts.recall for counts in scored) / len(scored)
        precision = sum(counts.precision for counts in scored) / len(scored)
        mean = [f"{'mean':<10} {'':<14} {'':>8} {'':>10} {'':>7} {recall:>7.2f} {precision:>10.2f}"]
    return [_HEAD, *rows, *mean]


def _line(row: ScoreRow) -> str:
    def cell(value: object, width: int) -> str:
        return f"{'' if value is None else value:>{width}}"

    seconds = None if row.seconds is None else f"{row.seconds:.1f}"
    particles = None if row.truth is None else len(row.truth)
    picks = None if row.picks is None else len(row.picks)
    recall, precision = (
        (None, None) if row.counts is None else (f"{row.counts.recall:.2f}", f"{row.counts.precision:.2f}")
    )
    cells = f"{cell(seconds, 8)} {cell(particles, 10)} {cell(picks, 7)} {cell(recall, 7)} {cell(precision, 10)}"
    return f"{row.name:<10} {row.state:<14} {cells}".rstrip()


class Screen:
    """Where the demo shows itself: redraws its table in place on a terminal, adds lines elsewhere."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._drawn = 0
        self._shown: list[str] = []

    def say(self, line: str) -> None:
        """A line that stays."""
        self._wipe()
        print(line, file=self._out, flush=True)

    def happened(self, line: str) -> None:
        """Something happened that the live table shows anyway."""
        if not self._live:
            self.say(line)

    def draw(self, board: Scoreboard) -> None:
        """Show how things stand now."""
        if not self._live:
            return
        lines = table(board)
        if lines == self._shown and self._drawn:
            return
        self._wipe()
        print("\n".join(lines), file=self._out, flush=True)
        self._drawn, self._shown = len(lines), lines

    def finish(self, board: Scoreboard) -> None:
        """Leave the final table standing."""
        self._wipe()
        print("\n".join(table(board)), file=self._out, flush=True)

    def _wipe(self) -> None:
        if self._drawn:
            self._out.write(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0
