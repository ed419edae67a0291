"""The pictures of a report: few enough that it can be sent by mail, chosen so that trouble is among them."""

import base64
import io
from collections.abc import Sequence

from PIL import Image

from livetomo.web.report.session import Row

_SIDE = 200
_QUALITY = 70
_TILE = "preview/tile.png"


def chosen(rows: Sequence[Row], most: int) -> list[Row]:
    """At most so many of the rows that have a picture, in their order.

    Half of them are kept for tomograms that are bad or warn, the bad ones first; the others are spread evenly.
    """
    there = [row for row in rows if row.manifest and _TILE in row.manifest.files]
    if len(there) <= most:
        return there
    poor = [row for verdict in ("bad", "warn") for row in there if row.verdict == verdict][: most // 2]
    taken = {row.name for row in poor}
    rest = [row for row in there if row.name not in taken]
    room = most - len(poor)
    taken |= {rest[number * len(rest) // room].name for number in range(room)}
    return [row for row in there if row.name in taken]


def picture(row: Row) -> str | None:
    """The tomogram's tile as a data URI, about 8 kB; None where its file cannot be read any more."""
    assert row.folder is not None
    try:
        with Image.open(row.folder / _TILE) as tile:
            small = tile.convert("RGB")
    except OSError:
        return None
    small.thumbnail((_SIDE, _SIDE))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode('ascii')}"
