"""Arguments of a transform that are right by themselves and mean nothing together."""

from novaforge.guards.errors import InputError
from novaforge.tools.datasets.request import Request
from novaforge.tools.datasets.splitting.split import Split


def refuse_meaningless(request: Request, split: Split | None) -> None:
    """Raise InputError, naming both arguments, for a combination that cannot do what it asks for."""
    for name in ("stratify_by", "group_by"):
        value = getattr(request, name)
        if value is not None and split is None:
            raise InputError(f"{name} wants a split.", field=name, value=value, fix="give split too")
        if value is not None and split is not None and split.ratios and len(split.roles) == 1:
            message = f"split has one part, which gets every row, so {name} has nothing to divide."
            raise InputError(message, field=name, value=value, fix=f"give split a second part, or leave {name} out")
    if request.stratify_by is not None and request.stratify_by == request.group_by:
        message = (
            f"stratify_by and group_by both name {request.stratify_by!r}: one divides the rows of each value among all "
            "parts, the other keeps them in one part."
        )
        fix = "leave out stratify_by to keep equal values together, or group_by to have each value in every part"
        raise InputError(message, field="stratify_by", value=request.stratify_by, fix=fix, other="group_by")
    if request.pair_with is not None and (request.method, request.task) != ("EVALUATION", "llm_judge"):
        message = "pair_with is for rows that a judge compares; method and task ask for others."
        fix = "give method EVALUATION and task llm_judge, or leave pair_with out"
        raise InputError(message, field="pair_with", value=request.pair_with, fix=fix, other="task")
    if request.pair_with is not None and request.pair_with.rstrip("/") == request.source.rstrip("/"):
        message = "pair_with and source are the same: every answer would be compared with itself."
        fix = "source is the baseline's evaluation, pair_with the candidate's"
        raise InputError(message, field="pair_with", value=request.pair_with, fix=fix, other="source")
