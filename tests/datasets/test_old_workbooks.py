"""Workbooks of Excel 97, binary ones and OpenDocument are read as .xlsx is: typed cells as texts, nothing moved."""

import zlib
from base64 import b64decode
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novaforge.guards.errors import InputError, NovaForgeError
from tests.datasets.old_workbooks import Sheets, ods, xls, xlsb

if TYPE_CHECKING:
    from tests.datasets.conftest import Desk

Writer = Callable[[Sheets], bytes]
FORMATS = [xls, xlsb, ods]
HEADER = ["Body", "Y", "n", "when", "ok", "at", "lasts"]
ROWS: list[list[Any]] = [
    HEADER,
    ["a\nb € 😀", "HQ", 1, date(2026, 1, 2), True, time(3, 4, 5), timedelta(hours=30)],
    ['c,d "q" <p>', None, 1.5, datetime(2026, 1, 2, 3, 4, 5), False],
    [None, None, None],
    ["x", None, -12345678901.25, None, None, None, timedelta(seconds=1)],
]
TEXTS = [
    ["a\nb € 😀", "HQ", "1", "2026-01-02", "TRUE", "03:04:05", "PT30H00M00S"],
    ['c,d "q" <p>', "", "1.5", "2026-01-02T03:04:05", "FALSE", "", ""],
    ["x", "", "-12345678901.25", "", "", "", "PT00H00M01S"],
]
BY_XLWT = (
    "eNrtWE1oE1EQ/t5ms0lrf9La+lMxLMHf2griRQo1VartJWLbg7+gaRuoVBJNA1oPWq05CoJ4ULwIVVGk6sUfVFBPCkJED/6A0ip4"
    "6UlQ9NBmnZlsYqsRLGihdSe82Tfz5s33fmbnveyzVNnQ+RtVw/iJ1sKFtFUAY5xOUSnICj5Qu2VxNfv0UrEcmlZU4KWNNNy4W/zU"
    "w3vI+z0MDdf1h8SB91R2Yh82xaIRcwppvYwhrHgM9Uqn2NNwjkoJ5su4yoV3CJ8t/JrY3hPeIJoTwuvJdkhtRyq4qXqNHcdbtYC0"
    "lRBXuCV93ohmFSrxmOP4yEmVsXVjXXxPeO//2+DXizAAio6mSDQSZ7kUF1AIbCOqDYVqGxv9ejEu8vvf3FwXCtW1tfn1ebhEGzPO"
    "xsy2DaGCwmwAXywT+JzNJw9MRz+1egXSf5uo9/xG76Udz6cvoG3Ppy/Eyrz6WRQVP+tPaTrQB2u34pcxiSJUublFR2vsQE8SxXgt"
    "qclNSSgR6RnFbjKBFOq4PtbZS/G6jUqUxANdkSi9x7FuYuEE+dkb7kn0eKHCNKZ2Qr5qmqh/hXfU3txCfjtqOs3A/oALMA+aZB9L"
    "dEXihXzSSWb0TciMxZIvioh3olTqZZI1fLRAo5c/PQ+1bw7uEk2fnIaZM3MxTxAWjnIP6lyCzHSY2HW19Fgh/Jh4XSD1KuEVZEnP"
    "JZsr7crGfrE5Lq1LCGe10Ivg0nH1ZVRPjrTc9ic/BJdTfbBp+FDF4MvgeQRo0zqpP//6UaNq1NkzTHeC2aeys+tb4fN/ybRezWeP"
    "3bIvBqUY44RAVCY8I/HqqJyk2WuVkVwkuXKSTpKek9wkuXOSQZJho6o8qEpQPba9ElRe+/s0CyWohpwXgZRGiG6NYkHwFFy0E5zl"
    "ZiN12rNoZOeD4GGNPRi05l9VBlGT8UxE1ASRb0JsrwnGDlKyP8aohPakbq7e+7GB0TRBy3jTZeYTveniLTPThdBl/C4xsGxDD/wK"
    "fmpnAF3ggCvDQ2nj0VqtHDd5PHTk/aCpCF+V49M1fFXe8J3Fl19eVeRbVYcccsghhxyaEaTkZga5cej2rdSw76X8XWeMStr5TDJj"
    "qRUx+iXoj9EGROkZR++k4mcO3CrrS/1hn+z3QqYthB5HN/0143F0Tzp+6aqnxs/njzv6/t4rNFn89GTG+Y/xvwNPUUdS"
)
BY_ODFPY = (
    "eNp1lQs402scx+e247Kkue1QsdARmVWnh0gJkYO1Si6tqbE/m3arzWVFNNFFTkJKq4nKmtiOaimZe+SabURhU7rJJaKcUu1MT+dx"
    "eE7v+7zP+/7e5/38nuf3Pr/f94f2UVM3AM2MX22jsMmkdScRyvPM0lQuMpEMMJg0AEejkYhhOAaRSrGPpuARVBydSEdQaQAFTw2L"
    "IgMUBoJOOwDg8HQCADDQP3xqfve5pMJ+z02l9VYFBNJW7nQGkwTQEbFkUtqZTbospN7mKQ6LITW05vuqAa+1JkFCSIHWJRMnWLnI"
    "vCPR9D7pVeW3Rna+CYm9Pm+iHtc4MVyl7zoSmTSVscf+9WSd7T3b3VLYgvzostLErIMHhf2ZizztX+EaP+sm75DFHmliGV9NPgQC"
    "bymShhaF6mxFole6AF1FGttLhrP6JgsxpqKPv5UTAwgmY2L2sS9fGkLh5yOY0fjVBM7IaCW1M/PWyVMh5c2hipj3dJtP4LmRZR8I"
    "XRGkCgI9hIBAOsrbMCqFMfMVytAeBLb+KUXqVUwYnLHq0CH2XrVL7WRoSPgH9y5i9Kh5OeRQLKDO3bpkqi2HZWpftWNcfb0qii2P"
    "DH7qp33OcmC8xWHgU/2FUwiHbYQ4FbhaWy9KkOoMRp6eVrlPd554ImSK7y3eaDr+cvVY4t+9Psv2Nk067vhMJuxb3hgylO+BrOFB"
    "LHG/q3pnecVCVpYu6+zzCMtrCan2XLLv0mjxU8/Lb0ruDMpMENijXsdEPbvdC1YGsdY7vY9TyLyitT+Jr4R0eQ58uUjMj/XY2Z+z"
    "neyeHpAXTEvAaK42co2/p4oeEG+o6JN2J3Cr7xKauqCdHQX9Q59Zv+CCPDxq1X2FacJifzd9uBC11WVppfiNha3+ZMORVO66r91l"
    "Xo/LGj5oP41p2igczSh8jG0yNBy7Hji0jeKSQ7qt3irTGXjdZVYveCcfxTw68D6vpBl4yHNbm0YZguZ3waq52tqJ/sg1BqY97vpT"
    "vqRztO7R0HgexPQKwnHhkZuqjpl0khXUeluE9NPOMA9DD4DDSw8T5eIiWNMOsTSMdwf8rhy2Bvxs8P4FWTVOa38MmrVgbEIh1pHp"
    "yF1zxd7Bu/wImNZgHQWr7BYWrsU3p7b5yawWAMmiLoFcxjlbocvZG5e0P7lCdznMoX4SCp/sv2NHm9AwxrZyj70shj5t/xye1daQ"
    "ZrkrcYvx1RXmYCx+T5exS7pra9UADlpSmJZUdCsqo2QVynm4si7yyvL48I8k7kZYRXnsWVnn2ZuLrVEr0VEvH2U+c+ZfForTbxge"
    "98TtWugnDBCXDvayfY4p4APyuQkozZQfeq20xlV/lCvAwH0vrAwRvwYJ8Yzh5L+VnMheBja4httUhKyqesMu0zvhZK2VQN2643pW"
    "yCp827rc4rhXNyIOeY8SiiT+ALChGWrJ27eZa+M87CAF7kD1+WxPb7wwu9So0Q/DSGfYBH9kFkrY8IJqm2bNXbdbvAsEW5Jq3C5E"
    "JUkE78YGQ8mPUvh7LB5/GCYgvmDzu0afifHmnZfTZHH9tRAmWH9Je20e1jS2rokzYrLgw41NPSr9ceNnVuXphwdPnVQ0Lf3WLQ+D"
    "tdnbTTBtUjAT8Vqy0mg3NzWUaQmWGt2Q32LMbExNoJbDch4I2IbUuZ8RuyFSpKfUGIUaCGSovPXb7L/JzhvlaU/GUYjhAP17XRZn"
    "+kXWIvWSp1ySx+tte0b4xx2fvFQfUSmQ3DV6s5B4sb5UYAktQmvbMCJeTImmYGm63BsBrRrx6Y99+5rHetcS7hpK4lB90z33EkZQ"
    "DdwksEUEpG7UzO+F795ojlUDDyvCGbEgLYn1VcfXDLVrNgempQTxwlddE40fDSy8lnkHvxbacdN7Ol3HrLAs2mijpTwFfelwbsiz"
    "auOxTnDwbklNbaDdxdvjTj69TMg2UBZFJCnA/yFwxXy1vuUobYjnhvP+Om1SuXb6SaH/u8Rs3pKer0FX0tulr0KXOXItH8XXpy5y"
    "R5k1tcPrJOY1rC0jQbnnMSnwgG9WTsXPzx9WVGdh3HlSRVnBA/7txQnrnw84oH1UVA3Uft4A/h1Xj4D+0w5mqf+X+FnKf47gz+fm"
    "C+gsh1CZI6fzwfmJPwsK1GbLYD41P0NmqXL1n+QL2kcDPPNEQznNZ1CNGesfBhcJAw=="
)


