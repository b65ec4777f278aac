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
        "list_options", "List options",
        "Models x methods x platforms that work now, legal instance types and counts with hourly price, recipe defaults and bounds.",
        "plans", list_options,
    ),
    ToolSpec(
        "inspect_dataset", "Inspect a dataset",
        "Format, shape, columns, lengths and labels of a dataset, with the mapping and method it suggests.",
        "data", inspect_dataset, texts=(_SOURCE, _COLUMNS),
    ),
    ToolSpec(
        "transform_dataset", "Transform a dataset",
        "Write training or evaluation files in the method's format, with split and manifest. Never overwrites; every rejected row is listed.",
        "data", transform_dataset, read_only=False, idempotent=False,
        texts=(
            _SOURCE, _COLUMNS, ("target", "fresh folder or s3:// prefix"),
            ("split", 'ratios or counts, such as {"train": 0.8, "test": 0.2}'),
        ),
    ),
    ToolSpec(
        "validate_dataset", "Validate a dataset",
        "Check files against every rule of a method: line, JSON path, reason and fix.",
        "data", validate_dataset, texts=(_SOURCE, ("against", "files that must not share rows with source")),
    ),
    ToolSpec(
        "test_reward", "Test a reward function",
        "Run a reward function on real rows: contract, determinism, latency, scores and gaming probes. Costs nothing.",
        "rewards", check_reward,
        texts=(("function", "local .py file with lambda_handler, or a deployed Lambda"), ("data", "RFT rows (JSONL)")),
    ),
    ToolSpec(
        "plan_training", "Plan a training job",
        "Dry run of a fine-tuning job: exact request, price, ceiling, findings. Starts nothing; apply_plan does, after a person approved.",
        "plans", plan_training, texts=(("data", "training file in the method's format"), _OUTPUT, _BASE, _OVERRIDES, _ROLE, ("reward", "Lambda name or ARN, for RFT")),
    ),
    ToolSpec(
        "plan_evaluation", "Plan an evaluation job",
        "Dry run of an evaluation (task gen_qa: your own gen_qa.jsonl) of the base model or a checkpoint. Starts nothing.",
        "plans", plan_evaluation, texts=(("data", "gen_qa.jsonl"), _OUTPUT, _BASE, _OVERRIDES, _ROLE),
    ),
    ToolSpec(
        "plan_reward", "Plan a reward Lambda",
        "Dry run of deploying a reward function as a Lambda (and its role if none is given). Starts nothing.",
        "rewards", plan_reward, texts=(("function", "local .py file with lambda_handler"), _ROLE),
    ),
    ToolSpec(
        "plan_deployment", "Plan a deployment",
        "Dry run of an endpoint for a trained checkpoint, with its hourly price and the time after which it should be deleted. Starts nothing.",
        "deployment", plan_deployment, texts=(_BASE, _ROLE, ("delete_after", 'such as "4h"; default 4h')),
    ),
    ToolSpec(
        "plan_cleanup", "Plan a cleanup",
        "Dry run of deleting what this server made and tagged: endpoints, models, Lambdas, roles. Deletes nothing.",
        "cleanup", plan_cleanup,
    ),
    ToolSpec(
        "get_plan", "Get a plan",
        "One plan with its approval state, or the open ones.", "plans", get_plan, open_world=False,
    ),
    ToolSpec(
        "apply_plan", "Apply a plan",
        "The only tool that creates, spends or deletes. Asks a person to approve exactly this plan; if the client cannot ask, returns "
        "approval_required with the terminal command. Safe to call again: never starts twice.",
        "plans", None, read_only=False, destructive=True,
    ),
    ToolSpec(
        "get_job", "Get a job",
        "Status, stage, waiting or billing, cost so far, verdict, failure explained, next step.", "jobs", get_job,
    ),
    ToolSpec("list_jobs", "List jobs", "Jobs started by this server, newest first.", "jobs", list_jobs),
    ToolSpec(
        "tail_logs", "Tail logs",
        "New log lines of a job (all streams), parsed metrics, findings; optionally a plot. Pass the cursor back to go on.",
        "jobs", tail_logs, texts=(("wait_s", "wait up to 30 s for new lines"), ("pattern", "plain text; * ? | allowed"), ("cursor", "of the last answer; \"end\": the last lines")),
    ),
    ToolSpec(
        "stop_job", "Stop a job", "Ask a job to stop. It bills until its status says stopped.",
        "jobs", stop_job, read_only=False, destructive=True,
    ),
    ToolSpec(
        "get_evaluation", "Get an evaluation",
        "Report of a finished evaluation: metrics with standard errors, labels, confusion matrix, worst samples.",
        "evaluation", get_evaluation, texts=(_LABELS, ("worst", "how many failing samples to show")),
    ),
    ToolSpec(
        "compare_evaluations", "Compare evaluations",
        "Evaluations side by side on the same rows: differences, intervals, p-values, plain verdict.",
        "evaluation", compare_evaluations, texts=(_LABELS,),
    ),
    ToolSpec(
        "invoke_model", "Invoke a model", "Send one conversation to a deployment.", "deployment", invoke_model,
        texts=(("messages", '[{"role": "user", "content": "..."}]'),),
    ),
    ToolSpec(
        "get_spend", "Get spend",
        "What is running and billing now, burn rate, overdue and idle endpoints, budgets, cost per job.", "cleanup", get_spend,
    ),
)  # fmt: skip
