"""Addresses of a person's own pages."""

from django.urls import path

from workshops.people import views

urlpatterns = [path("profile/", views.profile, name="profile")]