@pytest.mark.parametrize("write", FORMATS)
def test_rows_of_every_type_are_read_from_the_first_sheet(desk: "Desk", write: Writer) -> None:
    seen = desk.read(desk.write(f"data.{write.__name__}", write({"Rows": ROWS, "Notes": [["other"]]})))
    assert (seen.source.format, seen.source.columns) == ("excel", HEADER)
    assert seen.numbers == [2, 3, 5] and seen.source.blank_lines == 1 and not seen.rejects
    if write is ods:  # a duration below a day is a time of the day there
        seen.rows[-1][-1] = seen.rows[-1][-1].replace("00:00:01", "PT00H00M01S")
    assert seen.rows == TEXTS
    assert "'Rows'" in seen.notes["source-sheets"] and "'Notes'" in seen.notes["source-sheets"]


@pytest.mark.parametrize("write", FORMATS)
def test_a_workbook_is_known_by_its_bytes_too(desk: "Desk", write: Writer) -> None:
    seen = desk.read(desk.write("data.bin", write({"Rows": ROWS})))
    assert seen.source.format == "excel" and len(seen.rows) == 3 and "source-sheets" not in seen.notes


@pytest.mark.parametrize("write", FORMATS)
def test_an_old_workbook_becomes_training_rows(
    desk: "Desk", write: Writer, read: Callable[[str], list[dict[str, Any]]]
) -> None:
    table: list[list[Any]] = [
        ["Body", "Y"],
        *[[f"question {number}", "HQ"] for number in range(5)],
        ["no answer", None],
    ]
    result = desk.transform(desk.write(f"data.{write.__name__}", write({"Rows": table})))
    assert (result.rows_read, result.rows_written, result.rejected["rows"]) == (6, 5, 1)
    first = read(result.files[0].uri)[0]["messages"]
    assert [turn["content"][0]["text"] for turn in first] == ["question 0", "HQ"]
    assert [line["line"] for line in read(str(result.rejected["uri"]))] == [7]


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.parametrize("rows", [[], [[None]], [[], [None, None]]])
def test_a_sheet_without_rows_is_an_error(desk: "Desk", write: Writer, rows: list[list[Any]]) -> None:
    path = desk.write(f"data.{write.__name__}", write({"Empty": rows, "Full": ROWS}))
    with pytest.raises(InputError, match="no rows in its first sheet"):
        desk.read(path)


