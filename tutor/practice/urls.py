from django.urls import path

from tutor.practice import views

app_name = "practice"
urlpatterns = [
    path("c/<slug:slug>/knowledge/", views.knowledge, name="knowledge"),
    path("c/<slug:slug>/knowledge/<int:skill>/disagree/", views.disagree, name="disagree"),
    path("c/<slug:slug>/practice/<int:skill>/", views.practice, name="practice"),
    path("c/<slug:slug>/items/", views.items, name="items"),
    path("c/<slug:slug>/items/make/", views.make_items, name="make_items"),
    path("c/<slug:slug>/items/<uuid:item>/", views.edit_item, name="edit_item"),
    path("c/<slug:slug>/items/<uuid:item>/state/", views.set_state, name="set_state"),
    path("c/<slug:slug>/disputes/", views.disputes, name="disputes"),
    path("c/<slug:slug>/disputes/<int:dispute>/", views.decide, name="decide"),
]
