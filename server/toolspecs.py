"""The twenty tools: what the model reads about each, and the function behind it."""

from novaforge.server.tooling import ToolSpec

_SOURCES = (
    "source",
    "file, folder, glob, s3:// object or prefix, hf://owner/name, cloudwatch://log-group?query=...&start=...",
)
_SOURCE = ("source", "as of inspect_dataset")
_TASK = ("task", "for EVALUATION; default gen_qa")
_COLUMNS = (
    "columns",
    "logical name -> source column: query, response, system, id, reasoning, metadata, tools, messages, text, chosen, rejected, images",
)
_BASE = ("base", "job id or s3:// checkpoint; absent: the base model")
_OUTPUT = ("output", "fresh s3:// prefix for results")
_ROLE = ("role", "execution role, name or ARN")
_OVERRIDES = ("overrides", "recipe key -> value; see list_options")
_LABELS = ("labels", "class names, to score labels")

TOOLS: tuple[ToolSpec, ...] = (
    ToolSpec(
        "list_options",
        "What works now: models, methods, platforms, instance types, counts, hourly prices, recipe defaults and bounds.",
        "plans", "tools.catalog.tool:list_options",
    ),
    ToolSpec(
        "inspect_dataset",
        "Format, shape, columns, lengths and labels, with suggested mapping and method.",
        "data", "tools.datasets.tool:inspect_dataset", becomes_job=True, texts=(_SOURCES, _COLUMNS),
    ),
    ToolSpec(
        "transform_dataset",
        "Write files in the method's format, with split and manifest. Never overwrites; rejected rows are listed.",
        "data", "tools.datasets.tool:transform_dataset", read_only=False, idempotent=False, becomes_job=True,
        texts=(
            _SOURCE, _COLUMNS, ("target", "fresh folder or s3:// prefix"),
            ("split", 'ratios or counts, such as {"train": 0.8, "test": 0.2}'),
            ("filters", "invalid_rows, max_chars, max_tokens, quality, languages, exact_duplicates, near_duplicates"),
            ("group_by", "column whose equal values stay in one part"), _TASK, ("pair_with", "judge pairs: the candidate's evaluation job id; source is the baseline's"),
        ),
    ),
    ToolSpec(
        "validate_dataset",
        "Check files against every rule of a method: line, JSON path, reason and fix.",
        "data", "tools.datasets.tool:validate_dataset", becomes_job=True, texts=(_SOURCE, ("against", "files that must not share rows with source"), _TASK, ("max_length", "tokens")),
    ),
    ToolSpec(
        "test_reward",
        "Run a reward function on real rows: contract, determinism, latency, scores, gaming probes.",
        "rewards", "tools.rewards.tool:check_reward",
        texts=(("function", "local .py file with lambda_handler, or a deployed Lambda"), ("data", "RFT rows (JSONL)")),
    ),
    ToolSpec(
        "plan_training",
        "Dry run of a fine-tuning job: exact request, price, ceiling, findings. Starts nothing.",
        "plans", "tools.training.tool:plan_training", texts=(("data", "training file in the method's format"), _OUTPUT, _BASE, _OVERRIDES, _ROLE, ("reward", "Lambda name or ARN, for RFT")),
    ),
    ToolSpec(
        "plan_evaluation",
        "Dry run of an evaluation (task gen_qa) of the base model or a checkpoint. Starts nothing.",
        "plans", "tools.training.tool:plan_evaluation", texts=(("data", "gen_qa.jsonl"), _OUTPUT, _BASE, _OVERRIDES, _ROLE),
    ),
    ToolSpec(
        "plan_reward",
        "Dry run of a reward Lambda, and its role if none is given. Starts nothing.",
        "rewards", "tools.rewards.tool:plan_reward", texts=(("function", "local .py file with lambda_handler"), _ROLE),
    ),
    ToolSpec(
        "plan_deployment",
        "Dry run of an endpoint for a checkpoint, with its hourly price and deletion time. Starts nothing.",
        "deployment", "tools.deployment.tool:plan_deployment", texts=(_BASE, _ROLE, ("delete_after", 'such as "4h"; default 4h')),
    ),
    ToolSpec(
        "plan_cleanup",
        "Dry run of deleting what this server made: endpoints, models, Lambdas, roles. Deletes nothing.",
        "cleanup", "tools.cleanup.tool:plan_cleanup",
    ),
    ToolSpec(
        "get_plan",
        "One plan with its approval state, or the open ones.", "plans", "tools.plans.tool:get_plan", open_world=False,
    ),
    ToolSpec(
        "apply_plan",
        "The only tool that creates, spends or deletes. Asks a person to approve exactly this plan; if the client cannot ask, returns "
        "approval_required with the terminal command. Safe to call again: never starts twice.",
        "plans", "server.consent:make_apply_tool", read_only=False, destructive=True,
    ),
    ToolSpec(
        "get_job",
        "Status, waiting or billing, cost so far, verdict, failure explained.", "jobs", "tools.jobs.tool:get_job",
    ),
    ToolSpec("list_jobs", "Jobs started by this server, newest first.", "jobs", "tools.jobs.tool:list_jobs"),
    ToolSpec(
        "tail_logs",
        "Log lines of a job, parsed metrics, findings, optionally a plot. Pass the cursor back to go on.",
        "jobs", "tools.jobs.tool:tail_logs", texts=(("wait_s", "wait up to 30 s for new lines"), ("pattern", "plain text; * ? | allowed"), ("cursor", "of the last answer; \"end\": the last lines")),
    ),
    ToolSpec(
        "stop_job", "Ask a job to stop; it bills until its status says stopped. Data jobs bill nothing and leave nothing half-written.",
        "jobs", "tools.jobs.tool:stop_job", read_only=False, destructive=True,
    ),
    ToolSpec(
        "get_evaluation",
        "Metrics with standard errors, labels, confusion matrix, worst samples.",
        "evaluation", "tools.evaluation.tool:get_evaluation", texts=(_LABELS, ("worst", "how many failing samples to show")),
    ),
    ToolSpec(
        "compare_evaluations",
        "Evaluations of the same rows side by side: differences, intervals, p-values, verdict.",
        "evaluation", "tools.evaluation.tool:compare_evaluations", texts=(_LABELS,),
    ),
    ToolSpec(
        "invoke_model", "Send one conversation to a deployment.", "deployment", "tools.deployment.tool:invoke_model",
        texts=(("messages", '[{"role": "user", "content": "..."}]'),),
    ),
    ToolSpec(
        "get_spend",
        "What runs and bills now, burn rate, overdue and idle endpoints, budgets, cost per job.", "cleanup", "tools.cleanup.tool:get_spend",
    ),
)  # fmt: skip
