"""Writers of the least that a workbook is, in formats nobody writes any more: .xls (BIFF8), .xlsb and .ods.

A sheet is a list of rows of None, texts, numbers, truth values, dates, times and durations.
"""

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from xml.sax.saxutils import escape

Sheets = Mapping[str, Sequence[Sequence[Any]]]
_EPOCH = datetime(1899, 12, 30)
_FORMATS = {datetime: (1, 22), date: (2, 14), time: (3, 21), timedelta: (4, 46)}
"""The place of a cell's style and the built-in number format it has, by type."""
_SECTOR = 512
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def _number(value: Any) -> tuple[float, int]:
    """Return a cell's number and style."""
    if isinstance(value, timedelta):
        return value / timedelta(days=1), _FORMATS[timedelta][0]
    if isinstance(value, time):
        return (value.hour * 3600 + value.minute * 60 + value.second) / 86400, _FORMATS[time][0]
    if isinstance(value, datetime):
        return (value - _EPOCH) / timedelta(days=1), _FORMATS[datetime][0]
    if isinstance(value, date):
        return float((value - _EPOCH.date()).days), _FORMATS[date][0]
    return float(value), 0


def xls(sheets: Sheets) -> bytes:
    """Return a workbook of Excel 97 to 2003."""
    texts: dict[str, int] = {}
    bodies = [_biff_sheet(rows, texts) for rows in sheets.values()]
    names = list(sheets)
    size = len(_biff_globals(names, [0] * len(names), texts))
    places = [size + sum(map(len, bodies[:number])) for number in range(len(bodies))]
    return _compound(_biff_globals(names, places, texts) + b"".join(bodies))


def _biff(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _biff_text(text: str, width: str) -> bytes:
    data = text.encode("utf-16-le")
    return struct.pack(f"<{width}B", len(data) // 2, 1) + data


def _biff_globals(names: Sequence[str], places: Sequence[int], texts: Mapping[str, int]) -> bytes:
    styles = [0, *(number_format for _, number_format in _FORMATS.values())]
    listed = struct.pack("<II", len(texts), len(texts)) + b"".join(_biff_text(text, "H") for text in texts)
    return b"".join(
        (
            _biff(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0)),
            _biff(0x0042, struct.pack("<H", 1200)),
            _biff(0x0022, b"\0\0"),
            *(_biff(0x00E0, struct.pack("<HH", 0, style) + bytes(16)) for style in styles),
            *(
                _biff(0x0085, struct.pack("<IBB", place, 0, 0) + _biff_text(name, "B"))
                for name, place in zip(names, places, strict=True)
            ),
            _biff(0x00FC, listed),
            _biff(0x000A),
        )
    )


def _biff_sheet(rows: Sequence[Sequence[Any]], texts: dict[str, int]) -> bytes:
    cells = [
        _biff_cell(row, column, value, texts)
        for row, values in enumerate(rows)
        for column, value in enumerate(values)
        if value is not None
    ]
    head = _biff(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0))
    width = max(map(len, rows), default=0)
    return head + _biff(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0)) + b"".join(cells) + _biff(0x000A)


def _biff_cell(row: int, column: int, value: Any, texts: dict[str, int]) -> bytes:
    if isinstance(value, str):
        return _biff(0x00FD, struct.pack("<HHHI", row, column, 0, texts.setdefault(value, len(texts))))
    if isinstance(value, bool):
        return _biff(0x0205, struct.pack("<HHHBB", row, column, 0, value, 0))
    number, style = _number(value)
    return _biff(0x0203, struct.pack("<HHHd", row, column, style, number))


