"""What can go wrong: one class per cause that a person can act on, and the exit code that it ends a command with.

What is done about a failed job reads the class, never the text: a `PermanentError` is the input's own fault and costs
one attempt, a `TransientError` is tried again, a `DeviceError` is nobody's fault but the device's and is not charged.
"""

from enum import IntEnum
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

OUT_OF_MEMORY = "out of memory"
"""The reason of a fault that costs an attempt, and whose second in a row for one tomogram is its own fault."""

FaultKind = Literal["permanent", "transient", "device", "unexpected"]


class ExitCode(IntEnum):
    """How a command ends."""

    OK = 0
    UNEXPECTED = 1
    CONFIGURATION = 2
    INPUT = 3
    UNREACHABLE = 4
    BUSY = 5
    INCOMPLETE = 6


class LivetomoError(Exception):
    """Anything that livetomo can say clearly. `reason` is its name in three words, as lists and labels show it."""

    exit_code: ClassVar[ExitCode] = ExitCode.UNEXPECTED
    kind: ClassVar[FaultKind] = "unexpected"
    reason: ClassVar[str] = "error"

    def __init_subclass__(
        cls, *, reason: str | None = None, exit_code: ExitCode | None = None, kind: FaultKind | None = None
    ) -> None:
        """What is not given is the base's."""
        given = {"reason": reason, "exit_code": exit_code, "kind": kind}
        for name, value in given.items():
            if value is not None:
                setattr(cls, name, value)


E = TypeVar("E", bound=LivetomoError)


def the_one(kind: type[E], faults: BaseExceptionGroup[BaseException]) -> E | None:
    """One error of a group of this kind, which several parts notice at once; None where there are others in it."""
    known, others = faults.split(kind)
    fault: BaseException | None = known
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return fault if others is None and isinstance(fault, kind) else None


class PathError(LivetomoError):
    """What is wrong with a file or folder: `sentence`, in which `{path}` stands for it."""

    sentence: ClassVar[str]

    def __init__(self, path: Path) -> None:
        super().__init__(self.sentence.format(path=path))


class PathErrorWithCause(LivetomoError):
    """What is wrong with a file or folder, and why: `sentence`, in which `{path}` and `{why}` stand for them."""

    sentence: ClassVar[str]

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(self.sentence.format(path=path, why=why))
        self.path = path


class ConfigurationError(LivetomoError, reason="configuration", exit_code=ExitCode.CONFIGURATION):
    """A file that the user wrote, or the environment, asks for something that cannot be."""


class UnusableMap(ConfigurationError, reason="unusable map"):
    """A particle's density map shows no particle, or not enough is known of it."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}" if why.endswith("?") else f"{name}: {why}.")


class PluginUnusable(ConfigurationError, reason="plug-in unusable"):
    """A plug-in that is asked for cannot be imported, is not what its entry point says, or is offered twice."""


class PackageAbsent(LivetomoError, reason="package absent", exit_code=ExitCode.CONFIGURATION):
    """A package that this command needs is not installed: the client's installation has only what the client needs.

    extra: the name of the installation that has it.
    """

    def __init__(self, name: str, extra: str = "daemon") -> None:
        needs = {"daemon": "This command needs", "curation": "To choose picks by where they lie takes"}[extra]
        super().__init__(
            f"{needs} the package {name}, which is not installed. Only what follows picks is installed without it. "
            f"Install the rest: pip install 'livetomo[{extra}]'"
        )


class Unreachable(LivetomoError, reason="unreachable", exit_code=ExitCode.UNREACHABLE):
    """A daemon or broker that a command needs does not answer."""


class BrokerError(LivetomoError):
    """What the MQTT broker says. `code` is MQTT 5's reason code, where it named one."""

    def __init__(self, said: str, code: int | None = None) -> None:
        super().__init__(said)
        self.code = code


class BrokerAway(BrokerError, Unreachable, reason="broker away"):
    """The MQTT broker does not answer, refuses, or has hung up: what is to be published waits for it."""


class OtherVersion(BrokerAway, reason="another version of MQTT"):
    """Somebody took the connection and gave no answer of this version of MQTT: a broker of another one does so."""


class MessageRefused(BrokerError, reason="message refused", exit_code=ExitCode.CONFIGURATION):
    """The MQTT broker is there, and does not take this message."""


class AddressAway(Unreachable, reason="address away"):
    """An address to listen at is not there yet, or another program has it."""


