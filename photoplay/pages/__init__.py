"""Pages that the service shows to people: plain files, served as they lie here.

`studio/` is the page at `/`: HTML, style and small ES modules, without a build step and without any
outside address. No logic that decides about jobs may live here; pages only speak the public API.
"""
