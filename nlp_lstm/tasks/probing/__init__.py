"""What an inspection must know of a task: how its input goes in, what is predicted of it, and how sure the model is."""
