"""The gen_qa evaluation: every question is really asked."""

from typing import Any

from novaforge.guards.errors import InputError
from novaforge.server.sandbox.worker.chat import fit, prompt_ids
from novaforge.server.sandbox.worker.generate import answers, sampling
from novaforge.server.sandbox.worker.job import Job
from novaforge.server.sandbox.worker.logs import note, say
from novaforge.server.sandbox.worker.recipe import Recipe
from novaforge.server.sandbox.worker.report import Evaluated, write_report
from novaforge.server.sandbox.worker.rows import gen_qa_row, question, read_rows
from novaforge.server.sandbox.worker.standin import StandIn, load, prepare_torch


def evaluate(job: Job) -> None:
    """Ask the checkpoint, or the untrained base, every question of the job's file; raises InputError."""
    recipe = job.recipe()
    _check(recipe)
    rows = read_rows(job.data_file("gen_qa.jsonl"), gen_qa_row)
    prepare_torch(job.settings)
    say("Starting Model Evaluation")
    standin = load(job, (text for row in rows for text in (row["system"], row["query"], row["response"])))
    how = _sampling(job, recipe, standin)
    chats = [question(row) for row in rows]
    fitted = [fit(standin.tokenizer, chat, job.settings.prompt_tokens) for chat in chats]
    cut = sum(short != chat for short, chat in zip(fitted, chats, strict=True))
    note(f"{len(rows)} rows; prompts keep their last {job.settings.prompt_tokens} tokens, {cut} are cut")
    say("Inferencing server has started.")
    ids = [prompt_ids(standin.tokenizer, chat) for chat in fitted]
    found = answers(standin, ids, how, job.settings.eval_batch, lambda done: _progress(job, done, len(rows)))
    say("Finished evaluation, closing the inference server")
    done = [Evaluated(row, chat, *answer) for row, chat, answer in zip(rows, chats, found, strict=True)]
    write_report(job, str(recipe.value("run.name") or job.name), standin, done)
    if unused := recipe.unused():
        note(f"recipe keys the stand-in makes no use of: {', '.join(unused)}")


def _check(recipe: Recipe) -> None:
    task = recipe.value("evaluation.task")
    if task != "gen_qa":
        raise InputError(f"The sandbox runs the evaluation task gen_qa, not {task!r}.", field="evaluation.task")
    for key in ("processor.lambda_arn", "processor.preset_reward_function"):
        if value := recipe.value(key):
            raise InputError(f"The sandbox has no custom metrics; the recipe sets {key}.", field=key, value=value)


def _sampling(job: Job, recipe: Recipe, standin: StandIn) -> dict[str, Any]:
    asked = recipe.count("inference.max_new_tokens", default=8192)
    tokens = min(asked, standin.answer_tokens(job.settings))
    temperature = recipe.number("inference.temperature", default=0.0)
    top_p, top_k = recipe.number("inference.top_p", default=1.0), recipe.count("inference.top_k", default=-1)
    note(f"max_new_tokens {asked} of the recipe is {tokens} for the stand-in; temperature {temperature:g}")
    return sampling(tokens, temperature, top_p, top_k)


def _progress(job: Job, done: int, total: int) -> None:
    job.progress(done, total)
    note(f"{done} of {total} rows are answered")
