from django.apps import AppConfig


class StudioConfig(AppConfig):
    """Validated data, coding exercises and runs, made of the instructor's material."""

    name = "tutor.studio"
    label = "studio"
