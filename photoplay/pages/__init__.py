"""Pages that the service shows to people: plain files, served as they lie here.

`elements/` is built from `web/` (custom elements for any page) and committed, so that serving needs no
Node. `studio/` is the page at `/`: HTML, style and small ES modules, without a build step and without any
outside address. No logic that decides about jobs may live here; pages only speak the public API.
"""
