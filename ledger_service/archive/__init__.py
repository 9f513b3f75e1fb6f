"""The archive: what is over moves out of the database into sealed files, chapter by chapter.

It owns no table: ``archive``, ``archive_chapter`` and ``carried`` are the ledger's, whose sums go by them.

A chapter is one db transaction. Its bytes are on disk before the commit that lets go of the rows, so a death
at any instant leaves a file that is too long, which the next run cuts, and never a row too few. What refuses
a double stays in the database: the key of an answer and the hash of its body (D6), the id of a sale.
See docs/archive.md.
"""
