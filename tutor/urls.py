from django.contrib import admin
from django.urls import include, path

from tutor.accounts.admin import sign_in_first

admin.site.login = sign_in_first(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("tutor.accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("courses.urls")),
    path("", include("tutor.chat.urls")),
    path("", include("tutor.practice.urls")),
    path("", include("tutor.classrooms.urls")),
    path("coach/", include("coach.urls")),
    path("", include("tutor.studio.urls")),
    path("", include("tutor.studio.exercises.urls")),
    path("", include("tutor.dashboard.urls")),
]
