from django.urls import path

from tutor.classrooms.views import analytics, cast, direction, lessons, pages, rooms, teaching

app_name = "classrooms"
classroom = "c/<slug:slug>/classrooms/<uuid:classroom>/"
lesson = "c/<slug:slug>/lessons/<uuid:lesson>/"
classmate = "c/<slug:slug>/classmates/<uuid:teaching>/"
urlpatterns = [
    path("c/<slug:slug>/lessons/", lessons.lessons, name="lessons"),
    path("c/<slug:slug>/lessons/new/", lessons.new, name="lesson_new"),
    path(lesson, lessons.lesson, name="lesson"),
    path(f"{lesson}status.json", lessons.status, name="lesson_status"),
    path(f"{lesson}act/", lessons.act, name="lesson_act"),
    path(f"{lesson}pages/<int:page>/", lessons.page, name="lesson_page"),
    path(f"{lesson}pages/<int:page>/material.json", lessons.material, name="lesson_material"),
    path(f"{lesson}pages/<int:page>/change/", lessons.change, name="lesson_change"),
    path("c/<slug:slug>/cast/", cast.cast, name="cast"),
    path("c/<slug:slug>/cast/<int:agent>/", cast.agent, name="agent"),
    path("c/<slug:slug>/cast/<int:agent>/act/", cast.agent_act, name="agent_act"),
    path("c/<slug:slug>/classrooms/", pages.lobby, name="lobby"),
    path("c/<slug:slug>/classrooms/open/", pages.open_room, name="open"),
    path(classroom, pages.classroom, name="classroom"),
    path(f"{classroom}join/", pages.join, name="join"),
    path(f"{classroom}act/", rooms.act, name="act"),
    path(f"{classroom}notes.md", pages.notes, name="notes"),
    path(f"{classroom}notes/<int:note>/keep/", pages.keep, name="keep"),
    path("c/<slug:slug>/director/", direction.direction, name="direction"),
    path("c/<slug:slug>/director/measure/", direction.measure, name="direction_measure"),
    path("c/<slug:slug>/director/<int:decision>/", direction.mark, name="direction_mark"),
    path("c/<slug:slug>/classmates/", teaching.classmates, name="classmates"),
    path(classmate, teaching.teaching, name="teaching"),
    path(f"{classmate}explain/", teaching.explain, name="explain"),
    path(f"{classmate}explain/<int:explanation>/", teaching.take_back, name="take_back"),
    path(f"{classmate}test/", teaching.test, name="test_classmate"),
    path("c/<slug:slug>/classrooms/analytics/", analytics.overview, name="analytics"),
    path(f"{lesson}analytics/", analytics.lesson, name="attendance"),
    path(f"{lesson}propose/", analytics.propose, name="propose"),
    path("c/<slug:slug>/proposals/<int:proposal>/", analytics.decide, name="proposal"),
]
