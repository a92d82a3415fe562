"""The tools in the shapes that users of other libraries know: Hugging Face, spaCy, scikit-learn."""
