"""Addresses of a person's own pages."""

from django.urls import path

from workshops.people import views

urlpatterns = [
    path("profile/", views.profile, name="profile"),
    path("reminders/stop/<str:token>/", views.stop_reminders, name="reminders-stop"),
    path("profile/tokens/", views.tokens, name="tokens"),
    path("profile/tokens/<int:number>/revoke/", views.revoke_token, name="token-revoke"),
]
