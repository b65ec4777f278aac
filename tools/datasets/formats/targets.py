"""Which data can be prepared: the row format of each method, model, platform and task, and why others are refused."""

from dataclasses import replace

from novaforge.guards.errors import RefusedError
from novaforge.tools.arguments import Method, Model
from novaforge.tools.datasets.formats.base import RowFormat
from novaforge.tools.datasets.formats.converse import CONVERSE, converse
from novaforge.tools.datasets.formats.converse_check import Abilities
from novaforge.tools.datasets.formats.cpt import CPT
from novaforge.tools.datasets.formats.dpo import dpo
from novaforge.tools.datasets.formats.gen_qa import GEN_QA, check_text_only
from novaforge.tools.datasets.formats.llm_judge import LLM_JUDGE
from novaforge.tools.datasets.formats.rft import RFT, RFT_BEDROCK, RFT_EVAL
from novaforge.tools.datasets.formats.rft_multiturn import RFT_FLAT, RFT_MULTITURN

MODELS: tuple[Model, ...] = ("nova_micro", "nova_lite", "nova_pro", "nova_lite_2")
NOVA_1: tuple[Model, ...] = ("nova_micro", "nova_lite", "nova_pro")
NOVA_2: tuple[Model, ...] = ("nova_lite_2",)
PLATFORMS = ("sagemaker", "serverless", "hyperpod", "bedrock")
TASKS = ("gen_qa", "llm_judge", "rft_eval")
"""Evaluations with rows of one's own; the first one is meant when no task is given."""

ABILITIES: dict[str, Abilities] = {
    "nova_micro": Abilities(),
    "nova_lite": Abilities(("image", "video")),
    "nova_pro": Abilities(("image", "video")),
    "nova_lite_2": Abilities(("image", "video", "document"), tools=True, reasoning=True),
}
"""What each model can be trained on besides text (sources K, D3)."""

_NOT_BEDROCK = ("sagemaker", "serverless", "hyperpod")
LEGAL: dict[str, tuple[tuple[Model, ...], tuple[str, ...]]] = {
    "SFT_LORA": (MODELS, PLATFORMS),
    "SFT_FULL": (MODELS, _NOT_BEDROCK),
    "DPO_LORA": (NOVA_1, _NOT_BEDROCK),
    "DPO_FULL": (NOVA_1, _NOT_BEDROCK),
    "CPT": (MODELS, ("hyperpod",)),
    "RFT_LORA": (NOVA_2, PLATFORMS),
    "RFT_FULL": (NOVA_2, ("sagemaker", "hyperpod")),
    "RFT_MULTITURN_LORA": (NOVA_2, ("hyperpod", "serverless")),
    "RFT_MULTITURN_FULL": (NOVA_2, ("hyperpod",)),
    "EVALUATION": (MODELS, _NOT_BEDROCK),
}
"""Method to the models and platforms it exists for (source K: the SDK's own tables, its code where its README differs)."""

_DOUBTS = {
    ("DPO_LORA", "bedrock"): " (the README of AWS's SDK lists bedrock too, its code does not have it)",
    ("DPO_FULL", "bedrock"): " (the README of AWS's SDK lists bedrock too, its code does not have it)",
    ("CPT", "bedrock"): " (AWS's SDK has row limits for bedrock, but no way to start it there)",
}
"""What to say where sources disagree."""

WORKS = "; ".join(
    f"{method} for {', '.join(models)} on {', '.join(platforms)}" for method, (models, platforms) in LEGAL.items()
)
FORMATS: dict[str, RowFormat] = {
    "SFT_LORA": CONVERSE,
    "SFT_FULL": CONVERSE,
    "DPO_LORA": dpo("nova_lite", ABILITIES["nova_lite"]),
    "DPO_FULL": dpo("nova_lite", ABILITIES["nova_lite"]),
    "CPT": CPT,
    "RFT_LORA": RFT,
    "RFT_FULL": RFT,
    "RFT_MULTITURN_LORA": RFT_MULTITURN,
    "RFT_MULTITURN_FULL": RFT_MULTITURN,
    "EVALUATION": GEN_QA,
}
"""Method to its format, where model, platform and task do not matter; row_format has the exact one."""
BY_NAME: dict[str, RowFormat] = {
    item.name: item for item in (CONVERSE, FORMATS["DPO_LORA"], RFT, RFT_MULTITURN, RFT_FLAT, CPT, GEN_QA, LLM_JUDGE)
}
"""Name of a row's shape to a format that can read it."""


def row_format(
    method: Method | str, model: Model | str, platform: str | None = None, task: str | None = None
) -> RowFormat:
    """Return the row format of a combination; raises RefusedError that says why not and lists what works."""
    models, platforms = LEGAL.get(method, ((), ()))
    if model not in models or (platform is not None and platform not in platforms):
        raise _refused(method, model, platform)
    found = _format(method, model, platform, _task(method, task))
    return replace(found, method=method, model=model, platform=platform or "")


def _format(method: str, model: str, platform: str | None, task: str) -> RowFormat:
    abilities = ABILITIES[model]
    if method.startswith("SFT"):
        return converse(model, abilities)
    if method.startswith("DPO"):
        return dpo(model, abilities)
    if method == "EVALUATION":
        gen_qa = (
            GEN_QA
            if "image" in abilities.media
            else replace(GEN_QA, check=check_text_only, media=(), optional=GEN_QA.optional[:-1], structured=())
        )
        return {"gen_qa": gen_qa, "llm_judge": LLM_JUDGE, "rft_eval": RFT_EVAL}[task]
    if method.startswith("RFT_MULTITURN"):
        return _multiturn(method, platform)
    if method == "CPT":
        return CPT
    return RFT_BEDROCK if platform == "bedrock" else RFT


def _multiturn(method: str, platform: str | None) -> RowFormat:
    if platform is None and len(LEGAL[method][1]) > 1:
        raise RefusedError(
            f"Rows for {method} differ by platform: nested on hyperpod, flat on serverless.",
            rule="data-combination",
            fix="give platform: hyperpod or serverless",
            supported=WORKS,
        )
    return RFT_FLAT if platform == "serverless" else RFT_MULTITURN


def _task(method: str, task: str | None) -> str:
    if method == "EVALUATION" and task in (None, *TASKS):
        return task or TASKS[0]
    if task is None:
        return ""
    known = f"for EVALUATION: {', '.join(TASKS)}"
    raise RefusedError(
        f"There is no task {task!r} with rows of your own for {method}.",
        rule="data-combination",
        fix=f"tasks {known}" if method == "EVALUATION" else f"leave task out; tasks are {known}",
        supported=WORKS,
    )


def _refused(method: str, model: str, platform: str | None) -> RefusedError:
    asked = f"{method} for {model}" + (f" on {platform}" if platform else "")
    return RefusedError(
        f"There are no data for {asked}: {_reason(method, model, platform)}.",
        rule="data-combination",
        fix=f"for {model}: {', '.join(_methods(model))}",
        supported=WORKS,
    )


def _methods(model: str) -> list[str]:
    return [method for method, (models, _) in LEGAL.items() if model in models]


def _reason(method: str, model: str, platform: str | None) -> str:
    if method not in LEGAL:
        return f"{method} is no method"
    models, platforms = LEGAL[method]
    if model not in models:
        return f"{method} exists for {', '.join(models)}"
    doubt = _DOUBTS.get((method, platform or ""), "")
    return f"{method} exists on {', '.join(platforms)}{doubt}"