class SecretUnreadable(LivetomoError, reason="secret unreadable", exit_code=ExitCode.CONFIGURATION):
    """A file with a password or a token is not there, is empty, or is no text."""


class Refused(LivetomoError, reason="refused", exit_code=ExitCode.CONFIGURATION):
    """The daemon will not do what it was asked."""


class ApiAway(Unreachable, reason="API away"):
    """The daemon's HTTP API does not answer, refuses, or gives something else than was published."""


class NumberedAnew(LivetomoError, reason="numbered anew", exit_code=ExitCode.INCOMPLETE):
    """The daemon's events are numbered anew: its catalog was restored or made anew. `epoch` is the new one."""

    def __init__(self, message: str, epoch: str) -> None:
        super().__init__(message)
        self.epoch = epoch


class NotAsPublished(LivetomoError, reason="not as published", exit_code=ExitCode.INPUT):
    """A file that a message names is gone, or is not the file that was published."""


class BadStar(LivetomoError, reason="bad STAR file", exit_code=ExitCode.INPUT):
    """A STAR file, or a part of it, cannot be read."""


class NoStarWord(LivetomoError, reason="no STAR word", exit_code=ExitCode.INPUT):
    """A value that a STAR file has no way to write."""


class BadManifest(LivetomoError, reason="bad manifest", exit_code=ExitCode.INPUT):
    """A `result.json` is no manifest. The sentence has its subject left out: "it does not give revision as …"."""


class ResultUnreadable(PathErrorWithCause, reason="result unreadable", exit_code=ExitCode.INPUT):
    """A result's folder does not hold what was published in it."""

    sentence = (
        "{path} cannot be read: {why}. Put it back from a copy, or process the tomogram again (livetomo reprocess)."
    )


class ExportDiffers(LivetomoError, reason="export differs"):
    """Files that were made for another program do not hold what was to be written."""


class FalseShareUnknown(LivetomoError, reason="false share unknown", exit_code=ExitCode.INPUT):
    """A tomogram's picks are to be chosen by their share of false ones, and nobody has estimated it."""

    def __init__(self, tomogram: str, why: str) -> None:
        super().__init__(
            f"the share of false picks is not known in {tomogram}: {why or 'the recipe did not ask for it'}. "
            'Give a --threshold, or process it with a recipe that has "false_share".'
        )


class CurationImpossible(LivetomoError, reason="curation impossible", exit_code=ExitCode.INPUT):
    """A rule is to choose among a tomogram's picks by what its result does not hold."""


class StateBusy(PathError, reason="state in use", exit_code=ExitCode.BUSY):
    """Another daemon holds the state directory."""

    sentence = "{path} is in use by another livetomo daemon. Stop that one, or choose another state."


class CollectionBusy(PathError, reason="folder in use", exit_code=ExitCode.BUSY):
    """Another follower collects in this folder."""

    sentence = (
        "{path} is in use by another livetomo follow, and two would write over each other. Stop that one, or give this "
        "one another --output."
    )


class BadBackup(PathErrorWithCause, reason="bad backup", exit_code=ExitCode.INPUT):
    """A file cannot be restored as the catalog; nothing was changed."""

    sentence = "{path} cannot be restored: {why}. Nothing was changed."


class CatalogBusy(LivetomoError, reason="catalog busy", exit_code=ExitCode.BUSY):
    """The catalog's file is there and sound, but cannot be used at the moment."""


class OutputBusy(LivetomoError, reason="output in use", exit_code=ExitCode.BUSY):
    """Another daemon writes results of the same watches to the same folder."""


class PermanentError(LivetomoError, reason="bad input", exit_code=ExitCode.INPUT, kind="permanent"):
    """The input itself is at fault: trying again cannot help."""


class TransientError(LivetomoError, reason="temporary fault", exit_code=ExitCode.INPUT, kind="transient"):
    """Something around the input failed: trying again may help."""


class DeviceError(LivetomoError, reason="device fault", kind="device"):
    """The device failed, not the input."""


class PluginFailed(PermanentError, reason="plug-in failed"):
    """The code of a plug-in raised an error, or returned something that it must not return."""

    def __init__(self, plugin: str, why: str) -> None:
        super().__init__(f"{plugin} failed: {why}. Ask its authors; the log and the failed job have the details.")


