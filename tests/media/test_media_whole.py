"""Rows with media go the whole way: from chats with pictures to a validated file whose media lie beside it."""

import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from novaforge.guards.errors import InputError
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.datasets.media.references import data_uri_of
from novaforge.tools.datasets.output.recovery import recover
from novaforge.tools.datasets.splitting import removed, spooled
from novaforge.tools.datasets.tool import transform_dataset, validate_dataset


def chat(question: str, *references: str) -> dict[str, Any]:
    pictures = [{"type": "image_url", "image_url": {"url": reference}} for reference in references]
    user = {"role": "user", "content": [{"type": "text", "text": question}, *pictures]}
    return {"messages": [user, {"role": "assistant", "content": f"an answer to {question}"}]}


@pytest.fixture
def source(tmp_path: Path, make: Any) -> str:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "near.gif").write_bytes(make.gif())
    rows = [
        chat("inside", data_uri_of("png", make.png())),
        chat("beside", "pictures/near.gif"),
        chat("missing", "pictures/missing.gif"),
        chat("private", "http://169.254.169.254/latest/meta-data.png"),
        chat("none"),
        chat("again", data_uri_of("png", make.png()), "pictures/near.gif"),
        chat("no data", "data:image/png;base64,%%%"),
    ]
    path = tmp_path / "chats.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def read(ctx: ToolContext, uri: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ctx.storage.read(uri).splitlines()]


def test_chats_with_pictures_become_rows_with_media_beside_them(
    ctx: ToolContext, source: str, prefix: str, work: Path
) -> None:
    inside = dataclasses.replace(ctx, work_dir=work)
    result = transform_dataset(inside, source=source, target=f"{prefix}/out", method="SFT_LORA", model="nova_lite_2")
    rows = read(ctx, f"{prefix}/out/train.jsonl")
    assert [row["messages"][0]["content"][0]["text"] for row in rows] == ["inside", "beside", "none", "again"]
    assert len(ctx.storage.list(f"{prefix}/out/media")) == 2
    assert result.rows_written == 4 and result.rejected["rows"] == 3
    reasons = {line["line"]: json.dumps(line) for line in read(ctx, f"{prefix}/out/rejects.jsonl")}
    assert "no such local file" in reasons[3] and "not a public one" in reasons[4] and "not base64" in reasons[7]
    checked = validate_dataset(inside, source=f"{prefix}/out/train.jsonl", method="SFT_LORA", model="nova_lite_2")
    rules = {finding["rule"] for finding in checked.model_dump()["findings"]}
    assert not {rule for rule in rules if rule.startswith(("DA8", "DA9"))}, rules


def test_a_local_target_is_refused_when_rows_have_media(ctx: ToolContext, source: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="have to lie in S3"):
        transform_dataset(ctx, source=source, target=str(tmp_path / "out"), method="SFT_LORA", model="nova_lite_2")
    assert not (tmp_path / "out").exists()


def test_pictures_of_an_evaluation_file_stand_in_its_rows(
    ctx: ToolContext, source: str, tmp_path: Path, make: Any
) -> None:
    out = tmp_path / "out"
    transform_dataset(ctx, source=source, target=str(out), method="EVALUATION", model="nova_lite_2")
    rows = read(ctx, str(out / "gen_qa.jsonl"))
    assert [row["query"] for row in rows] == ["inside", "beside", "none", "again"]
    images = [data_uri_of("png", make.png()), data_uri_of("gif", make.gif())]
    assert [[image["data"] for image in row.get("images", [])] for row in rows] == [images[:1], images[1:], [], images]


