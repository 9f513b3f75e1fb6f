"""Sessions of browsers: a random cookie whose hash is kept, under an API key that ends them with itself."""
