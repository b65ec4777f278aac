"""Bring a job's inputs into its folder: channels from S3, the recipe, the base checkpoint from the escrow store."""

import shutil
from pathlib import Path
from typing import Any

import yaml

from novaforge.server.sandbox.inner import Moto
from novaforge.server.sandbox.jobs import Job, JobFailure
from novaforge.server.sandbox.settings import ESCROW_BUCKET

RECIPE_CHANNEL = "recipe"
CONTAINER_INPUT = "/opt/ml/input/data/"


def split(uri: str) -> tuple[str, str]:
    """Split s3://bucket/key into bucket and key; any other text is a bucket that does not exist."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def objects(moto: Moto, uri: str) -> list[str]:
    """Return the keys below an S3 URI; empty when there are none or the bucket does not exist."""
    client, (bucket, prefix) = moto.client("s3"), split(uri)
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    except client.exceptions.NoSuchBucket:
        return []
    return [prefix] if prefix in keys else [key for key in keys if not key.endswith("/")]


def sources(request: dict[str, Any]) -> dict[str, str]:
    """Return the S3 URI of each channel of a request."""
    return {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in request.get("InputDataConfig", [])
        if "S3DataSource" in channel.get("DataSource", {})
    }


def materialise(moto: Moto, job: Job, folder: Path) -> None:
    """Write input/<channel>/ and recipe.yaml below a job's folder; raises JobFailure when data are gone."""
    for channel, uri in sources(job.request).items():
        _download(moto, uri, folder / "input" / channel)
    declared = job.request.get("HyperParameters", {}).get("sagemaker_recipe_local_path", "")
    given = folder / "input" / declared.removeprefix(CONTAINER_INPUT)
    if not declared.startswith(CONTAINER_INPUT) or not given.resolve().is_relative_to((folder / "input").resolve()):
        given = folder / "input" / RECIPE_CHANNEL / "recipe.yaml"
    if not given.is_file():
        raise JobFailure(f"ClientError: The recipe {declared or 'recipe.yaml'} is not in the channel {RECIPE_CHANNEL}.")
    shutil.copyfile(given, folder / "recipe.yaml")


def recipe(folder: Path) -> dict[str, Any]:
    """Read the recipe of a job; raises JobFailure when it is not a YAML mapping."""
    try:
        content = yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise JobFailure(f"ClientError: The recipe is not valid YAML: {str(error)[:300]}") from error
    if not isinstance(content, dict):
        raise JobFailure("ClientError: The recipe is not a YAML mapping.")
    return content


def base_location(job: Job, content: dict[str, Any]) -> str | None:
    """Return the escrow URI of the checkpoint a job starts from, None for the base model."""
    given = job.request.get("HyperParameters", {}).get("base_model_location")
    if given:
        return str(given)
    run = content.get("run")
    named = str(run.get("model_name_or_path", "")) if isinstance(run, dict) else ""
    return named if named.startswith("s3://") else None


def escrow_uri(name: str) -> str:
    """Return the escrow URI under which a job's checkpoint is kept."""
    return f"s3://{ESCROW_BUCKET}/{name}/"


def stored_checkpoint(escrow: Path, uri: str) -> Path:
    """Return the stored checkpoint an escrow URI names; raises JobFailure when there is none."""
    bucket, key = split(uri)
    stored = (escrow / key.strip("/")).resolve()
    known = bucket == ESCROW_BUCKET and stored != escrow.resolve() and stored.is_relative_to(escrow.resolve())
    if not known or not stored.is_dir():
        raise JobFailure(f"ClientError: There is no checkpoint at {uri}, or the account may not use it.")
    return stored


def copy_checkpoint(escrow: Path, uri: str, target: Path) -> None:
    """Copy the stored checkpoint an escrow URI names; raises JobFailure when there is none."""
    shutil.copytree(stored_checkpoint(escrow, uri), target)


def copy_model_data(moto: Moto, escrow: Path, uri: str, target: Path) -> None:
    """Bring model data from the escrow store or from S3; raises JobFailure when there are none."""
    if split(uri)[0] == ESCROW_BUCKET:
        copy_checkpoint(escrow, uri, target)
    else:
        _download(moto, uri, target)


def data_exist(moto: Moto, escrow: Path, uri: str) -> bool:
    """Tell whether model data are in the escrow store or in S3."""
    if split(uri)[0] != ESCROW_BUCKET:
        return bool(objects(moto, uri))
    try:
        stored_checkpoint(escrow, uri)
    except JobFailure:
        return False
    return True


def _download(moto: Moto, uri: str, target: Path) -> None:
    bucket, prefix = split(uri)
    keys = objects(moto, uri)
    if not keys:
        raise JobFailure(f"ClientError: Data download failed: no S3 objects found under {uri}.")
    start = len(prefix.rpartition("/")[0]) + 1 if "/" in prefix else 0
    for key in keys:
        path = (target / key[start:]).resolve()
        if not path.is_relative_to(target.resolve()):
            raise JobFailure(f"ClientError: Data download failed: the key {key[:200]!r} leaves its channel.")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            shutil.copyfileobj(moto.client("s3").get_object(Bucket=bucket, Key=key)["Body"], file)
