"""Records: what was read, what was predicted, and the document that gathers what is found in a text."""
