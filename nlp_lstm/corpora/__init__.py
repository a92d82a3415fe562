"""Files to examples, one module for each format, and the splits made of them."""
