"""The docstring under each field of a row is what the API's document says of it."""

from pydantic import ConfigDict, with_config

documented = with_config(ConfigDict(use_attribute_docstrings=True))
