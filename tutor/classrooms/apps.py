from django.apps import AppConfig


class ClassroomsConfig(AppConfig):
    name = "tutor.classrooms"
    label = "classrooms"
    default_auto_field = "django.db.models.BigAutoField"
