"""Batched generation with the stand-in."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from novaforge.server.sandbox.worker.standin import StandIn, device
from novaforge.tools.evaluation.rows import BEGIN, END


def marked(text: str, complete: bool) -> str:
    """Return an answer with the markers Nova's raw outputs carry; one that was cut off has no end marker."""
    return f"{BEGIN} {text} {END}" if complete else f"{BEGIN} {text}"


def answers(
    standin: StandIn,
    prompts: Sequence[Sequence[int]],
    sampling: dict[str, Any],
    batch: int,
    done: Callable[[int], None],
) -> list[tuple[str, bool]]:
    """Return one text per prompt of token ids, and whether it ended by itself; `done` hears how many are finished."""
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))  # equal lengths: little padding
    found: list[tuple[str, bool]] = [("", False)] * len(prompts)
    for start in range(0, len(order), batch):
        group = order[start : start + batch]
        for index, answer in zip(group, _batch(standin, [prompts[i] for i in group], sampling), strict=True):
            found[index] = answer
        done(min(start + batch, len(order)))
    return found


def sampling(max_new_tokens: int, temperature: float, top_p: float = 1.0, top_k: int = 0) -> dict[str, Any]:
    """Return generation arguments; temperature 0 is greedy, top_k below 1 means no limit."""
    if temperature <= 0:
        return {"max_new_tokens": max_new_tokens, "do_sample": False}
    limits = {"top_p": top_p, "top_k": max(top_k, 0)}
    return {"max_new_tokens": max_new_tokens, "do_sample": True, "temperature": temperature, **limits}


def padded(prompts: Sequence[Sequence[int]], pad_id: int) -> dict[str, torch.Tensor]:
    """Return input_ids and attention_mask, padded on the left."""
    width = max(len(ids) for ids in prompts)
    ids = torch.tensor([[pad_id] * (width - len(row)) + list(row) for row in prompts], device=device())
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prompts], device=device())
    return {"input_ids": ids, "attention_mask": mask}


def _batch(standin: StandIn, prompts: list[Sequence[int]], sampling: dict[str, Any]) -> list[tuple[str, bool]]:
    tokenizer = standin.tokenizer
    inputs = padded(prompts, tokenizer.pad_token_id)
    with torch.inference_mode():
        output = standin.model.generate(**inputs, **sampling, pad_token_id=tokenizer.pad_token_id)
    ends = end_ids(standin)
    texts: list[tuple[str, bool]] = []
    for row in output[:, inputs["input_ids"].shape[1] :].tolist():
        stop = next((place for place, token in enumerate(row) if token in ends), None)
        texts.append((tokenizer.decode(row[:stop], skip_special_tokens=True), stop is not None))
    return texts


def end_ids(standin: StandIn) -> set[int]:
    """Return the ids that end an answer."""
    ids = standin.model.generation_config.eos_token_id
    return {standin.tokenizer.eos_token_id, *(ids if isinstance(ids, list) else [] if ids is None else [ids])}
