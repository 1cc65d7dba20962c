from coach.views import bringing, calibration, instruments, rating, report, review

app_name = "coach"

urlpatterns = [*bringing.urls, *report.urls, *review.urls, *instruments.urls, *calibration.urls, *rating.urls]
