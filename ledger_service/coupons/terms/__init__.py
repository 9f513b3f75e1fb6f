"""The terms of a coupon, pure: what it gives, on which goods, where, when and how often, and who pays.

``values`` are the frozen words, ``windows`` judge instants, ``checks`` find what no terms may say, ``text``
turns terms into canonical JSON and back. A version that was live once never changes.
"""
