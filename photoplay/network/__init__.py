"""Everything outgoing: no other package opens a connection to a foreign host.

`addresses` says which addresses may be called at all, `guard` resolves a name and judges what it
finds, `dialling` connects to exactly what was judged, `sender` puts one request on the wire once,
`download` fetches a file. Nothing here knows of jobs, providers, the store or the database.
"""
