"""The HTTP service: identity, routes, answers. Reads go to a query, writes to an operation.

One file a resource in `routes/`; nothing here renders, polls a provider, or follows a job.
"""
