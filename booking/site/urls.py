"""Every address of the product, room by room."""

from django.contrib import admin
from django.urls import include, path

from booking.payments.inbox.views import webhook
from booking.site import health, pages
from booking.site.api import api

urlpatterns = [
    # First, because it is asked for most: every program that shows a calendar does so by the hour.
    path("calendar/", include("booking.calendars.urls")),
    path("", include("booking.reservations.urls")),
    path("", include("booking.payments.papers.urls")),
    path("", include("workshops.people.urls")),
    path("", include("workshops.rosters.urls")),
    path("", include("workshops.prerequisites.urls")),
    path("", include("workshops.mentors.urls")),
    path("", include("workshops.programme.urls")),
    path("", include("booking.payments.urls")),
    path("", include("booking.rights.urls")),
    path("calendars/", include("booking.calendars.urls_pages")),
    path("desk/", include("booking.desk.urls")),
    path("api/v1/", api.urls),
    path("stripe/webhook", webhook, name="stripe-webhook"),
    path("problems/<slug:slug>", pages.problem, name="problem"),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("robots.txt", pages.robots, name="robots"),
    path("favicon.ico", pages.favicon, name="favicon"),
    # The admin has no door of its own: signing in, its limits and its second factor are the ones everyone meets.
    path("admin/login/", pages.admin_door),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
]

handler400 = "booking.site.pages.bad_request"
handler403 = "booking.site.pages.forbidden"
handler404 = "booking.site.pages.not_found"
handler500 = "booking.site.pages.server_error"
