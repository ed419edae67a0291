"""What no key of the configuration can get wrong alone: folders inside each other, recipes, secrets, who may listen."""

import difflib
import ipaddress
import os
import ssl
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from livetomo.config.configuration import Config
from livetomo.config.patterns import ExcludedPaths
from livetomo.config.recipe.denoise import TotalVariation, Wiener
from livetomo.config.recipe.recipe import load_recipe
from livetomo.core.errors import ConfigurationError, SecretUnreadable
from livetomo.core.naming import slug
from livetomo.core.tomogram import fixed_part, session_folder
from livetomo.system.control_socket import SOCKET_NAME
from livetomo.system.hung_calls import NoAnswer, within
from livetomo.system.mounts import FileSystem, file_system
from livetomo.system.registries import PRODUCERS
from livetomo.system.secret_files import read_secret, read_token
from livetomo.system.writable import state_faults, why_not_writable

# Stands for every session: an exclusion that covers the results of only some sessions does not cover this one.
_ANY_SESSION = "any-session-at-all"


def check_config(
    config: Config,
    source: str = "configuration",
    *,
    kind_of: Callable[[Path], FileSystem] = file_system,
    patience: float = 5.0,
    secrets_may_come: bool = False,
) -> list[str]:
    """Look at the configuration as a whole, and return warnings: what may be meant, but seldom is.

    Args:
        config: as `load_config` returns it, so with absolute paths.
        source: the file's name, for the fault's lines.
        kind_of: gives the file system that a path lies on.
        patience: how many seconds a hung mount may take to show where a path really leads.
        secrets_may_come: a file with a secret that is missing or empty is a warning, since the daemon waits for it.

    Raises:
        ConfigurationError: one line per fault, naming the file, the key and the cure.
    """
    roots = {watch.name: _look(watch.path, patience) for watch in config.watch}
    output = _look_at_output(config, patience)
    missing = list(_secrets_missing(config))
    faults = [
        *_written_into_watches(config, roots),
        *_nested_watches(config, roots),
        *_state_on_network(config, kind_of),
        *state_faults(config.state, SOCKET_NAME),
        *_producers(config),
        *(_recipes(config) or _half_maps_needed(config, "wiener")),
        *([] if secrets_may_come else missing),
        *_useless_secrets(config),
        *_open_to_others(config),
    ]
    if faults:
        raise ConfigurationError("\n".join(f"{source}: {fault}" for fault in faults))
    return [
        *_unknown_variables(os.environ),
        *_absent_roots(config, roots),
        *output,
        *(f"{each}; the daemon waits for it" for each in missing if secrets_may_come),
        *_readable_secrets(config),
        *_broker_oddities(config),
        *_half_maps_needed(config, "tv"),
    ]


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class _Root:
    """Where a watch's root really leads, and whether a folder is there; as it is written, where its mount hangs."""

    path: Path
    is_folder: bool
    is_readable: bool = False


def _look(path: Path, patience: float) -> _Root:
    try:
        return within(patience, lambda: _Root(path.resolve(), path.is_dir(), os.access(path, os.R_OK | os.X_OK)))
    except NoAnswer:
        return _Root(Path(os.path.normpath(path)), is_folder=False)


def _look_at_output(config: Config, patience: float) -> list[str]:
    """Results wait until there is a place for them, so what is wrong with it now is no fault of the file."""
    try:
        why = within(patience, lambda: why_not_writable(fixed_part(config.output)))
    except NoAnswer:
        why = f"{config.output} does not answer. Does its mount hang?"
    return [f'"output": {why}. No job is started until it can be written'] if why else []


