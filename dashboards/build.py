"""All dashboards, as the text of their files."""

from collections.abc import Mapping

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.daemon import daemon
from dashboards.facility import facility
from dashboards.session import session

# Metrics that are on no dashboard, and why. Of the figures of tomograms, those are on one that an operator can do
# something about; all are on the page, and whichever is warn or bad is on "What is wrong".
LEFT_OUT = {
    "livetomo_stage_duration_seconds": "is shown by its recording rule",
    "livetomo_quality_thickness_meters": "is shown by its recording rule",
    "livetomo_finished_total": "is shown by its recording rule, too",
    "livetomo_tomogram_picks": "is shown by its recording rule",
}


def texts() -> Mapping[str, str]:
    """The content of each file by its name."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    built = [make().build() for make in (session, facility, daemon)]
    return {f"{board.uid}.json": encoder.encode(board) + "\n" for board in built}
