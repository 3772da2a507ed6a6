"""The published JSON Schemas, ready to validate what the toolkit writes."""

import json

from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry, Resource

from toolkit.core.resources import templates_folder

__all__ = ["CARD", "RESULTS", "ValidationError", "read_schema"]


def read_schema(name):
    schema = json.loads((templates_folder() / name).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return schema


RESULTS = Draft202012Validator(read_schema("results.schema.json"))
# The schema of a card refers to that of results.json.
CARD = Draft202012Validator(
    read_schema("card/card.schema.json"),
    registry=Registry().with_resource("results.schema.json", Resource.from_contents(RESULTS.schema)),
)
