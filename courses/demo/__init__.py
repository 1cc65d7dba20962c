"""The demo course: its sources, what builds them, and the built files that `manage.py demo` loads."""
