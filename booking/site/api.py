"""The API's root."""

from ninja import NinjaAPI

api = NinjaAPI(title="CINTIMA booking", version="1", urls_namespace="api")
