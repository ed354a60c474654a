"""What is served of the elements, as it lies in the package."""

from __future__ import annotations

import gzip
import re
from importlib import resources

FILES = {
    file.name: file.read_bytes()
    for file in resources.files("photoplay.pages").joinpath("elements").iterdir()
}


def test_all_elements_with_all_languages_stay_small() -> None:
    assert sum(len(gzip.compress(content, 9)) for content in FILES.values()) <= 20 * 1024


def test_they_ask_nobody_else() -> None:
    addresses = {
        address
        for content in FILES.values()
        for address in re.findall(r"https?://[^\s\"'`/]+", content.decode())
    }
    # The name of a language for drawings, not an address that is fetched.
    assert addresses <= {"http://www.w3.org"}
