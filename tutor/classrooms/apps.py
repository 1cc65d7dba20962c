from django.apps import AppConfig


class ClassroomsConfig(AppConfig):
    name = "tutor.classrooms"
    label = "classrooms"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tutor.classrooms import signals  # noqa: F401 - connects its receiver
