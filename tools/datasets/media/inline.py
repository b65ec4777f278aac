"""Judge images that lie inside a row as data: URIs."""

from novaforge.tools.datasets.media.judge import Verdict, judge
from novaforge.tools.datasets.media.look import look_into
from novaforge.tools.datasets.media.ranged import in_memory
from novaforge.tools.datasets.media.references import MediaError, decode_data_uri


def judge_inline(uri: str) -> list[Verdict]:
    """Return every rule an image inside a row breaks."""
    try:
        decoded = decode_data_uri(uri)
    except MediaError as error:
        return [Verdict("DA8-data", str(error))]
    if decoded.kind != "image":
        return [Verdict("DA8-data", f"{decoded.format} for image")]
    return judge("image", decoded.format, look_into(in_memory(decoded.data)))
