"""After the daemon's death: what it left behind is adopted where it is whole, and tried again where it is not."""

import logging

from livetomo.catalog.catalog import CatalogThread
from livetomo.catalog.job_queue import Claim
from livetomo.core.tomogram import Fault, result_name, tomogram_folder
from livetomo.processing.pipeline.job_spec import result_id
from livetomo.results.folder import intact_manifest, sweep_attempts
from livetomo.system.hung_calls import apart

log = logging.getLogger("livetomo.workers.recover")


async def recover(catalog: CatalogThread, output: str) -> None:
    """Settle every lease of the last run, before anything is leased anew.

    A result that was moved into place but not recorded is verified and recorded; any other attempt is swept and its
    job waits again, uncharged.
    """
    for claim in await catalog(lambda catalog: catalog.jobs.running()):
        adopted = await _recover_job(catalog, output, claim)
        log.info("adopted" if adopted else "taken up again", extra={"tomogram": str(claim.tomogram)})


async def _recover_job(catalog: CatalogThread, output: str, claim: Claim) -> bool:
    folder = tomogram_folder(output, claim.tomogram)
    final = folder / result_name(claim.revision, claim.recipe_hash)
    manifest = await apart(lambda: intact_manifest(final))
    await apart(lambda: sweep_attempts(folder))
    if manifest and manifest.result_id == result_id(claim.tomogram, claim.revision, claim.recipe_hash):
        return await catalog(lambda catalog: catalog.jobs.commit(claim.token, manifest, str(final))) is not None
    fault = Fault("device", "daemon died", "The daemon ended in the middle of the job.")
    await catalog(lambda catalog: catalog.jobs.fail(claim.token, fault))
    return False
