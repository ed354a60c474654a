"""What strangers may write to deceive whoever reads it, and a reader of pages that notices."""

from __future__ import annotations

import re
import struct
import zlib
from html.parser import HTMLParser
from uuid import uuid4

from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from tests.api.serving import encoded, noise

SOURCES = ("prompt", "key", "picture", "filename", "header", "address", "provider", "operator")
# A word for each place, by which what was written there is known again.
MARKS = {source: f"{source}{uuid4().hex[:8]}" for source in SOURCES}


def hostile(mark: str) -> str:
    """Text against everything that reads text: logs, terminals, streams, pages, templates, statements."""
    return "".join(
        [
            f"\r\n2026-01-01T00:00:00.000000Z [error    ] [VideoJobs] Job 1 failed: {mark}\n",
            f'\r\n\r\nevent: job\r\nid: 99\r\ndata: {{"{mark}": 1}}\r\n\r\n',
            f"\x1b]0;{mark}\x07\x1b[2J\x9b31m\x08\x7f",
            f"\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029{mark}\ufeff\u202e",
            f"\"'></title></textarea></script><script>{mark}()</script><img src=x onerror={mark}()>",
            f"<a href=javascript:{mark}()>-->]]>&lt;&#x3c;",
            "{{ 7 * 7654321 }}{% raise %}${7*7654321}#{7*7654321} %s %(user_id)s {user_id} {0} \\u000a \\x1b",
            f"'); drop table public.video_jobs cascade; create table public.{mark}(); --",
            f"$$; create role {mark} superuser; --",
        ]
    )


def printable(mark: str) -> str:
    """The same for places that take visible ASCII only."""
    markup = f"\"'><script>{mark}()</script>"
    text = (
        f"{markup}{{{{7*7654321}}}}%s%(user_id)s{{user_id}}';drop/**/table/**/public.video_jobs;--"
    )
    assert re.fullmatch(r"[\x21-\x7e]{1,255}", text)
    return text


def dressed_pictures() -> list[bytes]:
    """Pictures that say hostile things in every place where a picture can say something."""
    text = hostile(MARKS["picture"])
    latin = text.encode("ascii", "ignore").decode()
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = exif[0x8298] = latin  # description, artist, copyright
    exif[0x9C9B] = text.encode("utf-16-le")  # XPTitle
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\x00" + text.encode("utf-16-be")  # user comment
    exif.get_ifd(0x8825)[0x001D] = latin  # GPS date
    xmp = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><a>{MARKS['picture']}</a><!--{latin}--></x:xmpmeta>"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    icc = profile.tobytes().replace(b"sRGB", MARKS["picture"][:4].encode())
    texts = PngInfo()
    texts.add_text("Comment", latin, zip=False)
    texts.add_text("Author", latin, zip=True)
    texts.add_itxt("XML:com.adobe.xmp", xmp)
    jpeg = encoded(noise(640, 480), exif=exif, icc_profile=icc, comment=latin, xmp=xmp.encode())
    png = encoded(noise(640, 480), "PNG", pnginfo=texts, exif=exif)
    webp = encoded(noise(640, 480), "WEBP", exif=exif.tobytes(), xmp=xmp.encode())
    # What stands behind the end of a picture.
    return [jpeg + latin.encode(), png + chunk(b"teXt", text.encode()), webp]


def chunk(kind: bytes, content: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + crc


class Elements(HTMLParser):
    """Names and attributes of a page's elements, and the addresses in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses |= {
            value or "" for name, value in attrs if name in {"href", "src", "action", "poster"}
        }

    def handle_data(self, data: str) -> None:
        self.text += data