@pytest.mark.parametrize("write", FORMATS)
def test_empty_rows_and_columns_around_the_table_move_nothing(desk: "Desk", write: Writer) -> None:
    rows: list[list[Any]] = [[None], ["A", "B", None], ["1", "2", None], ["3", "4", "5"], ["6"]]
    seen = desk.read(desk.write(f"data.{write.__name__}", write({"S": rows})))
    assert seen.rows == [["1", "2"], ["6", ""]] and seen.numbers == [3, 5]
    assert [(reject.line, reject.reason) for reject in seen.rejects] == [(4, "more cells than the header")]


@pytest.mark.parametrize(
    ("name", "packed", "last"), [("a.xls", BY_XLWT, "PT30H00M00S"), ("a.ods", BY_ODFPY, "0.5")], ids=["xlwt", "odfpy"]
)
def test_workbooks_other_programs_wrote_are_read(desk: "Desk", name: str, packed: str, last: str) -> None:
    seen = desk.read(desk.write(name, zlib.decompress(b64decode(packed))))
    assert seen.source.columns is not None and seen.source.columns[:6] == HEADER[:6]
    assert seen.rows[0] == ["a\nb € 😀", "HQ", "1", "2026-01-02", "TRUE", "03:04:05", last]
    assert seen.rows[1][:5] == ['c,d "q"', "", "1.5", "2026-01-02T03:04:05", "FALSE"]
    assert seen.rows[2][0] == " x " and "-12345678901.25" in seen.rows[2] and "'Notes'" in seen.notes["source-sheets"]


@pytest.mark.parametrize("write", FORMATS)
@settings(max_examples=15, deadline=None)
@given(share=st.floats(0, 0.999), byte=st.integers(0, 255), cut=st.booleans())
def test_damaged_ones_end_in_rows_or_our_error(
    new_desk: Any, write: Writer, share: float, byte: int, cut: bool
) -> None:
    whole = write({"Rows": ROWS})
    place = int(share * len(whole))
    bad = whole[: place + 1] if cut else whole[:place] + bytes([byte]) + whole[place + 1 :]
    with new_desk() as desk:
        try:
            desk.read(desk.write(f"b.{write.__name__}", bad))
        except NovaForgeError as error:
            assert error.fix
