"""Who calls: bearer tokens, API keys, session cookies. What a caller may reach is `api/identity.py`'s.

Nothing here opens by default: without keys to verify with, nobody is let in.
"""
