"""Photoplay turns a picture into a stored video, exactly once.

What may be imported from here is the public face: the version. The service is started with the
`photoplay` command; a program talks to it through `photoplay.client`.
"""

__version__ = "0.1.0"
