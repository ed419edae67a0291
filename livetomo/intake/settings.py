"""What a watcher needs to know of its watch, in plain data that travels to its process."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from livetomo.config.configuration import Watch


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """One `[[watch]]`. Times are in seconds; `since` is a time since 1970 where the user gave a date."""

    name: str
    root: str
    session: str = "{session}/**"
    producers: tuple[str, ...] = ("generic",)
    pattern: str = ""
    exclude: tuple[str, ...] = ()
    since: Literal["now", "all"] | float = "now"
    settle: float = 20.0
    rescan: float = 30.0
    mode: Literal["auto", "events", "poll"] = "auto"
    halves: Literal["wait", "use", "ignore"] = "wait"
    halves_patience: float = 600.0

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON knows it."""
        return asdict(self)

    @staticmethod
    def from_json(body: dict[str, Any]) -> "WatchSettings":
        """The inverse of `to_json`."""
        return WatchSettings(**body | {key: tuple(body[key]) for key in ("producers", "exclude")})

    @staticmethod
    def of(watch: "Watch") -> "WatchSettings":
        """Those of a configured watch."""
        from livetomo.config.configuration import since_time

        date = since_time(watch)
        return WatchSettings(
            name=watch.name,
            root=str(watch.path),
            session=watch.session,
            producers=watch.producers,
            pattern=watch.pattern,
            exclude=watch.exclude,
            since=date if date is not None else "all" if watch.since == "all" else "now",
            settle=watch.settle,
            rescan=watch.rescan,
            mode=watch.mode,
            halves=watch.halves,
            halves_patience=watch.halves_patience,
        )
