"""Formats that are not read, told by their first bytes."""

from novaforge.guards.errors import RefusedError

_SIGNATURES = {
    b"BZh": ("packed with bzip2", "bunzip2 FILE, then gzip or zstd if it has to be packed"),
    b"\xfd7zXZ\0": ("packed with xz", "unxz FILE, then gzip or zstd if it has to be packed"),
    b"7z\xbc\xaf\x27\x1c": ("a 7-Zip archive", "unpack it and give the folder"),
    b"Rar!": ("a RAR archive", "unpack it and give the folder"),
    b"\x04\x22\x4d\x18": ("packed with lz4", "unlz4 FILE, then gzip or zstd if it has to be packed"),
    b"\xff\x06\0\0sNaPpY": ("packed with snappy", "unpack it, then gzip or zstd if it has to be packed"),
    b"\x1f\x9d": ("packed with compress", "uncompress FILE"),
    b"\x1f\x8b": ("packed twice", "unpack it once"),
    b"\x28\xb5\x2f\xfd": ("packed twice", "unpack it once"),
    b"PK\x03\x04": ("a zip archive", "unzip it and give the folder"),
    b"PK\x05\x06": ("an empty zip archive", "give a file with rows"),
    b"FEA1": ("Feather version 1", "write it again with a current pyarrow: feather.write_feather"),
    b"ORC": ("ORC", "convert it to Parquet"),
    b"Obj\x01": ("Avro", "convert it to Parquet or JSON Lines"),
    b"SQLite format 3": ("an SQLite database", "export the table as CSV"),
    b"\x89HDF": ("HDF5", "convert it to Parquet"),
    b"%PDF": ("PDF", "extract its text to a .txt file"),
    b"\x93NUMPY": ("a NumPy array", "convert it to Parquet or JSON Lines"),
}
_TAR = b"ustar"
_TAR_PLACE = 257


def refuse_others(uri: str, magic: bytes) -> None:
    """Raise RefusedError, by name and with a way out, for a file in a format that is not read."""
    found = next((said for mark, said in _SIGNATURES.items() if magic.startswith(mark)), None)
    if magic[_TAR_PLACE : _TAR_PLACE + len(_TAR)] == _TAR:
        found = ("a tar archive", "unpack it and give the folder")
    if found:
        raise RefusedError(f"{uri} is {found[0]}, which is not read.", rule="source-format", fix=found[1])
