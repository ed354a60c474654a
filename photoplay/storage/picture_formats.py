"""What kind of picture some bytes are, by the bytes alone.

The answer is the list of Pillow's formats that may open the file, so a file that pretends to be two
things is only ever read as the first.
"""

from __future__ import annotations

from typing import Final

HEAD_BYTES: Final = 64

_MAGIC: Final = (
    (b"\xff\xd8\xff", ("JPEG", "MPO")),
    (b"\x89PNG\r\n\x1a\n", ("PNG",)),
    (b"GIF87a", ("GIF",)),
    (b"GIF89a", ("GIF",)),
    (b"BM", ("BMP",)),
    (b"II*\x00", ("TIFF",)),
    (b"MM\x00*", ("TIFF",)),
)
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_HEIF_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
)
# A camera's raw file is a TIFF whose first picture is a thumbnail.
_CANON_RAW: Final = b"CR"


def recognise(head: bytes) -> tuple[str, ...] | None:
    """Return the formats that a file beginning with `head` may be opened as, None for no picture.

    Args:
        head: the first `HEAD_BYTES` bytes, or all if there are fewer.
    """
    for magic, formats in _MAGIC:
        if head.startswith(magic):
            return None if formats == ("TIFF",) and head[8:10] == _CANON_RAW else formats
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ("WEBP",)
    if head[4:8] == b"ftyp":
        length = int.from_bytes(head[:4], "big")
        names = head[8:12] + head[16 : min(length, HEAD_BYTES)]
        brands = {names[at : at + 4] for at in range(0, len(names) - 3, 4)}
        if brands & _AVIF_BRANDS:
            return ("AVIF",)
        if brands & _HEIF_BRANDS:
            return ("HEIF",)
    return None


def webp_size(head: bytes) -> tuple[int, int] | None:
    """Return width and height that a WebP's header claims, None if it cannot be read.

    Pillow has to ask the decoder, which first allocates the whole canvas.
    """
    kind, body = head[12:16], head[20:]
    if kind == b"VP8X" and len(body) >= 10:
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and len(body) >= 10:
        width, height = int.from_bytes(body[6:8], "little"), int.from_bytes(body[8:10], "little")
        return width & 0x3FFF, height & 0x3FFF
    return None
