"""Override values are read in the type of their specification, or refused with the reason."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from novaforge.tools.training.values import BadValueError, coerce, entry_of, number
from novaforge.tools.training.yamltext import dump_recipe, load_template

FLOAT = {"type": "float", "required": True, "min": 0, "max": 1}
INTEGER = {"type": "integer", "required": True, "min": 4, "max": 100000}


@pytest.mark.parametrize("given_value", [1e-5, "1e-5", "1E-5", "0.00001", "1.0e-05", " 1e-5 "])
def test_a_rate_is_read_as_a_number_however_it_is_written(given_value: object) -> None:
    assert coerce(given_value, FLOAT) == 1e-5


def test_a_whole_number_is_accepted_for_a_float_and_becomes_one() -> None:
    value = coerce(1, FLOAT)
    assert value == 1.0 and isinstance(value, float)


@pytest.mark.parametrize("entry", [FLOAT, INTEGER])
def test_true_never_stands_for_a_number(entry: dict[str, object]) -> None:
    with pytest.raises(BadValueError, match="must be a number"):
        coerce(True, entry)


@pytest.mark.parametrize("given_value", [100, "100", 100.0, "1e2"])
def test_a_whole_number_is_read_from_any_writing_of_it(given_value: object) -> None:
    value = coerce(given_value, INTEGER)
    assert value == 100 and type(value) is int


@pytest.mark.parametrize(
    ("given_value", "entry", "reason"),
    [
        (100.5, INTEGER, "whole number"),
        (3, INTEGER, "below the minimum 4"),
        (100001, INTEGER, "above the maximum 100000"),
        (1.5, FLOAT, "above the maximum 1"),
        ("fast", FLOAT, "must be a number"),
        (float("nan"), FLOAT, "must be a number"),
        (float("inf"), FLOAT, "must be a number"),
        ([1], FLOAT, "must be a number"),
        (None, FLOAT, "required"),
        (48, {"type": "integer", "enum": [32, 64]}, "not one of 32, 64"),
        (1, {"type": "boolean"}, "true or false"),
        ("true", {"type": "boolean"}, "true or false"),
        (5, {"type": "string"}, "must be text"),
        ("x", {"type": "tensor"}, "a type we do not know"),
        ("${oc.env:HOME}", {"type": "string"}, "may not hold"),
        ("{{name}}", {"type": "string"}, "may not hold"),
    ],
)
def test_a_value_that_breaks_its_specification_is_refused_with_the_reason(
    given_value: object, entry: dict[str, object], reason: str
) -> None:
    with pytest.raises(BadValueError, match=reason):
        coerce(given_value, entry)


def test_an_optional_value_may_be_null_and_an_optional_text_empty() -> None:
    assert coerce(None, {"type": "string", "required": False}) is None
    assert coerce("", {"type": "string", "enum": ["prime_math"], "required": False}) == ""


def test_a_plain_template_value_gives_its_own_type_and_no_bounds() -> None:
    assert coerce("0.5", entry_of(0.9)) == 0.5
    with pytest.raises(BadValueError, match="true or false"):
        coerce("yes", entry_of(True))


@given(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**15), 10**15)))
def test_every_finite_number_survives_being_written_as_text(value: float) -> None:
    assert number(repr(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_a_float_in_a_recipe_reads_back_as_the_same_float_in_any_yaml_reader(value: float) -> None:
    text = dump_recipe({"lr": value})
    again = yaml.safe_load(text)["lr"]
    assert isinstance(again, float) and again == value
    assert "e" not in text.partition(":")[2].lower()


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20)),
        lambda inner: st.dictionaries(st.text("abc_", min_size=1, max_size=5), inner, max_size=3),
        max_leaves=8,
    )
)
def test_a_recipe_reads_back_as_it_was_written(value: object) -> None:
    assert yaml.safe_load(dump_recipe({"run": value})) == {"run": value}


@pytest.mark.parametrize("written", ["1e-5", "1.0E-05", "'1e-5'", '"1e-5"', "1e-05"])
def test_a_template_number_without_a_dot_is_a_number(written: str) -> None:
    assert load_template(f"optim_config:\n  lr: {written}\n", "s3://b/t")["optim_config"]["lr"] == 1e-5


def test_placeholders_may_stand_with_or_without_quotes() -> None:
    text = "a: {{x}}\nb: '{{ x }}'\nc: {{x}}  # why\nd:\n  - {{x}}\ne: pre-{{x}}\n"
    assert load_template(text, "s3://b/t") == {
        "a": "{{x}}",
        "b": "{{ x }}",
        "c": "{{x}}",
        "d": ["{{x}}"],
        "e": "pre-{{x}}",
    }
