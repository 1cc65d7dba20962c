"""Lessons made from material, and the classrooms in which agents teach them."""
