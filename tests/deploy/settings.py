"""The services' settings, asked which variables they read and whether they accept a set of values."""

from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_settings import BaseSettings

import config_api.settings
import dispatcher.settings
import retriever.settings

SETTINGS: dict[str, type[BaseSettings]] = {
    "config-api": config_api.settings.Settings,
    "retriever": retriever.settings.Settings,
    "dispatcher": dispatcher.settings.Settings,
}


def variables_of(settings: type[BaseSettings]) -> set[str]:
    return {f"ECE_{name.upper()}" for name in settings.model_fields}


def problems_of(settings: type[BaseSettings], values: Mapping[str, str]) -> list[str]:
    """What is missing or wrong; the test's own environment has no say but for names that are not given."""
    named = {name.removeprefix("ECE_").lower(): value for name, value in values.items()}
    try:
        settings.model_validate(named)
    except ValidationError as wrong:
        return [f"{error['loc']}: {error['msg']}" for error in wrong.errors(include_input=False)]
    return []
