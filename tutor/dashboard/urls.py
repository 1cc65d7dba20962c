from django.urls import path

from tutor.dashboard.views import models, questions, site, watch

app_name = "dashboard"
urlpatterns = [
    path("c/<slug:slug>/questions/", questions.questions, name="questions"),
    path("c/<slug:slug>/questions/<uuid:turn>/", questions.turn, name="turn"),
    path("c/<slug:slug>/questions/<uuid:turn>/answer/", questions.set_right, name="set_right"),
    path("site/", site.overview, name="admin"),
    path("site/users/", site.users, name="users"),
    path("site/users/<int:pk>/", site.user, name="user"),
    path("site/users/<int:pk>/reset/", site.reset, name="reset"),
    path("site/courses/", site.courses, name="courses"),
    path("site/endpoints/", models.endpoints, name="endpoints"),
    path("site/endpoints/new/", models.endpoint, name="new_endpoint"),
    path("site/endpoints/<int:pk>/", models.endpoint, name="endpoint"),
    path("site/endpoints/<int:pk>/test/", models.test_endpoint, name="test_endpoint"),
    path("site/endpoints/<int:pk>/delete/", models.delete_endpoint, name="delete_endpoint"),
    path("site/quotas/", models.quotas, name="quotas"),
    path("site/quotas/<int:pk>/delete/", models.delete_quota, name="delete_quota"),
    path("site/usage/", models.usage, name="usage"),
    path("site/audit/", watch.audit, name="audit"),
    path("site/health/", watch.health, name="health"),
    path("site/health.json", watch.health_json, name="health_json"),
    path("healthz", watch.healthz, name="healthz"),
]
