"""Who acts in a run: members with phones, tills, and the book that they keep of what they were told."""