def _compound(stream: bytes) -> bytes:
    """Return a compound file (OLE) with one stream, `Workbook`, of less than 60 kB."""
    # A stream below 4096 bytes would have to stand in the mini stream.
    count = max(-(-len(stream) // _SECTOR), 8)
    assert count < 120
    fat = [_FAT, _END, *range(3, count + 2), _END]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH6xIIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, _END, 0, _END, 0, 0)
    folder = _entry("Root Entry", 5, 1, _END, 0) + _entry("Workbook", 2, _FREE, 2, count * _SECTOR)
    return b"".join(
        (
            header + struct.pack("<I", _FREE) * ((_SECTOR - len(header)) // 4),
            struct.pack("<128I", *fat, *[_FREE] * (128 - len(fat))),
            folder + bytes(_SECTOR - len(folder)),
            stream + bytes(count * _SECTOR - len(stream)),
        )
    )


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    encoded = name.encode("utf-16-le")
    head = struct.pack("<64sHBBIII", encoded, len(encoded) + 2, kind, 1, _FREE, _FREE, child)
    return head + bytes(36) + struct.pack("<IQ", start, size)


def xlsb(sheets: Sheets) -> bytes:
    """Return a binary workbook of Excel 2007 and later."""
    texts: dict[str, int] = {}
    bodies = [_bin_sheet(rows, texts) for rows in sheets.values()]
    names = b"".join(
        _bin(0x9C, struct.pack("<II", 0, number) + _bin_text(f"rId{number}") + _bin_text(name))
        for number, name in enumerate(sheets, start=1)
    )
    styles = b"".join(
        _bin(0x2F, struct.pack("<HH", 0, style) + bytes(12))
        for style in (0, *(number_format for _, number_format in _FORMATS.values()))
    )
    listed = b"".join(_bin(0x13, b"\0" + _bin_text(text)) for text in texts)
    parts = {
        "[Content_Types].xml": _XML + b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "xl/workbook.bin": _bin(0x83) + _bin(0x99, bytes(12)) + _bin(0x8F) + names + _bin(0x90) + _bin(0x84),
        "xl/_rels/workbook.bin.rels": _relations(len(bodies)),
        "xl/styles.bin": _bin(0x116)
        + _bin(0x269, struct.pack("<I", len(_FORMATS) + 1))
        + styles
        + _bin(0x26A)
        + _bin(0x117),
        "xl/sharedStrings.bin": _bin(0x9F, struct.pack("<II", len(texts), len(texts))) + listed + _bin(0xA0),
        **{f"xl/worksheets/sheet{number}.bin": body for number, body in enumerate(bodies, start=1)},
    }
    return _zipped(parts)


_XML = b'<?xml version="1.0" encoding="UTF-8"?>\n'


def _relations(sheets: int) -> bytes:
    base = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    lines = "".join(
        f'<Relationship Id="rId{number}" Type="{base}/worksheet" Target="worksheets/sheet{number}.bin"/>'
        for number in range(1, sheets + 1)
    )
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return _XML + f'<Relationships xmlns="{space}">{lines}</Relationships>'.encode()


def _bin(kind: int, data: bytes = b"") -> bytes:
    """Return a record: kind and size as numbers of seven bits a byte."""
    return _sevens(kind) + _sevens(len(data)) + data


def _sevens(number: int) -> bytes:
    # A kind above 127 is written as it is, its first byte having the high bit.
    if number > 0xFF:
        low, high = number & 0x7F, number >> 7
        return bytes((low | 0x80, high))
    return bytes((number,)) if number < 0x80 else bytes((number & 0x7F | 0x80, number >> 7))


def _bin_text(text: str) -> bytes:
    data = text.encode("utf-16-le")
    return struct.pack("<I", len(data) // 2) + data


def _bin_sheet(rows: Sequence[Sequence[Any]], texts: dict[str, int]) -> bytes:
    body = b""
    for row, values in enumerate(rows):
        body += _bin(0x00, struct.pack("<II", row, 0) + bytes(9))
        body += b"".join(_bin_cell(column, value, texts) for column, value in enumerate(values) if value is not None)
    width = max(map(len, rows), default=1)
    size = _bin(0x94, struct.pack("<IIII", 0, max(len(rows), 1) - 1, 0, max(width, 1) - 1))
    return _bin(0x81) + size + _bin(0x91) + body + _bin(0x92) + _bin(0x82)


def _bin_cell(column: int, value: Any, texts: dict[str, int]) -> bytes:
    if isinstance(value, str):
        return _bin(7, struct.pack("<III", column, 0, texts.setdefault(value, len(texts))))
    if isinstance(value, bool):
        return _bin(4, struct.pack("<IIB", column, 0, value))
    number, style = _number(value)
    return _bin(5, struct.pack("<IId", column, style, number))


def ods(sheets: Sheets) -> bytes:
    """Return an OpenDocument workbook, its end filled with empty cells and rows as office programs do."""
    tables = "".join(
        f'<table:table table:name="{escape(name)}">{_ods_rows(rows)}</table:table>' for name, rows in sheets.items()
    )
    spaces = "".join(
        f' xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{short}:1.0"' for short in ("office", "table", "text")
    )
    body = f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
    content = f'<office:document-content{spaces} office:version="1.2">{body}</office:document-content>'
    listed = '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    return _zipped(
        {
            "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": _XML + listed.encode(),
            "content.xml": _XML + content.encode(),
        }
    )


def _ods_rows(rows: Sequence[Sequence[Any]]) -> str:
    fill = '<table:table-cell table:number-columns-repeated="1000"/>'
    written = "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}{fill}</table:table-row>" for row in rows)
    return written + f'<table:table-row table:number-rows-repeated="1048000">{fill}</table:table-row>'


def _ods_cell(value: Any) -> str:
    if value is None:
        return "<table:table-cell/>"
    if isinstance(value, str):
        lines = "".join(f"<text:p>{escape(line)}</text:p>" for line in value.split("\n"))
        return f'<table:table-cell office:value-type="string">{lines}</table:table-cell>'
    kind, said = _ods_value(value)
    return f'<table:table-cell office:value-type="{kind}" {said}><text:p>as shown</text:p></table:table-cell>'


def _ods_value(value: Any) -> tuple[str, str]:
    if isinstance(value, bool):
        return "boolean", f'office:boolean-value="{str(value).lower()}"'
    if isinstance(value, timedelta):
        minutes, seconds = divmod(int(value.total_seconds()), 60)
        return "time", f'office:time-value="PT{minutes // 60:02}H{minutes % 60:02}M{seconds:02}S"'
    if isinstance(value, time):
        return "time", f'office:time-value="PT{value:%HH%MM%SS}"'
    if isinstance(value, date):
        return "date", f'office:date-value="{value.isoformat()}"'
    return "float", f'office:value="{value!r}"'


def _zipped(parts: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            # The mimetype of OpenDocument comes first and is not compressed: it names the format.
            packing = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), data, packing)
    return file.getvalue()
