from django.urls import path

from courses.views import home, materials, passages, people, sources

app_name = "courses"
urlpatterns = [
    path("", home.home, name="home"),
    path("courses/new/", home.new, name="new"),
    path("join/<str:token>/", people.join, name="join"),
    path("c/<slug:slug>/preview/", home.preview, name="preview"),
    path("c/<slug:slug>/settings/", home.settings, name="settings"),
    path("c/<slug:slug>/settings/archive/", home.archive, name="archive"),
    path("c/<slug:slug>/settings/delete/", home.delete, name="delete"),
    path("c/<slug:slug>/materials/", materials.materials, name="materials"),
    path("c/<slug:slug>/materials/status.json", materials.status, name="status"),
    path("c/<slug:slug>/materials/upload/", materials.upload, name="upload"),
    path("c/<slug:slug>/materials/<uuid:material>/", passages.material, name="material"),
    path("c/<slug:slug>/materials/<uuid:material>/row/", materials.row, name="row"),
    path("c/<slug:slug>/materials/<uuid:material>/edit/", materials.edit, name="edit"),
    path("c/<slug:slug>/materials/<uuid:material>/act/", materials.act, name="act"),
    path("c/<slug:slug>/materials/<uuid:material>/replace/", materials.replace, name="replace"),
    path("c/<slug:slug>/materials/<uuid:material>/cues/<int:cue>/", passages.cue, name="cue"),
    path("c/<slug:slug>/materials/<uuid:material>/captions/", passages.captions, name="captions"),
    path("c/<slug:slug>/people/", people.people, name="people"),
    path("c/<slug:slug>/people/roster/", people.roster, name="roster"),
    path("c/<slug:slug>/people/invitations.csv", people.invited, name="invited"),
    path("c/<slug:slug>/people/invite/", people.invite, name="invite"),
    path("c/<slug:slug>/people/links/<int:invitation>/revoke/", people.revoke, name="revoke"),
    path("c/<slug:slug>/people/<int:enrolment>/role/", people.change_role, name="change_role"),
    path("c/<slug:slug>/people/<int:enrolment>/remove/", people.remove, name="remove"),
    path("c/<slug:slug>/source/<uuid:material>/", sources.source, name="source"),
    path("c/<slug:slug>/source/<uuid:material>/data.json", sources.source_data, name="source_data"),
    path("c/<slug:slug>/source/<uuid:material>/file/", sources.file, name="file"),
    path("c/<slug:slug>/source/<uuid:material>/asset/<str:name>", sources.asset, name="asset"),
]
