"""What is known of the images of tilt series, with a look whether their stacks are there, on disks that may hang."""

from collections.abc import Mapping, Sequence

from livetomo.core.acquisition import Acquisition
from livetomo.formats.tilt_images import TiltImages
from livetomo.results.folder import Result
from livetomo.system.hung_calls import NoAnswer, within

ANSWER_SECONDS = 30.0


def tilt_images(results: Sequence[Result], said: Acquisition) -> Mapping[str, TiltImages | None]:
    """Of each result, by its id. `said`: what a person says of the acquisition."""

    def of(result: Result, *, reaches_disk: bool) -> TiltImages | None:
        return TiltImages.of(result.manifest.source.path, result.facts, said, reaches_disk=reaches_disk)

    def look() -> Mapping[str, TiltImages | None]:
        return {result.manifest.result_id: of(result, reaches_disk=True) for result in results}

    try:
        return within(ANSWER_SECONDS, look)
    except NoAnswer:
        return {result.manifest.result_id: of(result, reaches_disk=False) for result in results}
