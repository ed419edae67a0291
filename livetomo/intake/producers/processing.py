"""Folders that are called after how the volumes in them were made, and not after what is in them."""

import re

_WORDS = re.compile(
    r"aretomo\d?|imod|etomo|batchruntomo|relion\d?|warp|bin\d+|\d+(?:\.\d+)?(?:apx|angpix|ang)|\d+\.\d+a"
    r"|recons?|reconstructions?|rec|volumes?|tomos?|tomograms?|wbp|sirt\d*|sart\d*|v\d+|re-?(?:run|do|recon)\d*",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"[_\- ]+")


def without_processing(folder: str) -> str:
    """`folder` without such words: `s/grid1/aretomo_bin4/` is `s/grid1/`, and `s/grid1_bin4/` too.

    Two folders of which the same is left hold the same series: `bin4` and `bin8` do, `grid1` and `grid2` do not.
    """
    parts = []
    for part in folder.strip("/").split("/"):
        words = [word for word in _BETWEEN.split(part) if not _WORDS.fullmatch(word)]
        if words:
            parts.append("_".join(words))
    return "/".join(parts) + "/"
