"""Bytes: the object store, signed media and the intake of pictures and videos.

`objects` keeps an object once and for all under its key; `signing`, `ranges` and `media` give it
out over HTTP; `pictures` and `videos` say what came in, with all decoding done in the child
processes of `decoders`. Nothing here knows of jobs, users or the database. Import from the rooms:
this file stays empty so that a decoding child loads only what it needs.
"""
