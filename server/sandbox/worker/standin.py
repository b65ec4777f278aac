"""The stand-in model: a tiny Llama-type model, or a local model, with its tokenizer."""

import ctypes
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from novaforge.guards.values import JsonObject
from novaforge.server.sandbox.worker.chat import END, PAD, PLAIN_TEMPLATE, SPECIAL_TOKENS, TEMPLATE
from novaforge.server.sandbox.worker.job import Job
from novaforge.server.sandbox.worker.logs import note
from novaforge.server.sandbox.worker.settings import Settings

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # parameters of mallopt(3)

INFO_FILE = "standin.json"
CONTEXT = 4096  # positions the tiny model is built for; serving may ask for long answers
NOTE = (
    "A small stand-in trained by the sandbox: it proves the pipeline, the data and the reward, "
    "and says nothing about the score a Nova model would reach."
)


@dataclass
class StandIn:
    """A loaded stand-in; `trained` is False for random weights, `info` is what standin.json said."""

    model: Any
    tokenizer: Any
    trained: bool
    source: str
    info: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(int(weight.numel()) for weight in self.model.parameters())

    def answer_tokens(self, settings: Settings) -> int:
        """Longest answer worth generating: what training saw, or little for a base that cannot answer."""
        if not self.trained:
            return min(settings.untrained_tokens, settings.answer_tokens)
        return min(int(self.info.get("answer_tokens") or settings.answer_tokens), settings.answer_tokens)


def prepare_torch(settings: Settings) -> None:
    """Use one thread and the settings' seed, so that a rerun gives equal results on the same machine."""
    from transformers import set_seed
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    _keep_freed_memory()
    set_seed(settings.seed)


def _keep_freed_memory() -> None:
    # By default glibc gives each freed tensor of a few MB back to the kernel and asks for it again in the next step:
    # a quarter of the CPU time of a training.
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_TRIM_THRESHOLD, 1 << 30)
    except (OSError, AttributeError):
        return  # another C library; only the speed differs


def device() -> str:
    """Return "cuda" where there is a GPU, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def load(job: Job, texts: Iterable[str]) -> StandIn:
    """Load the job's checkpoint, else the configured local model, else a random tiny model.

    `texts` train the tokenizer of the random model only.
    """
    settings = job.settings
    if job.base is not None:
        standin = _pretrained(str(job.base), _info(job.base))
    elif settings.model:
        standin = _pretrained(settings.model, {})
    else:
        standin = _tiny(settings, texts)
    standin.model.to(device())
    state = "trained weights" if standin.trained else f"random weights of seed {settings.seed}"
    note(
        f"stand-in: {standin.source}, {standin.parameters / 1e6:.2f} M parameters, {state}, "
        f"device {device()}, {torch.get_num_threads()} thread"
    )
    return standin


def save(standin: StandIn, folder: Path, info: JsonObject) -> None:
    """Write weights, tokenizer and standin.json into the folder."""
    standin.model.save_pretrained(folder)
    standin.tokenizer.save_pretrained(folder)
    known = {**standin.info, **info, "parameters": standin.parameters, "note": NOTE}
    (folder / INFO_FILE).write_text(json.dumps(known, indent=1), encoding="utf-8")


def _info(folder: Path) -> dict[str, Any]:
    path = folder / INFO_FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _pretrained(path: str, info: dict[str, Any]) -> StandIn:
    tokenizer = AutoTokenizer.from_pretrained(path)
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if not tokenizer.chat_template:
        note(f"{path} has no chat template; a plain one is used")
        tokenizer.chat_template = PLAIN_TEMPLATE
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    return StandIn(model, tokenizer, True, str(info.get("base") or path), info)


def _tiny(settings: Settings, texts: Iterable[str]) -> StandIn:
    tokenizer = make_tokenizer(settings, texts)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden_size,
        intermediate_size=settings.intermediate_size,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    return StandIn(LlamaForCausalLM(config), tokenizer, False, "tiny Llama-type model")


def make_tokenizer(settings: Settings, texts: Iterable[str]) -> Any:
    """Return a byte-level BPE tokenizer trained on the texts; any text can be written with it."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocabulary,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token=END,
        pad_token=PAD,
        chat_template=TEMPLATE,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
