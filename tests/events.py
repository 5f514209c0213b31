"""docs/events.schema.json, as those read it who subscribe."""

import functools
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMA = Path(__file__).parents[1] / "docs" / "events.schema.json"


@functools.cache
def _validator() -> Draft202012Validator:
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def validate(kind: str, detail: object) -> None:
    """Raises ValidationError for an event that is not what the schema says."""
    event: dict[str, Any] = {"source": "trustpress", "detail-type": kind, "detail": detail}
    _validator().validate(event)
