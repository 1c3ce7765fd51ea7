"""Addresses of the desk."""

from booking.desk import urls_messages, urls_money, urls_people, urls_planning, urls_reviews

app_name = "desk"
urlpatterns = [
    *urls_planning.urlpatterns,
    *urls_people.urlpatterns,
    *urls_money.urlpatterns,
    *urls_reviews.urlpatterns,
    *urls_messages.urlpatterns,
]
