"""Providers: pure translation between our words and theirs, and what each model can do, as data.

No time, no network, no retries, no rows: those belong to the worker. `protocol.py` says what a
provider behind HTTP is; `local/` is the built-in renderer, `builtin.py` what it can do. Which of them
there are is listed in `photoplay/registry.py`. To add one see docs/adding-a-provider.md.
"""
