"""Addresses of the pages on which people subscribe. Calendar programs fetch theirs under `calendar/`."""

from django.urls import path

from booking.calendars import views_subscribe, views_subscriber

urlpatterns = [
    path("", views_subscribe.calendars, name="calendars"),
    path("yours/<slug:kind>/", views_subscribe.make, name="calendar-make"),
    path("yours/<slug:kind>/due-dates/", views_subscribe.due_dates, name="calendar-due-dates"),
    path("yours/<slug:kind>/end/", views_subscribe.end, name="calendar-end"),
    path("new-dates/", views_subscriber.new_dates, name="new-dates"),
    path("new-dates/asked/", views_subscriber.asked, name="new-dates-asked"),
    path("new-dates/confirm/<str:token>/", views_subscriber.confirm, name="new-dates-confirm"),
    path("new-dates/stop/<str:token>/", views_subscriber.stop, name="new-dates-stop"),
]
