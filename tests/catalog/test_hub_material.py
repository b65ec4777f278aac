"""Our copy of the hub's material is consistent in itself."""

import json
from typing import Any

import pytest
import yaml

from novaforge.guards.errors import RefusedError
from novaforge.tools.catalog.recipes import (
    RECIPES,
    RecipeSpec,
    hub_bucket,
    hub_document,
    hub_objects,
    image_uri,
    override_params,
    template_tree,
    template_yaml,
)
from novaforge.tools.catalog.support import combinations, image_regions
from novaforge.tools.training.leaves import leaves
from novaforge.tools.training.values import coerce

specs = pytest.mark.parametrize("spec", RECIPES.values(), ids=lambda spec: spec.params)


@specs
def test_every_placeholder_is_specified_and_every_specification_used(spec: RecipeSpec) -> None:
    used = {leaf.key for leaf in leaves(template_tree(spec.name)) if leaf.key}
    assert used <= set(override_params(spec.name))
    assert set(override_params(spec.name)) - used <= {"instance_type"}


@specs
def test_every_default_keeps_its_own_bounds(spec: RecipeSpec) -> None:
    for entry in override_params(spec.name).values():
        assert isinstance(entry, dict)
        if entry["default"] != "":
            assert coerce(entry["default"], entry) == entry["default"]


@specs
def test_the_template_reads_back_from_its_yaml(spec: RecipeSpec) -> None:
    assert yaml.safe_load(template_yaml(spec.name)) == template_tree(spec.name)


@pytest.mark.parametrize("region", image_regions())
def test_every_entry_points_at_objects_of_the_regions_bucket(region: str) -> None:
    objects = {f"s3://{hub_bucket(region)}/{key}" for key in hub_objects()}
    entries: Any = hub_document(region)["RecipeCollection"]
    named = {entry[key] for entry in entries for key in ("SmtjRecipeTemplateS3Uri", "SmtjOverrideParamsS3Uri")}
    assert named == objects and len(objects) == 2 * len(RECIPES)
    assert len(json.dumps(hub_document(region))) < 327_680


def test_a_region_without_images_is_refused_with_those_that_have_them() -> None:
    with pytest.raises(RefusedError, match="eu-west-3"):
        image_uri(next(iter(RECIPES.values())), "eu-west-3")


def test_every_combination_has_a_recipe_and_prefers_machines_it_runs_on() -> None:
    for item in combinations():
        assert set(item.prefer) <= set(item.recipe.instance_types)
        assert item.counts == tuple(sorted(item.counts))


def test_changing_what_is_handed_out_changes_nothing_here() -> None:
    name = next(iter(RECIPES))
    template_tree(name).clear()
    override_params(name).clear()
    assert template_tree(name) and override_params(name)
