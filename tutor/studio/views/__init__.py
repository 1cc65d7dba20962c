"""The pages of the studio. All are for those who teach the course; training and serving are for its instructors."""
