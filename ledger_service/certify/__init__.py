"""Certification of tills: plays cases against a point of sale in a sandbox and says what it got wrong.

It knows the kernel and HTTP and nothing else of the product: it stands where an outsider would, between the
till and the service, and judges by what the service answers and what the till sent (docs/certification.md).
"""
