"""What a result holds of the average of its particles: their sums, and those of as many places beside them."""

import hashlib
import io
import zipfile
from dataclasses import dataclass

import numpy as np

from livetomo.core.errors import ResultUnreadable
from livetomo.core.particle_sums import SUMS_SHAPE, ParticleSums
from livetomo.results.folder import Result

_MOST = np.iinfo(np.uint16).max


@dataclass(frozen=True, slots=True)
class TomogramAverage:
    """Of one tomogram and feature. null: the sums of places beside the particles, which were treated alike."""

    diameter_angstrom: float
    particles: ParticleSums
    null: ParticleSums


def sums_name(feature: str) -> str:
    """Where it lies in a result folder."""
    return f"average/{feature}.npz"


def sums_content(average: TomogramAverage) -> bytes:
    """The file."""
    arrays = {"diameter_angstrom": np.array(average.diameter_angstrom)}
    for name, sums in (("particles", average.particles), ("null", average.null)):
        arrays[f"{name}_signal"] = sums.signal
        arrays[f"{name}_weight"] = np.minimum(sums.weight, _MOST).astype(np.uint16)
        arrays[f"{name}_count"] = np.array(sums.count)
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def read_sums(result: Result, feature: str) -> TomogramAverage | None:
    """The inverse of `sums_content`; None where the result has none, as where its picks have no orientation.

    Raises:
        ResultUnreadable: it cannot be read, or is damaged.
    """
    name = sums_name(feature)
    if name not in result.manifest.files:
        return None
    try:
        content = (result.folder / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != result.manifest.files[name].sha256:
            raise ResultUnreadable(result.folder, f"{name} was changed: it has not the checksum that was published")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return TomogramAverage(
                float(arrays["diameter_angstrom"]), *(_sums(arrays, kind) for kind in ("particles", "null"))
            )
    except FileNotFoundError:
        raise ResultUnreadable(result.folder, f"there is no {name} in it") from None
    except OSError as fault:
        raise ResultUnreadable(result.folder, f"{name}: {fault.strerror}") from None
    except (ValueError, KeyError, zipfile.BadZipFile, EOFError) as fault:
        raise ResultUnreadable(result.folder, f"{name} is damaged ({fault})") from None


def _sums(arrays: "np.lib.npyio.NpzFile", kind: str) -> ParticleSums:
    signal, weight = arrays[f"{kind}_signal"], arrays[f"{kind}_weight"].astype(np.float32)
    if signal.shape != SUMS_SHAPE or weight.shape != SUMS_SHAPE or signal.dtype != np.complex64:
        raise ValueError(f"its sums have the shape {signal.shape}")
    first, second = arrays[f"{kind}_count"].tolist()
    return ParticleSums(signal, weight, (first, second))
