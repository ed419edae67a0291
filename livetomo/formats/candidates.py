"""A result's candidates, kept without loss: what every later export of the tomogram is made from.

A particles star as RELION 5 reads it, with columns more for the volume, for the voxel index (a position in Å from the
centre does not give every float32 back), for the share of false picks where it was estimated, and for the match score
where a map was compared. Results of older
versions have no voxel indices; the oldest have no volumes either, and six digits.
"""

import numpy as np

from livetomo.core.errors import BadStar
from livetomo.core.picks import Picks
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.names import word
from livetomo.formats.particle_columns import ANGLES, CENTRED, FALSE_SHARE, MATCH_SCORE, SCORE
from livetomo.formats.star import loop_text

_VOLUME = "livetomoVolumeAngst3"
_VOXEL = ("livetomoVoxelX", "livetomoVoxelY", "livetomoVoxelZ")


def candidates_name(feature: str) -> str:
    """The file's path in the result folder."""
    return f"candidates/{feature}.relion5.star"


def candidates_text(placed: Placed) -> str:
    """The content of the file."""
    picks = placed.picks
    angles = () if picks.euler is None else ANGLES
    shares = () if picks.false_share is None else (FALSE_SHARE,)
    matches = () if picks.match_score is None else (MATCH_SCORE,)
    columns = ("rlnTomoName", *CENTRED, *angles, SCORE, _VOLUME, *_VOXEL, *shares, *matches)
    exact = [map(repr, column) for column in placed.centred_xyz_angstrom().T.tolist()]
    # the shortest digits that give the same float32 back
    singles = [*(picks.euler.T if picks.euler is not None else ()), picks.score, picks.volume, *picks.position.T[::-1]]
    singles += [each for each in (picks.false_share, picks.match_score) if each is not None]
    exact += [map(str, column) for column in singles]
    name = word(placed.frame.name)
    return loop_text("particles", columns, ((name, *row) for row in zip(*exact, strict=True)))


def has_all_digits(text: str) -> bool:
    """Whether the numbers in the file are exact, as they are not in those of older versions."""
    return f"\n_{_VOLUME} " in text


def read_candidates(text: str, frame: Frame) -> Picks:
    """The inverse of `candidates_text`; of an older file, volumes are NaN, and no share of false picks is known.

    Raises:
        BadStar: it is not such a file.
    """
    head: list[str] = []
    rows: list[list[float]] = []
    for line in text.split("\n"):
        if line.startswith(("_rln", "_livetomo")) and not rows and " #" in line:
            head.append(line[1:].split(" ")[0])
        elif head and (numbers := _numbers(line, len(head) - 1)):
            rows.append(numbers)
    if tuple(head[:4]) != ("rlnTomoName", *CENTRED) or SCORE not in head:
        raise BadStar("it has not the columns of candidates")
    table = np.array(rows, np.float64).reshape(len(rows), len(head) - 1)
    column = {name: table[:, number] for number, name in enumerate(head[1:])}
    positions = np.column_stack([column[name] for name in (_VOXEL if _VOXEL[0] in head else CENTRED)])
    voxels = positions if _VOXEL[0] in head else frame.geometry.of_centred(positions)
    volume = column.get(_VOLUME, np.full(len(rows), np.nan))
    euler = np.column_stack([column[name] for name in ANGLES]) if ANGLES[0] in head else None
    share, match = column.get(FALSE_SHARE), column.get(MATCH_SCORE)
    return Picks(
        voxels[:, ::-1].astype(np.float32),
        column[SCORE].astype(np.float32),
        volume.astype(np.float32),
        None if euler is None else euler.astype(np.float32),
        None if share is None else share.astype(np.float32),
        None if match is None else match.astype(np.float32),
    )


def _numbers(line: str, count: int) -> list[float] | None:
    """The last `count` words of a row. What is before them is the name, which older versions wrote as it was.

    Their rows of names with quotes, `#` or a line break are no STAR, but the numbers are where they were.
    """
    words = line.rsplit(maxsplit=count)[-count:]
    try:
        return [float(each) for each in words] if len(words) == count else None
    except ValueError:
        return None
