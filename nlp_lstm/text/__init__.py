"""Strings to ids: normalising, tokenizers and the vocabulary, all without torch."""