class PluginAway(TransientError, reason="plug-in away"):
    """A plug-in that the recipe was read with is not installed any more, or is another version by now."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why}. Install it again, or have the daemon read its recipes again and reprocess.")


class NotAnMrc(PathErrorWithCause, PermanentError, reason="not an MRC file"):
    """The file is not an MRC volume."""

    sentence = "{path.name} is not an MRC volume: {why}. Is it another kind of file with this ending?"


class OtherFormat(PermanentError, reason="another format"):
    """The file, or folder, holds a volume in a format that livetomo does not read."""

    def __init__(self, path: Path, what: str, advice: str) -> None:
        super().__init__(f"{path.name} is {what}; livetomo reads MRC files. {advice}")


class DamagedCompression(PathErrorWithCause, PermanentError, reason="damaged compression"):
    """A compressed file cannot be decompressed to its end."""

    sentence = (
        "{path.name} cannot be decompressed ({why}). Was the copy interrupted? "
        "Copy it again: livetomo takes a rewritten file as a new revision."
    )


class NotATomogram(PermanentError, reason="not a tomogram"):
    """The file is an MRC file, and whole, but no tomogram."""


class TiltStack(NotATomogram, reason="a stack of images"):
    """The file holds images, one a section: those of a tilt series, or frames."""

    def __init__(self, path: Path, why: str, advice: str = "") -> None:
        super().__init__(
            f"{path.name} is a stack of images, as tilt series and frames are, not a tomogram: {why}. "
            f"Give the volume that is reconstructed from it.{advice}"
        )


class VolumeStack(PathErrorWithCause, NotATomogram, reason="a stack of volumes"):
    """The file holds several volumes behind one another, as particles' boxes are stored."""

    sentence = "{path.name} is a stack of volumes, not one tomogram: {why}. Give a tomogram."


class ParticleBox(NotATomogram, reason="a particle's box"):
    """The file holds one particle, an average of particles, a reference or a mask."""

    def __init__(self, path: Path, side: int, word: str) -> None:
        super().__init__(
            f'{path.name} is a cube of {side} voxels, and its path says "{word}": a particle, an average, a reference '
            "or a mask, not a tomogram."
        )


class SingleImage(NotATomogram, reason="a single image"):
    """The file holds one image."""

    def __init__(self, path: Path, shape: tuple[int, int, int]) -> None:
        depth, height, width = shape
        super().__init__(f"{path.name} holds one image, {depth} x {height} x {width} (z, y, x), not a tomogram.")


class NoSuchFile(PermanentError, reason="no such file"):
    """A file that a person named is not there."""

    def __init__(self, path: Path) -> None:
        where = f"in {path.parent}" if path.parent.is_dir() else f"since there is no folder {path.parent}"
        super().__init__(f"{path}: there is no such file {where}. Is its name spelt right?")


class EmptyFile(PathError, PermanentError, reason="empty file"):
    """The file has no content, and has had none for long."""

    sentence = "{path.name} is empty. Did its writer stop? livetomo takes it as soon as it is written."


class AbsurdHeader(PathErrorWithCause, PermanentError, reason="absurd header"):
    """The header declares something that no tomogram is."""

    sentence = "{path.name} has a header that cannot be right: {why}. Write it again from its source."


class UnsupportedMode(PermanentError, reason="unsupported mode"):
    """The MRC mode is not one that a tomogram comes in."""

    def __init__(self, path: Path, mode: int) -> None:
        super().__init__(f"{path.name} is of MRC mode {mode}; livetomo reads 0, 1, 2, 6 and 12. Convert it first.")


class TruncatedVolume(PermanentError, reason="truncated volume"):
    """The file ends before the volume that its header declares."""

    def __init__(self, path: Path, declared: int, found: int, extended: int = 0) -> None:
        readings = (
            f" (with the extended header of {extended:,} bytes that its header declares; without one a whole file has "
            f"{declared - extended:,})"
            if extended
            else ""
        )
        super().__init__(
            f"{path.name} ends after {found:,} of {declared:,} bytes{readings}. Was the copy interrupted? "
            "Copy it again: livetomo takes a rewritten file as a new revision."
        )


class NoUsableVoxels(PathErrorWithCause, PermanentError, reason="no usable voxels"):
    """The volume holds nothing to see: not finite, or the same everywhere."""

    sentence = "{path.name} holds {why}. Look at its reconstruction; livetomo processes a rewritten file again."


