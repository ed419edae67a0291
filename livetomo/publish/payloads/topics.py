"""Where each kind of message goes: the topics below `<base>/<site>/<instance>`."""

from dataclasses import dataclass

from livetomo.config.configuration import Config
from livetomo.core.events import Event
from livetomo.core.naming import slug


@dataclass(frozen=True, slots=True)
class Topics:
    """Every topic of one daemon."""

    site: str
    instance: str
    base: str = "livetomo"

    @staticmethod
    def of(config: Config) -> "Topics":
        """As the configuration names them."""
        if config.mqtt is None:
            return Topics(config.site, config.instance)
        return Topics(config.site, config.instance, config.mqtt.base)

    @property
    def root(self) -> str:
        """What every topic of this daemon begins with, without a slash at its end."""
        levels = [*filter(None, self.base.split("/")), slug(self.site), slug(self.instance)]
        return "/".join(levels)

    @property
    def availability(self) -> str:
        """Whether the daemon is there."""
        return f"{self.root}/availability"

    @property
    def status(self) -> str:
        """What it is doing."""
        return f"{self.root}/status"

    def summary(self, watch: str, session: str) -> str:
        """State of a live session."""
        return f"{self.root}/{slug(watch)}/{slug(session)}/summary"

    def alert(self, name: str) -> str:
        """Something that a person should look at, while it holds."""
        return f"{self.root}/alerts/{slug(name)}"

    def kind(self, topic: str) -> str:
        """`topic` with + for what differs between sessions, tomograms and alerts: as a line of an ACL would name it."""
        inside = topic.removeprefix(f"{self.root}/").split("/")
        if len(inside) < 2 or not topic.startswith(f"{self.root}/"):
            return topic
        if inside[0] == "alerts":
            return f"{self.root}/alerts/+"
        differing = 1 if len(inside) == len(("watch", "session", "summary")) else 2
        return "/".join([self.root, inside[0], *["+"] * differing, *inside[1 + differing :]])

    def event(self, event: Event) -> str:
        """Where `event` is published; picks have a topic for each feature, a verdict has its session's."""
        who = event.tomogram
        if event.kind == "verdict":
            return f"{self.root}/{slug(who.watch)}/{slug(who.session)}/verdict"
        place = f"{self.root}/{slug(who.watch)}/{slug(who.session)}/{slug(who.name)}/{event.kind}"
        return f"{place}/{slug(str(event.body['feature']))}" if event.kind == "picks" else place
