"""Addresses of what people may ask about their data."""

from django.urls import path

from booking.rights import views

urlpatterns = [
    path("what-is-kept/", views.what_is_kept, name="what-is-kept"),
    path("your-data/", views.your_data, name="your-data"),
    path("your-data/download/", views.download, name="your-data-download"),
    path("your-data/erasure/", views.ask, name="erasure-ask"),
    path("your-data/erasure/take-back/", views.take_back, name="erasure-take-back"),
]
