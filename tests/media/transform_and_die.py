"""Transforms chats.jsonl of a folder and kills itself at a named point.

Arguments: the folder, the endpoint's URL, the target, the point or "".
"""

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from novaforge.guards.policy import Policy
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.datasets.tool import transform_dataset


def main() -> None:
    folder, url, target, point = Path(sys.argv[1]), *sys.argv[2:]

    def checkpoint(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    aws = Aws(region="us-east-1", endpoint=lambda: url, credentials=("sandbox", "sandbox"))
    nothing = cast(Any, None)
    ctx = ToolContext(
        mode=Mode(writes_allowed=True), policy=Policy(), ledger=nothing, audit=nothing, aws=aws,
        storage=Storage(aws, (folder,)), clock=lambda: datetime.now(UTC), checkpoint=checkpoint,
        work_dir=folder / "work",
    )  # fmt: skip
    source = str(folder / "chats.jsonl")
    transform_dataset(ctx, source=source, target=target, method="SFT_LORA", model="nova_lite_2")


if __name__ == "__main__":
    main()
