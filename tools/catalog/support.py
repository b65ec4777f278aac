"""Which combinations of model, method and platform work now, and on what machines."""

from functools import lru_cache
from typing import Any

from novaforge.guards.errors import RefusedError
from novaforge.guards.values import Frozen
from novaforge.tools.catalog.data import load
from novaforge.tools.catalog.recipes import RECIPES, RecipeSpec


class ModelInfo(Frozen):
    """A Nova model as recipes and the hub name it; `base` is the plain id of the untuned model."""

    hub_content: str
    base: str


class Combination(Frozen):
    """One combination that works: documented node counts and the machines preferred, in this order."""

    model: str
    method: str
    platform: str
    counts: tuple[int, ...]
    doubtful_counts: tuple[int, ...]
    prefer: tuple[str, ...]
    source: str

    @property
    def words(self) -> str:
        """The combination as people write it."""
        return f"{self.model} {self.method} on {self.platform}"

    @property
    def recipe(self) -> RecipeSpec:
        """Our copy of the hub's recipe for it."""
        return next(spec for spec in RECIPES.values() if (spec.model, spec.method) == (self.model, self.method))


@lru_cache(maxsize=1)
def combinations() -> tuple[Combination, ...]:
    """Return every combination that works now."""
    rows: list[Any] = load("models.json")["combinations"]
    return tuple(Combination.model_validate(row) for row in rows)


SUPPORTED: tuple[tuple[str, str, str], ...] = tuple((item.model, item.method, item.platform) for item in combinations())
"""(model, method, platform) of every combination that works now."""


def model_info(model: str) -> ModelInfo:
    """Return how recipes and the hub name a supported model."""
    return ModelInfo.model_validate(load("models.json")["models"][model])


def image_regions() -> tuple[str, ...]:
    """Return the regions in which AWS publishes the training and evaluation images."""
    return tuple(sorted(load("models.json")["accounts"]))


def matching(
    model: str | None = None, method: str | None = None, platform: str | None = None
) -> tuple[Combination, ...]:
    """Return the combinations with these parts; raises RefusedError that lists what works when there is none."""
    wanted = {"model": model, "method": method, "platform": platform}
    found = tuple(
        item
        for item in combinations()
        if all(value is None or getattr(item, part) == value for part, value in wanted.items())
    )
    if not found:
        asked = ", ".join(f"{part}={value}" for part, value in wanted.items() if value is not None)
        raise RefusedError(
            f"{asked} does not work yet.",
            rule="unsupported",
            fix=f"these work now: {'; '.join(item.words for item in combinations())}",
            supported=[item.words for item in combinations()],
        )
    return found


def require_supported(model: str, method: str, platform: str) -> Combination:
    """Return a combination that works; raises RefusedError that lists those that do."""
    return matching(model, method, platform)[0]
