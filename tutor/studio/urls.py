from django.urls import path

from tutor.studio.views import datasets, evaluations, runs

app_name = "studio"
place = "c/<slug:slug>/studio/"
urlpatterns = [
    path(place, datasets.studio, name="studio"),
    path(f"{place}datasets/make/", datasets.make, name="make"),
    path(f"{place}datasets/expected/", datasets.expected, name="expected"),
    path(f"{place}datasets/import/", datasets.bring, name="import"),
    path(f"{place}datasets/<int:dataset>/", datasets.dataset, name="dataset"),
    path(f"{place}datasets/<int:dataset>/act/", datasets.act, name="dataset_act"),
    path(f"{place}datasets/<int:dataset>/export.jsonl", datasets.export, name="export"),
    path(f"{place}datasets/<int:dataset>/review/", datasets.review, name="review"),
    path(f"{place}datasets/<int:dataset>/review/<int:example>/", datasets.judge, name="judge"),
    path(f"{place}datasets/<int:dataset>/train/", runs.train, name="train"),
    path(f"{place}datasets/<int:dataset>/train/estimate.json", runs.estimate, name="estimate"),
    path(f"{place}runs/compare/", runs.compare, name="compare"),
    path(f"{place}runs/<int:run>/", runs.run, name="run"),
    path(f"{place}runs/<int:run>/act/", runs.run_act, name="run_act"),
    path(f"{place}evaluations/new/", evaluations.begin, name="evaluate"),
    path(f"{place}evaluations/<int:evaluation>/", evaluations.evaluation, name="evaluation"),
    path(f"{place}evaluations/<int:evaluation>/act/", evaluations.evaluation_act, name="evaluation_act"),
    path(f"{place}evaluations/<int:evaluation>/rate/", evaluations.rate, name="rate"),
    path(f"{place}evaluations/<int:evaluation>/rated/", evaluations.rated, name="rated"),
    path(f"{place}adapters/<int:adapter>/act/", runs.adapter_act, name="adapter_act"),
]