def test_rows_keep_their_own_pictures_however_few_rows_are_looked_at_at_a_time(
    ctx: ToolContext, prefix: str, work: Path, tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooled, "_CHUNK", 4)
    monkeypatch.setattr(spooled, "RANGE_BITS", 3)
    monkeypatch.setattr(removed, "RANGE_BITS", 3)
    pictures = {number: make.png(number + 1, 2) for number in range(40) if number % 3}
    rows = [
        chat(f"{number}", *([data_uri_of("png", pictures[number])] if number in pictures else []))
        for number in range(40)
    ]
    rows[13] = chat("13", "data:image/png;base64,%%%")
    rows[30] = rows[5]
    path = tmp_path / "many.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    result = transform_dataset(
        dataclasses.replace(ctx, work_dir=work), source=str(path), target=f"{prefix}/out", method="SFT_LORA",
        model="nova_lite_2", split={"train": 20, "test": 10}, filters={"exact_duplicates": True},
    )  # fmt: skip
    assert (result.rows_written, result.rows_unused, result.rejected["rows"]) == (30, 8, 2)
    seen: dict[int, bytes | None] = {}
    for file in result.files:
        for row in read(ctx, file.uri):
            text, *images = row["messages"][0]["content"]
            uris = [image["image"]["source"]["s3Location"]["uri"] for image in images]
            seen[int(text["text"])] = ctx.storage.read(uris[0]) if uris else None
    assert len(seen) == 30 and all(pictures.get(number) == data for number, data in seen.items())


@pytest.mark.parametrize("method", ["SFT_LORA", "EVALUATION"])
@pytest.mark.parametrize(
    "more",
    [
        {"split": {"train": 2, "test": 1}}, {"filters": {"exact_duplicates": True}}, {"filters": {"near_duplicates": True}},
        {"split": {"train": 0.5, "test": 0.5}, "seed": 3},
    ],
    ids=["counts", "copies", "near copies", "ratios"],
)  # fmt: skip
def test_rows_with_pictures_can_be_divided_and_filtered_in_every_way(
    ctx: ToolContext, source: str, prefix: str, work: Path, method: Any, more: dict[str, Any]
) -> None:
    result = transform_dataset(
        dataclasses.replace(ctx, work_dir=work), source=source, target=f"{prefix}/out", method=method,
        model="nova_lite_2", **more,
    )  # fmt: skip
    assert result.rows_written + result.rows_unused == 4 and result.rejected["rows"] == 3
    text = json.dumps([row for file in result.files for row in read(ctx, file.uri)])
    assert ("s3Location" in text or "data:image" in text) and "novaforge-media" not in text


@pytest.mark.parametrize(
    "point", ["media:tidied", "publish:before_object", "publish:after_objects", "publish:done", ""]
)
def test_no_picture_of_a_rejected_or_unused_row_stays_wherever_the_process_dies(
    ctx: ToolContext, prefix: str, work: Path, tmp_path: Path, make: Any, sandbox: Any, point: str
) -> None:
    rows = [
        chat("kept", data_uri_of("png", make.png(3, 3))),
        chat("rejected", data_uri_of("png", make.png(4, 4)), "pictures/missing.gif"),
        chat("kept", data_uri_of("png", make.png(3, 3))),
    ]
    path = tmp_path / "chats.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    program = [sys.executable, str(Path(__file__).with_name("transform_and_die.py"))]
    ended = subprocess.run([*program, str(tmp_path), sandbox.url, f"{prefix}/out", point], check=False, timeout=120)
    assert ended.returncode == (-signal.SIGKILL if point else 0)
    writing = dataclasses.replace(ctx, work_dir=tmp_path / "work", mode=Mode(writes_allowed=True))
    shown = [uri.removeprefix(f"{prefix}/out/") for uri in ctx.storage.list(f"{prefix}/out/")]
    complete = point in ("publish:after_objects", "publish:done", "")
    assert ("manifest.json" in shown) == complete
    recover(writing)
    left = ctx.storage.list(f"{prefix}/out/")
    assert len([uri for uri in left if "/media/" in uri]) == (1 if complete else 0) and bool(left) == complete
    assert not list((tmp_path / "work" / "journals").iterdir())
