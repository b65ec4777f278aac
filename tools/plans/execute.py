"""Carry out the steps of a plan whose execution has begun, from wherever it stands."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from novaforge.guards.errors import (
    AwsError,
    ConfigError,
    ConflictError,
    InputError,
    NotFoundError,
    NovaForgeError,
    RefusedError,
)
from novaforge.guards.plan import AwsStep, UploadStep, Wait
from novaforge.tools.aws.resources import look
from novaforge.tools.aws.shapes import plain
from novaforge.tools.aws.uploads import PART_BYTES
from novaforge.tools.plans.rows import gone
from novaforge.tools.plans.run import Paused, Run, StepFailed, Unclear, say
from novaforge.tools.plans.send import ambiguous, create, foreign, ours, simple, value_at
from novaforge.tools.records import ArtifactRecord, ResourceRecord, resource_id

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 5.0

SLOW = ("sagemaker:endpoint",)
"""What AWS goes on deleting, and billing, after it has accepted the call."""


def carry_out(run: Run) -> None:
    """Take every step that is not finished, in order; raises a Stop when the run ends before the last one."""
    for number, (key, step) in enumerate(run.steps, 1):
        run.progress(number - 1, step.name)
        if key not in run.done:
            _take(run, key, step)
        if isinstance(step, AwsStep) and step.wait is not None and _waited(key) not in run.done:
            _await(run, key, step, step.wait)
    note_gone(run)
    run.progress(len(run.steps), "done")


def adopt(run: Run) -> list[str]:
    """Finish the steps whose result is there already; returns the names of those still to be taken.

    Raises StepFailed when something of ours carries another tag, Unclear when AWS does not say.
    """
    missing: list[str] = []
    for key, step in run.steps:
        if key in run.done:
            continue
        seen = ours(run, step, step.creates) if isinstance(step, AwsStep) and step.creates else None
        if seen is not None and isinstance(step, AwsStep) and step.creates:
            run.made(key, step.creates, seen.arn, "")
            run.audit("resource.adopted", step=step.name, resource=seen.arn)
        else:
            missing.append(step.name)
    return missing


def note_gone(run: Run) -> None:
    """Close the rows of what this plan deleted slowly and what is gone by now; the others stay live, since they may bill."""
    for key, step in run.steps:
        if isinstance(step, AwsStep) and step.deletes and key in run.done:
            row = run.ctx.ledger.resource(step.deletes)
            if row and row.deleted_at is None and _is_gone(run, row):
                run.ctx.ledger.put_resource(gone(row, run.now()))


def _is_gone(run: Run, row: ResourceRecord) -> bool:
    try:
        return look(run.ctx, row.kind, row.name) is None
    except NovaForgeError:
        return False  # not known to be gone: get_spend goes on showing it


def _take(run: Run, key: str, step: AwsStep | UploadStep) -> None:
    if isinstance(step, UploadStep):
        _upload(run, key, step)
    elif step.creates is not None:
        _create(run, key, step)
    elif step.deletes is not None:
        _delete(run, key, step, step.deletes)
    else:
        _change(run, key, step)


def _create(run: Run, key: str, step: AwsStep) -> None:
    assert step.creates is not None
    run.note(step=step.name)
    run.intend(step, step.creates)
    run.ctx.checkpoint(f"before_call:{step.name}")
    # A process that was suspended here may find that another one has closed the plan meanwhile.
    run.renew()
    try:
        made = create(run, step, step.creates)
    except StepFailed as failure:
        run.unmade(step.creates, failure.why)
        raise
    run.ctx.checkpoint(f"after_call:{step.name}")
    run.made(key, step.creates, made.arn, made.request_id)
    event = "resource.adopted" if made.adopted else "resource.created"
    run.audit(event, step=step.name, resource=made.arn, request_id=made.request_id)
    run.ctx.checkpoint(f"after_record:{step.name}")


def _delete(run: Run, key: str, step: AwsStep, target: str) -> None:
    """Delete what the ledger says we made and what carries the tag it was made with."""
    run.note(step=step.name)
    row = run.ctx.ledger.resource(target)
    if row is None:
        raise StepFailed(step.name, f"{target} is not in the ledger: only what this server made is deleted.")
    if _present(run, step, row.kind, row.name, row.plan_digest):
        run.ctx.checkpoint(f"before_call:{step.name}")
        request_id = simple(run, step, missing_is_fine=True)
        run.ctx.checkpoint(f"after_call:{step.name}")
        run.audit("resource.deleted", step=step.name, resource=row.arn or target, request_id=request_id)
    if step.wait is None and row.kind not in SLOW:
        run.ctx.ledger.put_resource(gone(row, run.now()))
    run.mark(key, arn=row.arn)
    run.ctx.checkpoint(f"after_record:{step.name}")


def _present(run: Run, step: AwsStep, kind: str, name: str, digest: str) -> bool:
    try:
        seen = look(run.ctx, kind, name)
    except Exception as error:
        raise Unclear(step.name, f"whose {kind} {name} is cannot be read: {say(error)}") from error
    if seen is not None and seen.plan_tag != digest:
        raise foreign(run, step.name, kind, name)
    return seen is not None


def _change(run: Run, key: str, step: AwsStep) -> None:
    """Make a call that neither creates nor deletes a resource of its own, such as a role's policy."""
    run.note(step=step.name)
    if run.plan.action == "clean_up" and "RoleName" in step.request:
        # An interrupted cleanup may go on days later, when somebody else has a role of this name.
        _refuse_foreign(run, step, resource_id("iam:role", str(step.request["RoleName"])))
    run.ctx.checkpoint(f"before_call:{step.name}")
    request_id = simple(run, step, missing_is_fine=run.plan.action == "clean_up")
    run.ctx.checkpoint(f"after_call:{step.name}")
    run.mark(key, request_id=request_id)
    run.audit("aws.called", step=step.name, call=f"{step.service}:{step.operation}", request_id=request_id)
    run.ctx.checkpoint(f"after_record:{step.name}")


