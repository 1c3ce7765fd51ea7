"""Addresses of the desk where the words of e-mails are read and changed."""

from django.urls import path

from booking.desk.wording import views

urlpatterns = [
    path("messages/", views.wordings, name="wordings"),
    path("messages/<slug:kind>/", views.wording, name="wording"),
    path("messages/<slug:kind>/shipped/", views.bring_back, name="wording-bring-back"),
]
