"""Addresses of files of proof."""

from django.urls import path

from workshops.prerequisites.files import views

urlpatterns = [
    path("<slug:public_id>/", views.download, name="proof-file"),
    path("<slug:public_id>/page/<int:number>/", views.page, name="proof-page"),
    path("<slug:public_id>/remove/", views.remove, name="proof-remove"),
]
