"""Named queries: a search for events under a name of its owner's, to be asked again or subscribed to.

The subject of a key owns its queries; what they find is what a key of that subject may see.
"""
