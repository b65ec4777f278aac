"""The SFT path of AWS's SDK (amzn-nova-forge) on the same file: PYTHON benchmarks/data_peer.py FOLDER, run by data_path --peer.

PYTHON is an interpreter that has amzn-nova-forge installed; nothing of ours is imported here. Timed: load, transform, validate,
split, save three files. Even for a local file it asks STS for the account and S3 for a bucket; both are answered here. Its telemetry is off.
"""

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.update({"TELEMETRY_OPT_OUT": "true", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"})


class _Answers:
    """Stands for STS and S3: the account's number, and a bucket that exists."""

    meta = None

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": "111122223333"}

    def head_bucket(self, **request: str) -> dict[str, str]:
        return {}


def _answer_aws() -> None:
    import boto3

    boto3.client = lambda service, *words, **more: _Answers()


def prepare(folder: Path) -> Any:
    """Return a call that runs the peer's whole SFT path."""
    import amzn_nova_forge as forge  # type: ignore[import-not-found]  # the peer lives in another environment

    chosen = {"training_method": forge.TrainingMethod.SFT_LORA, "model": forge.Model.NOVA_LITE_2}
    columns = {"question": "Body", "answer": "Y", "system": "System"}

    def run() -> None:
        loader = forge.CSVDatasetLoader()
        loader.load(str(folder / "source.csv"))
        loader.transform(method=forge.TransformMethod.SCHEMA, column_mappings=columns, **chosen)
        loader.validate(method=forge.ValidateMethod.INVALID_RECORDS, **chosen)
        parts = loader.split(train_ratio=0.8, val_ratio=0.1, test_ratio=0.1, seed=42)
        for name, part in zip(("train", "validation", "test"), parts, strict=True):
            part.save(str(folder / f"peer-{name}.jsonl"))

    return run


def main() -> None:
    """Run the peer and print seconds as JSON in the last line."""
    logging.disable(logging.CRITICAL)
    _answer_aws()
    run = prepare(Path(sys.argv[1]))
    before = sum(os.times()[:4])
    began = time.perf_counter()
    run()
    print("\n" + json.dumps({"wall": time.perf_counter() - began, "cpu_before": before}))


if __name__ == "__main__":
    main()
