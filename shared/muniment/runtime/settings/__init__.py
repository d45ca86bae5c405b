"""The settings: read once at the start of a process, from flags, environment and a TOML file."""

from muniment.runtime.settings.describe import Description, defaults, describe, example_toml
from muniment.runtime.settings.doubts import doubts
from muniment.runtime.settings.load import ENV_PREFIX, SettingsError, load_settings
from muniment.runtime.settings.model import MethodKind, ObjectType, Permission, Settings

__all__ = [
    "ENV_PREFIX",
    "Description",
    "MethodKind",
    "ObjectType",
    "Permission",
    "Settings",
    "SettingsError",
    "defaults",
    "describe",
    "doubts",
    "example_toml",
    "load_settings",
]