def _written_into_watches(config: Config, roots: dict[str, _Root]) -> Iterator[str]:
    state = config.state.resolve()
    for watch in config.watch:
        root, exclusion = roots[watch.name].path, ExcludedPaths(watch.exclude)
        if state.is_relative_to(root):
            yield (
                f'"state" ({config.state}) lies inside the root of watch "{watch.name}" ({watch.path}), which is only '
                "ever read. Choose a folder elsewhere, on a local disk"
            )
        for other in config.watch:
            folder = session_folder(config.output, other.name, _ANY_SESSION).resolve()
            if not folder.is_relative_to(root):
                continue
            inside = folder.relative_to(root)
            if not any(exclusion.has_folder(part.as_posix()) for part in (inside, *inside.parents[:-1])):
                cure = _pattern(inside, slug(other.name))
                yield (
                    f'"output" ({config.output}) lies inside the root of watch "{watch.name}" ({watch.path}), where '
                    "livetomo never writes. Choose a folder elsewhere"
                    + (f', or add "{cure}" to "exclude" of that watch' if cure else "")
                )
                break


def lies_in_a_watched_tree(folder: Path, config: Config, *, patience: float = 1.0) -> bool:
    """Whether `folder` is a part of a tree that is only ever read; one that hangs is judged by its path as written."""
    place = folder.resolve()
    for watch in config.watch:
        root, exclusion = _look(watch.path, patience).path, ExcludedPaths(watch.exclude)
        if place.is_relative_to(root):
            inside = place.relative_to(root)
            if not any(exclusion.has_folder(part.as_posix()) for part in (inside, *inside.parents[:-1])):
                return True
    return False


def _pattern(inside: Path, watch: str) -> str | None:
    """What excludes the results at `inside` and little else; None if nothing distinguishes them from sessions."""
    parts = ["*" if part in (_ANY_SESSION, watch) else part for part in inside.parts]
    while parts and parts[-1] == "*":
        parts.pop()
    return "/".join([*parts, "**"]) if parts else None


def _nested_watches(config: Config, roots: dict[str, _Root]) -> Iterator[str]:
    for outer in config.watch:
        for inner in config.watch:
            inner_root, outer_root = roots[inner.name].path, roots[outer.name].path
            if outer is inner or not inner_root.is_relative_to(outer_root):
                continue
            inside = inner_root.relative_to(outer_root)
            if inside == Path() and outer.name < inner.name:
                yield f'watches "{outer.name}" and "{inner.name}" have the same root ({inner.path}); make them one'
            elif inside != Path() and not ExcludedPaths(outer.exclude).has_folder(inside.as_posix()):
                yield (
                    f'watch "{inner.name}": its "path" ({inner.path}) lies inside the root of "{outer.name}" '
                    f'({outer.path}), so that its tomograms would be taken twice. Add "{inside.as_posix()}/**" to '
                    f'"exclude" of "{outer.name}"'
                )


def _state_on_network(config: Config, kind_of: Callable[[Path], FileSystem]) -> Iterator[str]:
    found = kind_of(config.state)
    if found.is_network:
        yield (
            f'"state" ({config.state}) lies on a network file system ({found}), where SQLite loses data. '
            "Choose a folder on a local disk; results may stay where they are"
        )


def _producers(config: Config) -> Iterator[str]:
    for watch in config.watch:
        for name in watch.producers:
            if fault := PRODUCERS.why_unusable(name):
                yield f'watch "{watch.name}": "producers": {fault}'


def _recipes(config: Config) -> list[str]:
    faults = []
    for watch in config.watch:
        try:
            load_recipe(watch.recipe)
        except ConfigurationError as fault:
            faults += [f'watch "{watch.name}": "recipe": {line}' for line in str(fault).splitlines()]
    return faults


def _half_maps_needed(config: Config, method: str) -> Iterator[str]:
    """Watches that take no half-maps, though their recipe denoises by them with this method."""
    for watch in config.watch:
        if watch.halves == "ignore":
            match load_recipe(watch.recipe).denoise:
                case Wiener(method=used) | TotalVariation(method=used, weight="halves") if used == method:
                    yield (
                        f'watch "{watch.name}": "halves" is "ignore", and its recipe denoises by half-maps '
                        f'(method "{method}"); write halves = "wait", or another method'
                    )


