from django.urls import path

from tutor.studio.exercises import views

app_name = "exercises"
place = "c/<slug:slug>/exercises/"
urlpatterns = [
    path(place, views.exercises, name="exercises"),
    path(f"{place}<uuid:exercise>/", views.exercise, name="exercise"),
    path(f"{place}<uuid:exercise>/try/", views.hand_in, name="try"),
    path(f"{place}tries/<uuid:attempt>/", views.attempt, name="attempt"),
    path(f"{place}bank/", views.bank, name="bank"),
    path(f"{place}bank/new/", views.new, name="new"),
    path(f"{place}bank/import/", views.bring, name="import"),
    path(f"{place}bank/<uuid:exercise>/", views.edit, name="edit"),
    path(f"{place}bank/<uuid:exercise>/act/", views.act, name="act"),
]
