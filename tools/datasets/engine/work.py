"""What a worker does: the same code runs in another process or in this one."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from novaforge.tools.datasets.reading.batch import Batch
from novaforge.tools.datasets.rows import Line, Reject

Result_co = TypeVar("Result_co", covariant=True)


class Runner(Protocol[Result_co]):
    """Work that is ready to run in this process; keeps nothing between batches that changes a result."""

    def run(self, batch: Batch) -> Result_co:
        """Return what there is to know and to write about a batch; raises TornBatchError."""
        ...

    def run_lines(self, file: int, lines: Iterable[Line], rejects: list[Reject]) -> Result_co:
        """Do the same for rows read already; `rejects` fills up while the rows are read."""
        ...


class Work(Protocol[Result_co]):
    """Picklable description of work."""

    def start(self) -> Runner[Result_co]:
        """Get ready in this process."""
        ...
