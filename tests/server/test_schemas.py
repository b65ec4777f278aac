"""Schemas get shorter and keep their meaning."""

from typing import Any

import jsonschema
from pydantic import BaseModel

from novaforge.server.schemas import slim_input, slim_output


class Inner(BaseModel):
    """Nested."""

    title: str
    size: int | None = None


class Outer(BaseModel):
    """With one nested model used once, one used twice, and a property called title."""

    title: str | None
    inner: Inner
    mapping: dict[str, Inner]
    values: list[int | None]


def test_titles_go_but_properties_called_title_stay() -> None:
    slim = slim_output(Outer.model_json_schema())
    assert "title" in slim["properties"]
    assert "Outer" not in str(slim)


def test_null_stays_allowed_in_results() -> None:
    slim = slim_output(Outer.model_json_schema(mode="serialization"))
    value = {
        "title": None,
        "inner": {"title": "a", "size": None},
        "mapping": {"x": {"title": "b", "size": 1}},
        "values": [None, 1],
    }
    jsonschema.validate(value, slim)


def test_a_wrong_type_is_still_wrong() -> None:
    slim = slim_output(Outer.model_json_schema(mode="serialization"))
    bad: dict[str, Any] = {"title": 5, "inner": {"title": "a"}, "mapping": {}, "values": []}
    assert list(jsonschema.Draft202012Validator(slim).iter_errors(bad))


def test_optional_arguments_show_their_plain_type_and_text() -> None:
    schema = {
        "type": "object",
        "properties": {
            "plan_id": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "title": "Plan Id"},
            "limit": {"type": "integer", "default": 20, "title": "Limit"},
        },
        "title": "xArguments",
    }
    slim = slim_input(schema, {"plan_id": "one plan"})
    assert slim["properties"]["plan_id"] == {"type": "string", "description": "one plan"}
    assert slim["properties"]["limit"] == {"type": "integer", "default": 20}
    assert slim["additionalProperties"] is False


def test_definitions_used_once_are_inlined_and_used_twice_are_kept() -> None:
    slim = slim_output(Outer.model_json_schema())
    assert set(slim["$defs"]) == {"Inner"}