def _refuse_foreign(run: Run, step: AwsStep, target: str) -> None:
    row = run.ctx.ledger.resource(target)
    if row is None:
        raise StepFailed(step.name, f"{target} is not in the ledger: only what this server made is changed.")
    _present(run, step, row.kind, row.name, row.plan_digest)


def _upload(run: Run, key: str, step: UploadStep) -> None:
    run.note(step=step.name)
    run.ctx.checkpoint("before_upload")
    if not _placed(run, step) and not _placed(run, step):
        raise Paused(step.name, f"{step.uri} could not be written; S3 did not answer.", sent=False)
    run.ctx.checkpoint("after_upload")
    row = ArtifactRecord(
        uri=step.uri,
        plan_id=run.plan.plan_id,
        plan_digest=run.plan.digest,
        sha256=step.sha256,
        bytes=step.bytes,
        at=run.now(),
    )
    run.ctx.ledger.put_artifact(row)
    run.mark(key)
    run.audit("object.uploaded", step=step.name, uri=step.uri, sha256=step.sha256, bytes=step.bytes)


def _placed(run: Run, step: UploadStep) -> bool:
    """Put the object there, or find it there; False when that may be tried again. Raises StepFailed."""
    try:
        if not _same_object(run, step):
            _send_object(run, step)
    except ConflictError:
        return False  # it appeared meanwhile: look again
    except (InputError, RefusedError, ConfigError) as error:
        raise StepFailed(step.name, say(error)) from error
    except AwsError as error:
        if ambiguous(error):
            return False
        raise StepFailed(step.name, say(error)) from error
    return True


def _same_object(run: Run, step: UploadStep) -> bool:
    """Tell whether the object is there already with exactly the planned content; any other content is refused."""
    storage = run.ctx.storage
    if not storage.exists(step.uri):
        return False
    if storage.stat(step.uri).bytes == step.bytes:
        with storage.open(step.uri) as stream:
            if _hash(run, _pieces(stream)) == step.sha256:
                return True
    raise StepFailed(step.name, f"{step.uri} exists with other content and is never overwritten.")


def _send_object(run: Run, step: UploadStep) -> None:
    """Write the object; it appears only when the bytes sent had the planned hash."""
    with run.ctx.storage.create(step.uri) as sink:

        def sent(pieces: Iterable[bytes]) -> Iterator[bytes]:
            for piece in pieces:
                sink.write(piece)
                yield piece

        if step.text is not None:
            digest = _hash(run, sent([step.text.encode("utf-8")]))
        else:
            with run.ctx.storage.open(step.file or "") as stream:
                digest = _hash(run, sent(_pieces(stream)))
        if digest != step.sha256:
            source = step.file or "the text"
            raise StepFailed(step.name, f"{source} no longer has the planned content; nothing was uploaded.")


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    while piece := stream.read(PART_BYTES):
        yield piece


def _hash(run: Run, pieces: Iterable[bytes]) -> str:
    """Return the SHA-256 of the pieces, keeping the lease meanwhile."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        run.renew()
    return digest.hexdigest()


def _await(run: Run, key: str, step: AwsStep, wait: Wait) -> None:
    run.ctx.checkpoint(f"before_wait:{step.name}")
    pause = FIRST_PAUSE_S
    while not _reached(run, step, wait):
        if not run.pace.pause(pause):
            raise Paused(step.name, f"{step.name} is still going on.", sent=True)
        pause = min(pause * 2, LONGEST_PAUSE_S)
        run.renew()
    run.mark(_waited(key))


def _reached(run: Run, step: AwsStep, wait: Wait) -> bool:
    try:
        seen = run.ctx.aws.call(step.service, wait.operation, **plain(wait.request))
    except NotFoundError:
        return wait.gone
    except AwsError as error:
        if ambiguous(error):
            return False
        raise Paused(step.name, f"{step.name} cannot be followed: {say(error)}", sent=True) from error
    value = value_at(seen, wait.field)
    if value in wait.failed:
        reason = value_at(seen, "FailureReason") or value_at(seen, "StateReason")
        raise StepFailed(step.name, f"{step.name} ended as {value}. {reason}".strip())
    return value in wait.until


def _waited(key: str) -> str:
    return f"{key}#waited"
