"""Where the results of a session lie, for commands that take its folder or its name."""

from pathlib import Path

from livetomo.core.errors import ConfigurationError


def folder_of_session(session: str, watch: str | None, configuration: Path) -> Path:
    """The folder of the session's results, whether it was given or the session's name."""
    if watch is None and Path(session).is_dir():
        return Path(session)
    from livetomo.config.configuration import load_config
    from livetomo.results.folder import find_results

    if not configuration.exists():
        raise ConfigurationError(
            f"{session}: there is no such folder; for a session's name, say by --config which configuration the daemon "
            f"has ({configuration} is not there)"
        )
    found = sorted({path.parents[2] for path in find_results(load_config(configuration).output, watch, session)})
    if not found:
        where = f" of the watch {watch}" if watch else ""
        raise ConfigurationError(
            f"{session}: is neither a folder nor a session{where} that {configuration} has results of"
        )
    if len(found) > 1:
        raise ConfigurationError(
            f"{session}: there are several of this name; say --watch, or name one of the folders "
            f"{', '.join(map(str, found))}"
        )
    return found[0]
