"""Tensors to tensors: the layers and the LSTM encoder, free of strings, files and settings."""
