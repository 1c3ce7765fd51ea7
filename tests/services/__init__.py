"""What the tests need around them: a PostgreSQL nobody set up, a Chromium, and the product as it really runs."""
