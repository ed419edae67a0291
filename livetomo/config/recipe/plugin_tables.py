"""The settings that a recipe gives to a plug-in, and the package that it was read with."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator

from livetomo.core.errors import PluginAway, PluginUnusable
from livetomo.system.plugins import Registry


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(settings, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError("write finite numbers, texts, true or false, and lists of these") from None
    return settings


Settings = Annotated[dict[str, Any], AfterValidator(_plain)]


def with_plugin_package(registry: Registry[Any], name: str, table: dict[str, Any]) -> dict[str, Any]:
    """A table that names a plug-in, with its package filled in; a pin that says another one is refused."""
    try:
        plugin = registry.plugin(name)
    except (PluginAway, PluginUnusable) as fault:
        raise ValueError(str(fault)) from None
    if plugin is None:
        return table
    if table.get("package") not in (None, "", plugin.package):
        raise ValueError(f'{plugin.kind} "{name}" is of {plugin.package}, another package than "package" says')
    return table | {"package": plugin.package}
