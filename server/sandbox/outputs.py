"""What a worker leaves: its results go to S3 as an archive, its checkpoint to the escrow store."""

import shutil
import tarfile
import tempfile
from pathlib import Path

from novaforge.server.sandbox.channels import split
from novaforge.server.sandbox.inner import Moto
from novaforge.server.sandbox.jobs import Job


def upload(moto: Moto, job: Job, folder: Path) -> bool:
    """Upload result/ to the job's output prefix, as output.tar.gz unless compression is off; False when there is nothing."""
    files = sorted(path for path in (folder / "result").rglob("*") if path.is_file())
    if not files:
        return False
    client, (bucket, prefix) = moto.client("s3"), split(job.output_prefix)
    if job.request["OutputDataConfig"].get("CompressionType") == "NONE":
        for path in files:
            name = path.relative_to(folder / "result").as_posix()
            client.put_object(Bucket=bucket, Key=f"{prefix}/output/{name}", Body=path.read_bytes())
        return True
    with tempfile.TemporaryFile(dir=folder) as archive:
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            for path in files:
                tar.add(path, path.relative_to(folder / "result").as_posix(), recursive=False)
        archive.seek(0)
        client.put_object(Bucket=bucket, Key=f"{prefix}/output.tar.gz", Body=archive.read())
    return True


def keep_checkpoint(folder: Path, escrow: Path, name: str) -> None:
    """Move checkpoint/ of a finished job into the escrow store under the job's name."""
    made = folder / "checkpoint"
    if made.is_dir():
        kept = escrow / name
        shutil.rmtree(kept, ignore_errors=True)
        escrow.mkdir(parents=True, exist_ok=True)
        shutil.move(made, kept)
