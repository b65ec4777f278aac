"""The twenty tools: what the model reads about each, and the function behind it."""

from novaforge.server.tooling import ToolSpec
from novaforge.tools.catalog.tool import list_options
from novaforge.tools.cleanup.tool import get_spend, plan_cleanup
from novaforge.tools.datasets.tool import inspect_dataset, transform_dataset, validate_dataset
from novaforge.tools.deployment.tool import invoke_model, plan_deployment
from novaforge.tools.evaluation.tool import compare_evaluations, get_evaluation
from novaforge.tools.jobs.tool import get_job, list_jobs, stop_job, tail_logs
from novaforge.tools.plans.tool import get_plan
from novaforge.tools.rewards.tool import check_reward, plan_reward
from novaforge.tools.training.tool import plan_evaluation, plan_training

_SOURCE = ("source", "local path or s3:// URI")
_COLUMNS = ("columns", "logical name -> source column: query, response, system, id, metadata")
_BASE = ("base", "job id or s3:// checkpoint; absent: the base model")
_OUTPUT = ("output", "fresh s3:// prefix for results")
_ROLE = ("role", "execution role, name or ARN")
_OVERRIDES = ("overrides", "recipe key -> value; see list_options")
_LABELS = ("labels", "class names, to score labels")

TOOLS: tuple[ToolSpec, ...] = (
    ToolSpec(
        "list_options",
        "What works now: models, methods, platforms, instance types, counts, hourly prices, recipe defaults and bounds.",
        "plans", list_options,
    ),
    ToolSpec(
        "inspect_dataset",
        "Format, shape, columns, lengths and labels, with suggested mapping and method.",
        "data", inspect_dataset, texts=(_SOURCE, _COLUMNS),
    ),
    ToolSpec(
        "transform_dataset",
        "Write files in the method's format, with split and manifest. Never overwrites; rejected rows are listed.",
        "data", transform_dataset, read_only=False, idempotent=False,
        texts=(
            _SOURCE, _COLUMNS, ("target", "fresh folder or s3:// prefix"),
            ("split", 'ratios or counts, such as {"train": 0.8, "test": 0.2}'),
        ),
    ),
    ToolSpec(
        "validate_dataset",
        "Check files against every rule of a method: line, JSON path, reason and fix.",
        "data", validate_dataset, texts=(_SOURCE, ("against", "files that must not share rows with source")),
    ),
    ToolSpec(
        "test_reward",
        "Run a reward function on real rows: contract, determinism, latency, scores, gaming probes.",
        "rewards", check_reward,
        texts=(("function", "local .py file with lambda_handler, or a deployed Lambda"), ("data", "RFT rows (JSONL)")),
    ),
    ToolSpec(
        "plan_training",
        "Dry run of a fine-tuning job: exact request, price, ceiling, findings. Starts nothing.",
        "plans", plan_training, texts=(("data", "training file in the method's format"), _OUTPUT, _BASE, _OVERRIDES, _ROLE, ("reward", "Lambda name or ARN, for RFT")),
    ),
    ToolSpec(
        "plan_evaluation",
        "Dry run of an evaluation (task gen_qa) of the base model or a checkpoint. Starts nothing.",
        "plans", plan_evaluation, texts=(("data", "gen_qa.jsonl"), _OUTPUT, _BASE, _OVERRIDES, _ROLE),
    ),
    ToolSpec(
        "plan_reward",
        "Dry run of a reward Lambda, and its role if none is given. Starts nothing.",
        "rewards", plan_reward, texts=(("function", "local .py file with lambda_handler"), _ROLE),
    ),
    ToolSpec(
        "plan_deployment",
        "Dry run of an endpoint for a checkpoint, with its hourly price and deletion time. Starts nothing.",
        "deployment", plan_deployment, texts=(_BASE, _ROLE, ("delete_after", 'such as "4h"; default 4h')),
    ),
    ToolSpec(
        "plan_cleanup",
        "Dry run of deleting what this server made: endpoints, models, Lambdas, roles. Deletes nothing.",
        "cleanup", plan_cleanup,
    ),
    ToolSpec(
        "get_plan",
        "One plan with its approval state, or the open ones.", "plans", get_plan, open_world=False,
    ),
    ToolSpec(
        "apply_plan",
        "The only tool that creates, spends or deletes. Asks a person to approve exactly this plan; if the client cannot ask, returns "
        "approval_required with the terminal command. Safe to call again: never starts twice.",
        "plans", None, read_only=False, destructive=True,
    ),
    ToolSpec(
        "get_job",
        "Status, waiting or billing, cost so far, verdict, failure explained.", "jobs", get_job,
    ),
    ToolSpec("list_jobs", "Jobs started by this server, newest first.", "jobs", list_jobs),
    ToolSpec(
        "tail_logs",
        "Log lines of a job, parsed metrics, findings, optionally a plot. Pass the cursor back to go on.",
        "jobs", tail_logs, texts=(("wait_s", "wait up to 30 s for new lines"), ("pattern", "plain text; * ? | allowed"), ("cursor", "of the last answer; \"end\": the last lines")),
    ),
    ToolSpec(
        "stop_job", "Ask a job to stop. It bills until its status says stopped.",
        "jobs", stop_job, read_only=False, destructive=True,
    ),
    ToolSpec(
        "get_evaluation",
        "Metrics with standard errors, labels, confusion matrix, worst samples.",
        "evaluation", get_evaluation, texts=(_LABELS, ("worst", "how many failing samples to show")),
    ),
    ToolSpec(
        "compare_evaluations",
        "Evaluations of the same rows side by side: differences, intervals, p-values, verdict.",
        "evaluation", compare_evaluations, texts=(_LABELS,),
    ),
    ToolSpec(
        "invoke_model", "Send one conversation to a deployment.", "deployment", invoke_model,
        texts=(("messages", '[{"role": "user", "content": "..."}]'),),
    ),
    ToolSpec(
        "get_spend",
        "What runs and bills now, burn rate, overdue and idle endpoints, budgets, cost per job.", "cleanup", get_spend,
    ),
)  # fmt: skip
