"""Local files stay below the roots, also when a link takes a place between the check and the opening."""

from pathlib import Path

import pytest

from novaforge.guards.errors import InputError
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "rows.csv").write_text("secret", encoding="utf-8")
    (tmp_path / "root" / "data").mkdir(parents=True)
    (tmp_path / "root" / "data" / "rows.csv").write_text("ours", encoding="utf-8")
    return tmp_path / "root"


class Swapped(Storage):
    """Puts a link in place of the file or its folder as soon as the path was found to be inside."""

    swap = "rows.csv"

    def _existing(self, uri: str) -> Path:
        path = super()._existing(uri)
        old = path if self.swap == path.name else path.parent
        old.rename(old.with_name("away"))
        old.symlink_to(path.parents[2] / "outside" / ("rows.csv" if old == path else ""))
        return path


@pytest.mark.parametrize("swap", ["rows.csv", "data"])
@pytest.mark.parametrize("reading", ["_open_local", "stat"])
def test_a_link_swapped_in_after_the_check_is_not_followed(root: Path, swap: str, reading: str) -> None:
    storage = Swapped(Aws(), (root,))
    storage.swap = swap
    with pytest.raises(InputError, match=r"rows\.csv"):
        getattr(storage, reading)(str(root / "data" / "rows.csv"))
    assert (root / "data" / "rows.csv").read_text(encoding="utf-8") == "secret", "the link is there"


def test_a_link_that_stays_inside_is_read_and_one_that_leads_out_is_refused(root: Path) -> None:
    (root / "inside").symlink_to(root / "data")
    (root / "out").symlink_to(root.parent / "outside")
    storage = Storage(Aws(), (root,))
    assert storage.read(str(root / "inside" / "rows.csv")) == b"ours"
    with pytest.raises(InputError, match="outside the folders"):
        storage.read(str(root / "out" / "rows.csv"))


def test_a_root_may_be_a_single_file(root: Path) -> None:
    file = root / "data" / "rows.csv"
    assert Storage(Aws(), (file,)).read(str(file)) == b"ours"