class TooLargeForMemory(PermanentError, reason="too large for memory"):
    """It needs more memory than there is, by an estimate that is made before any is taken."""

    def __init__(
        self,
        path: Path,
        shape_zyx: tuple[int, int, int],
        voxel_size_angstrom: float,
        *,
        network_voxels: int,
        needed_bytes: int,
        most_bytes: int,
        whose: str,
    ) -> None:
        shape = " x ".join(f"{n:,}" for n in shape_zyx)
        grid = f", {network_voxels:,} on the network's grid" if network_voxels else ""
        super().__init__(
            f"{path.name} has {shape} voxels (z, y, x) of {voxel_size_angstrom:g} Å{grid}: that takes about "
            f"{_gigabytes(needed_bytes)} of memory, and {whose} {_gigabytes(most_bytes)}. Is its "
            "voxel size right? If it is, bin the tomogram, or use a recipe without networks or with fewer features."
        )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"


class HalvesDiffer(PermanentError, reason="halves differ"):
    """The even and the odd half are not of one tomogram."""

    def __init__(self, path: Path, even: tuple[int, ...], odd: tuple[int, ...]) -> None:
        super().__init__(
            f"{path.name} has {even} voxels (z, y, x) and its odd half {odd}. Are both of the same reconstruction?"
        )


class NoDefocus(PathError, PermanentError, reason="no defocus"):
    """The recipe undoes the CTF of a tomogram whose defocus is not known."""

    sentence = (
        '{path.name}: no sidecar gives "defocus_angstrom", which [denoise] with method "deconvolve" needs. '
        'Write "defocus_angstrom" in that table, or put the file of the CTF fit beside the tomogram.'
    )


class NoHalves(PathErrorWithCause, PermanentError, reason="no half-maps"):
    """The recipe denoises by half-maps, and there are none that can be used."""

    sentence = (
        '{path.name}: {why}; [denoise] with method "wiener" goes by the half-maps. Write them beside the tomogram '
        "(producers.md has the names), or use another method."
    )

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, why)
        self.why = why


class NoDenoisedVolume(PathErrorWithCause, PermanentError, reason="no denoised volume"):
    """The recipe takes the volume that another program denoised, and there is none that can be used."""

    sentence = (
        '{path.name}: {why}. [denoise] with method "beside" needs that file: process the tomogram again when it is '
        'there, name it in "files", or say in "otherwise" what is done without it.'
    )

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, why)
        self.why = why


class SourceChanged(PathError, TransientError, reason="source changed"):
    """The file changed while it was read: what was read is thrown away."""

    sentence = "{path.name} changed while it was read. It is processed again as soon as it no longer changes."


class SourceUnreadable(PathErrorWithCause, TransientError, reason="source unreadable"):
    """The file is away or cannot be read at the moment."""

    sentence = "{path} cannot be read at the moment ({why}). Is its file system mounted and readable?"


class CatalogCorrupt(LivetomoError, reason="catalog corrupt", exit_code=ExitCode.CONFIGURATION):
    """The catalog's file is damaged."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} is damaged ({' '.join(why.split())}). Results and picks are safe in their folders. "
            "Stop the daemon and restore a backup (livetomo restore FILE), or rebuild the catalog from the results "
            "(livetomo rebuild)."
        )


class DiskFull(PathError, TransientError, reason="disk full"):
    """There is no room for the result."""

    sentence = "No room is left on the disk that holds {path}. Free some space: the job is tried again."


class OutputAway(PathError, TransientError, reason="output away"):
    """The file system that results are written to is not there."""

    sentence = "{path} is not the file system that results were written to. Is it mounted?"


class OutOfDeviceMemory(DeviceError, reason="out of device memory"):
    """The device's memory is held by other programs."""

    def __init__(self, path: Path, device: str) -> None:
        super().__init__(
            f"{path.name} needs more memory than {device} has free: other programs hold most of it. "
            "Find them with nvidia-smi or top."
        )


class OutOfMemory(DeviceError, reason=OUT_OF_MEMORY):
    """Memory ran out, and nobody else had it: it is the tomogram's fault if it happens again."""

    def __init__(self, path: Path, device: str) -> None:
        super().__init__(f"{path.name} needs more memory than there is for {device}, and no other program holds it.")


class MapNotFinite(LivetomoError, reason="map not finite"):
    """A feature's map holds values that are not numbers: a fault of the method that made it."""

    def __init__(self, feature: str) -> None:
        super().__init__(
            f'The map of "{feature}" holds values that are not numbers, so it is not used. This is a fault of its '
            "network or method: check that its package is intact, and report it together with the tomogram."
        )


class DeviceFault(DeviceError, reason="device fault"):
    """The device reported an error of its own."""

    def __init__(self, path: Path, device: str, why: str) -> None:
        super().__init__(f"{device} failed while it worked on {path.name}: {why}")
