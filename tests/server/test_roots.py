"""Which local files a server may touch when nobody said."""

from pathlib import Path

import pytest

from novaforge.guards.errors import InputError
from novaforge.server.settings import Settings
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage


def test_the_working_directory_is_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings().allowed_roots == (tmp_path.resolve(),)


@pytest.mark.parametrize("place", ["/", "home"])
def test_a_server_started_in_the_whole_disk_or_home_reads_nothing_without_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path if place == "home" else place)
    (tmp_path / "rows.csv").write_text("a,b\n", encoding="utf-8")
    storage = Storage(Aws(region="us-east-1"), Settings().allowed_roots)
    with pytest.raises(InputError) as caught:
        storage.stat(str(tmp_path / "rows.csv"))
    assert caught.value.fix == "start the server with --root FOLDER"


def test_a_root_that_was_given_counts_wherever_the_server_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert Settings(roots=(tmp_path,)).allowed_roots == (tmp_path,)
