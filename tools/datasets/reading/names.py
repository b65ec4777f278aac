"""What the names of files tell: their format, whether they hold data, and which a pattern means."""

from pathlib import PurePosixPath

PACKED = {".gz", ".gzip", ".zst", ".zstd"}
_FAMILIES = {
    "CSV": {".csv", ".tsv", ".tab", ".psv"},
    "JSON Lines": {".jsonl", ".ndjson"},
    "JSON": {".json"},
    "Parquet": {".parquet", ".pq"},
    "Arrow": {".arrow", ".feather", ".ipc"},
    "Excel": {".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"},
    "text": {".txt", ".md", ".markdown", ".rst"},
}
_OURS = {"manifest.json", "rejects.jsonl"}
_DOCUMENTS = {
    "readme",
    "license",
    "licence",
    "copying",
    "notice",
    "source",
    "sources",
    "citation",
    "changelog",
    "authors",
}
_DOCUMENT_SUFFIXES = {"", ".md", ".txt", ".rst", ".cff", ".bib"}
_PERMISSION_CHECK = "amazon-bedrock-logs-permission-check"


def suffix_of(name: str) -> str:
    """Return the suffix that tells the format, in lower case, without that of gzip or zstd."""
    path = PurePosixPath(name)
    return (PurePosixPath(path.stem) if path.suffix.lower() in PACKED else path).suffix.lower()


def stem_of(name: str) -> str:
    """Return the file's name without folders and without the suffixes of format and packing."""
    path = PurePosixPath(name.rstrip("/"))
    return PurePosixPath(path.stem).stem if path.suffix.lower() in PACKED else path.stem


def family_of(name: str) -> str:
    """Return the format a name tells, or an empty string."""
    suffix = suffix_of(name)
    return next((family for family, suffixes in _FAMILIES.items() if suffix in suffixes), "")


def left_out(name: str) -> str:
    """Return why a file of a folder holds no data, or an empty string."""
    parts = PurePosixPath(name).parts
    if any(part.startswith((".", "_")) for part in parts):
        return "hidden"
    if parts[-1] in _OURS:
        return "written by transform_dataset"
    if parts[-1] == _PERMISSION_CHECK or ("BedrockModelInvocationLogs" in parts and "data" in parts):
        return "part of the log delivery, no records"
    return ""


def is_documentation(name: str) -> bool:
    """Tell a README, licence or the like."""
    path = PurePosixPath(name)
    return path.suffix.lower() in _DOCUMENT_SUFFIXES and path.stem.lower() in _DOCUMENTS


def glob_base(uri: str) -> tuple[str, str]:
    """Split a pattern in the folder before its first sign and the rest."""
    first = min(uri.find(sign) % (len(uri) + 1) for sign in "*?[")
    cut = uri.rfind("/", 0, first) + 1
    return uri[:cut], uri[cut:]