def _secret_files(config: Config) -> Iterator[tuple[str, Path]]:
    if config.mqtt and config.mqtt.password_file:
        yield 'mqtt: "password_file"', config.mqtt.password_file
    if config.http.token_file:
        yield 'http: "token_file"', config.http.token_file


def _secrets_missing(config: Config) -> Iterator[str]:
    for key, path in _secret_files(config):
        try:
            read_secret(path)
        except SecretUnreadable as fault:
            yield f"{key}: {fault}"
    if config.mqtt and config.mqtt.ca_file and not os.access(config.mqtt.ca_file, os.R_OK):
        yield f'mqtt: "ca_file": {config.mqtt.ca_file} cannot be read'


def _open_to_others(config: Config) -> Iterator[str]:
    if not is_loopback(config.http.host) and config.http.token_file is None:
        yield (
            f'http: "listen" is "{config.http.listen}", which other machines can reach. Name a file with a token in '
            '"token_file", or listen on 127.0.0.1 and put a proxy in front'
        )


def _unknown_variables(environment: Iterable[str]) -> Iterator[str]:
    """Variables that look like settings but are none: those of a table, and those close to a key."""
    known = list(Config.model_fields)
    for name in sorted(environment):
        first = name.removeprefix("LIVETOMO_").split("__")[0].lower()
        if not name.startswith("LIVETOMO_") or first in known:
            continue
        close = difflib.get_close_matches(first, known, n=1, cutoff=0.75)
        if close or "__" in name:
            hint = f". Is LIVETOMO_{close[0].upper()}… meant?" if close else ""
            yield f"environment variable {name} is none that livetomo knows{hint}"


def _absent_roots(config: Config, roots: dict[str, _Root]) -> Iterator[str]:
    for watch in config.watch:
        root = roots[watch.name]
        if not root.is_folder:
            yield f'watch "{watch.name}": "path" ({watch.path}) is not a folder now; the daemon waits for it'
        elif not root.is_readable:
            yield f'watch "{watch.name}": "path" ({watch.path}) cannot be read by this user, as the daemon\'s must'


def _readable_secrets(config: Config) -> Iterator[str]:
    for key, path in _secret_files(config):
        if path.is_file() and path.stat().st_mode & stat.S_IROTH:
            yield f"{key}: {path} can be read by everybody: chmod o-r {path}"


def _broker_oddities(config: Config) -> Iterator[str]:
    if config.mqtt is None:
        return
    plain = config.mqtt.url.scheme == "mqtt"
    if config.mqtt.password_file and not config.mqtt.username:
        yield 'mqtt: there is a "password_file" but no "username"'
    if plain and config.mqtt.password_file and not is_loopback(config.mqtt.host):
        yield 'mqtt: the password crosses the network in the clear; write "mqtts://…" if the broker speaks TLS'
    if plain and config.mqtt.ca_file:
        yield 'mqtt: "ca_file" has no effect without TLS; write "mqtts://…"'


def _useless_secrets(config: Config) -> Iterator[str]:
    """Secrets that can be read, and yet can never do what they are for; those that cannot be are reported elsewhere."""
    if token := config.http.token_file:
        with suppress(SecretUnreadable):
            text = read_token(token)
            if not (text.isascii() and text.isprintable()) or " " in text:
                yield (
                    f'http: "token_file": {token} must hold one word of ASCII letters, digits and signs, since it '
                    "travels in a header. Make one: openssl rand -hex 24"
                )
    if config.mqtt and config.mqtt.ca_file and config.mqtt.ca_file.is_file():
        try:
            ssl.create_default_context(cafile=config.mqtt.ca_file)
        except PermissionError:
            return
        except (OSError, ValueError):  # ssl.SSLError is an OSError
            yield f'mqtt: "ca_file": {config.mqtt.ca_file} holds no certificate in PEM format'
