"""Reading rendered recipes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.guards.errors import InputError
from novaforge.server.sandbox.worker.recipe import Recipe


def test_numbers_written_as_text_or_without_a_point_are_numbers() -> None:
    recipe = Recipe({"a": {"lr": "1e-5", "steps": 10.0, "ratio": 64}})
    assert recipe.number("a.lr") == 1e-5
    assert recipe.count("a.steps") == 10
    assert recipe.number("a.ratio") == 64.0


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_survives_being_written_as_text(number: float) -> None:
    assert Recipe({"x": repr(number)}).number("x") == number


def test_a_reference_to_another_key_is_followed() -> None:
    recipe = Recipe({"t": {"max_steps": 7, "save_steps": "${oc.select:t.max_steps}"}})
    assert recipe.count("t.save_steps") == 7


def test_a_reference_with_a_default_names_its_first_part() -> None:
    assert Recipe({"a": 3, "b": "${oc.select:a, 9}"}).count("b") == 3


@pytest.mark.parametrize("value", [None, "", "many", True, 1.5, [1]])
def test_a_missing_or_wrong_number_is_refused_by_its_key(value: object) -> None:
    with pytest.raises(InputError, match=r"t\.max_steps"):
        Recipe({"t": {"max_steps": value}}).count("t.max_steps")


def test_the_first_key_that_has_a_value_counts() -> None:
    recipe = Recipe({"run": {"arn": ""}, "other": {"arn": "arn:x"}})
    assert recipe.value("run.arn", "other.arn") == "arn:x"


def test_keys_nobody_asked_for_are_named_and_empty_ones_are_not() -> None:
    recipe = Recipe({"run": {"name": "x", "mlflow": "", "replicas": 4}, "t": {"steps": 1}})
    recipe.count("t.steps")
    assert recipe.unused() == ["run.name", "run.replicas"]


def test_sections_are_found_by_name_and_not_by_prefix() -> None:
    recipe = Recipe({"training_config": {"rollout": {"n": 1}}})
    assert recipe.has("training_config.rollout")
    assert not recipe.has("training_config.roll")


@pytest.mark.parametrize("text", ["- a\n", "a: [", "\ud800"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "recipe.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError, match="recipe"):
        Recipe.read(tmp_path / "recipe.yaml")
