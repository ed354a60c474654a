"""What a decoding child says of a file that it will not take."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - not an error: the expected answer to a bad file
    """A file was looked at and is not acceptable; becomes our error in the parent process."""

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.details = details
