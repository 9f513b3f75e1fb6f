"""The till client: sells online where it can, alone where it must, and loses no sale that it acknowledged.

It knows the kernel and HTTP and nothing else of the product, as a till of somebody else's make would. Its
folder holds the signing key, the enrolment and the durable queue (docs/offline.md).
"""
