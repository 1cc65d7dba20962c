from django.urls import path

from tutor.classrooms.views import pages, rooms

app_name = "classrooms"
classroom = "c/<slug:slug>/classrooms/<uuid:classroom>/"
urlpatterns = [
    path("c/<slug:slug>/classrooms/", pages.lobby, name="lobby"),
    path("c/<slug:slug>/classrooms/open/", pages.open_room, name="open"),
    path(classroom, pages.classroom, name="classroom"),
    path(f"{classroom}join/", pages.join, name="join"),
    path(f"{classroom}act/", rooms.act, name="act"),
    path(f"{classroom}notes.md", pages.notes, name="notes"),
    path(f"{classroom}notes/<int:note>/keep/", pages.keep, name="keep"),
]
