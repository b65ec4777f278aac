"""Publishes two data files and a manifest once per named point, in a child each that kills itself there.

Arguments: the folder for the work folders 0, 1 and so on of the children, the root, the endpoint's URL or "", then target=point#n for each child: killed when it passes
the point for the n-th time. Exits 1 when a child did not get that far.
"""

import os
import signal
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from novaforge.guards.policy import Policy
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.datasets.output.outputs import Outputs

LARGE = 9 * 1024 * 1024


def main() -> int:
    work_dir, root, url, *children = sys.argv[1:]
    for number, child in enumerate(children):
        target, _, moment = child.partition("=")
        pid = os.fork()
        if not pid:
            publish(context(Path(work_dir) / str(number), Path(root), url, moment), target)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != -signal.SIGKILL:
            print(f"{child} was not reached", file=sys.stderr)
            return 1
    return 0


def context(work_dir: Path, root: Path, url: str, moment: str) -> ToolContext:
    point, _, number = moment.partition("#")
    passed: Counter[str] = Counter()

    def checkpoint(name: str) -> None:
        passed[name] += 1
        if (name, passed[name]) == (point, int(number)):
            os.kill(os.getpid(), signal.SIGKILL)

    aws = Aws(region="us-east-1", endpoint=lambda: url, credentials=("sandbox", "sandbox"))
    nothing = cast(Any, None)
    return ToolContext(
        mode=Mode(writes_allowed=True), policy=Policy(), ledger=nothing, audit=nothing, aws=aws,
        storage=Storage(aws, (root,)), clock=lambda: datetime.now(UTC), checkpoint=checkpoint, work_dir=work_dir,
    )  # fmt: skip


def publish(ctx: ToolContext, target: str) -> None:
    with Outputs.of(ctx, target) as outputs:
        outputs.create("train", "train.jsonl").write(b"x" * LARGE, 9)
        outputs.create("test", "test.jsonl").write(b"{}\n")
        outputs.add_media("media/a.png", [b"\x89PNG", b"data"])
        outputs.create("manifest", "manifest.json").write(b"{}")
        outputs.commit()


if __name__ == "__main__":
    sys.exit(main())
