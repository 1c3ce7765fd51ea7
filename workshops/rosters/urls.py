"""Addresses of the instructor's pages."""

from django.urls import path

from workshops.rosters import views

urlpatterns = [
    path("teaching/", views.teaching, name="teaching"),
    path("teaching/<slug:code>/", views.roster_page, name="roster"),
]
