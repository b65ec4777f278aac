"""The folder of one job: what the supervisor wrote into it and what the worker leaves there."""

import json
import os
import time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from novaforge.guards.errors import InputError
from novaforge.server.sandbox.worker.recipe import Recipe
from novaforge.server.sandbox.worker.settings import Settings


class Job:
    """One job folder; paths, request, recipe, settings, progress."""

    def __init__(self, folder: Path, worker: dict[str, Any], request: dict[str, Any], settings: Settings) -> None:
        self.folder = folder
        self.worker = worker
        self.request = request
        self.settings = settings
        self.began = time.time()

    @classmethod
    def open(cls, folder: Path) -> "Job":
        """Read worker.json and request.json; raises InputError for unreadable files and unknown settings."""
        worker = _object(folder / "worker.json")
        request = _object(folder / "request.json") if (folder / "request.json").exists() else {}
        try:
            settings = Settings.model_validate(worker.get("settings") or {})
        except ValidationError as error:
            names = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise InputError(f"The stand-in settings are wrong: {names}", field="settings") from error
        return cls(folder, worker, request, settings)

    @property
    def name(self) -> str:
        """The job's name."""
        return str(self.worker.get("job_name") or self.request.get("TrainingJobName") or self.folder.name)

    @property
    def base(self) -> Path | None:
        """The checkpoint to start from, or None for the base model."""
        path = self.folder / "base"
        return path if path.is_dir() and any(path.iterdir()) else None

    @property
    def result(self) -> Path:
        """The folder whose content goes into output.tar.gz."""
        return _made(self.folder / "result")

    @property
    def checkpoint(self) -> Path:
        """The folder whose content goes to the escrow store."""
        return _made(self.folder / "checkpoint")

    def recipe(self) -> Recipe:
        """Read recipe.yaml; raises InputError."""
        return Recipe.read(self.folder / "recipe.yaml")

    def data_file(self, preferred: str = "") -> Path:
        """Return input/train/<preferred>, or the only JSONL file of the train channel, or of any channel.

        Raises InputError when there is none, or more than one.
        """
        channels = self.folder / "input"
        wanted = channels / "train" / preferred
        if preferred and wanted.is_file():
            return wanted
        found = sorted((channels / "train").rglob("*.jsonl")) or sorted(channels.rglob("*.jsonl"))
        if len(found) != 1:
            names = ", ".join(str(path.relative_to(channels)) for path in found) or "none"
            raise InputError(
                f"The job needs exactly one JSONL file in its input channels; found {names}.", field="data"
            )
        return found[0]

    def progress(self, step: int, max_steps: int, epoch: float = 0.0) -> None:
        """Write progress.json in one piece, so that a reader never sees half of it."""
        text = json.dumps({"step": step, "max_steps": max_steps, "epoch": round(epoch, 4)})
        scratch = self.folder / "progress.json.new"
        scratch.write_text(text, encoding="utf-8")
        os.replace(scratch, self.folder / "progress.json")


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name} of the job cannot be read: {error}", field=path.name) from error
    if not isinstance(value, dict):
        raise InputError(f"{path.name} of the job is not a JSON object.", field=path.name)
    return value
