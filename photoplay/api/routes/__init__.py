"""One file a resource; each has a `router` that `api/app.py` mounts."""
