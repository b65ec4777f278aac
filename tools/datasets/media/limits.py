"""Limits of media files, and what a file breaks."""

IMAGE_BYTES = 10_485_760
VIDEO_BYTES = 52_428_800
VIDEO_SECONDS = 90
LONGEST_SECONDS = 900
LEAST_PIXELS = 25
"""Bounds of AWS's validator (facts 2.9: image_file_size, video_file_size, video_duration, image_dimensions); AWS's page allows videos of LONGEST_SECONDS (design anchors, DA8)."""

MOST_BYTES = {"image": IMAGE_BYTES, "video": VIDEO_BYTES}
"""Kind to the largest size in bytes; for documents none is documented."""

COPY_BYTES = 52_428_800
COPY_SECONDS = 30.0
"""Bounds of one copied file (facts 14: image download of the transform), whatever its kind."""


class MediaError(ValueError):
    """A media reference or file cannot be used; the text says why and quotes nothing of the row."""
