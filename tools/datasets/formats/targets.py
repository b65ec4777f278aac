"""Which method, model and platform have which row format now."""

from novaforge.guards.errors import RefusedError
from novaforge.tools.arguments import Method, Model
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.formats.converse import CONVERSE
from novaforge.tools.datasets.formats.gen_qa import GEN_QA
from novaforge.tools.datasets.formats.rft import RFT

FORMATS = {row_format.method: row_format for row_format in (CONVERSE, RFT, GEN_QA)}
BY_NAME = {row_format.name: row_format for row_format in FORMATS.values()}
MODELS: tuple[Model, ...] = ("nova_lite_2",)
PLATFORMS = ("sagemaker",)
WORKS = f"{', '.join(FORMATS)} for {', '.join(MODELS)} on {', '.join(PLATFORMS)}"


def row_format(method: Method | str, model: Model | str, platform: str | None = None) -> RowFormat:
    """Return the row format of a combination; raises RefusedError that lists what works now."""
    if method in FORMATS and model in MODELS and (platform is None or platform in PLATFORMS):
        return FORMATS[method]
    asked = f"{method} for {model}" + (f" on {platform}" if platform else "")
    raise RefusedError(
        f"Data for {asked} are not supported yet. Works now: {WORKS}.",
        rule="data-combination",
        fix="use a combination that works now",
        supported=WORKS,
    )
