from django.apps import AppConfig


class CoachConfig(AppConfig):
    name = "coach"
    label = "coach"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from coach import signals  # noqa: F401 - connects its receiver
