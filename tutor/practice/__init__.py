"""What there is to be able to do in a course, the items that show it, and what people's attempts say about them."""
