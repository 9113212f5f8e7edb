"""django-oscar, a shop: `python shop.py FOLDER OFFERS.json`.

An offer is {"title", "text", "price", "currency", "seller", "released" (YYYY-MM-DD), "records"}; seller, release
date and record count are attributes of the shop's product class, as a shop's owner adds them.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import date
from pathlib import Path

import django  # type: ignore[import-not-found]  # lives in .venv-peers
from serve import forever  # type: ignore[import-not-found]  # beside this script

SETTINGS = """
from oscar.defaults import *
SECRET_KEY = "synthetic"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "shop_urls"
SITE_ID = 1
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
MEDIA_URL = "/media/"
MEDIA_ROOT = {folder!r} + "/media"
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": {folder!r} + "/shop.sqlite3"}}}}
HAYSTACK_CONNECTIONS = {{
    "default": {{"ENGINE": "haystack.backends.whoosh_backend.WhooshEngine", "PATH": {folder!r} + "/index"}}
}}
AUTHENTICATION_BACKENDS = ["oscar.apps.customer.auth_backends.EmailBackend"]
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "django.contrib.messages", "django.contrib.staticfiles", "django.contrib.sites", "django.contrib.flatpages",
    "oscar.config.Shop", "oscar.apps.analytics.apps.AnalyticsConfig", "oscar.apps.checkout.apps.CheckoutConfig",
    "oscar.apps.address.apps.AddressConfig", "oscar.apps.shipping.apps.ShippingConfig",
    "oscar.apps.catalogue.apps.CatalogueConfig", "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
    "oscar.apps.communication.apps.CommunicationConfig", "oscar.apps.partner.apps.PartnerConfig",
    "oscar.apps.basket.apps.BasketConfig", "oscar.apps.payment.apps.PaymentConfig",
    "oscar.apps.offer.apps.OfferConfig", "oscar.apps.order.apps.OrderConfig",
    "oscar.apps.customer.apps.CustomerConfig", "oscar.apps.search.apps.SearchConfig",
    "oscar.apps.voucher.apps.VoucherConfig", "oscar.apps.wishlists.apps.WishlistsConfig",
    "oscar.apps.dashboard.apps.DashboardConfig", "oscar.apps.dashboard.reports.apps.ReportsDashboardConfig",
    "oscar.apps.dashboard.users.apps.UsersDashboardConfig", "oscar.apps.dashboard.orders.apps.OrdersDashboardConfig",
    "oscar.apps.dashboard.catalogue.apps.CatalogueDashboardConfig",
    "oscar.apps.dashboard.offers.apps.OffersDashboardConfig",
    "oscar.apps.dashboard.partners.apps.PartnersDashboardConfig",
    "oscar.apps.dashboard.pages.apps.PagesDashboardConfig", "oscar.apps.dashboard.ranges.apps.RangesDashboardConfig",
    "oscar.apps.dashboard.reviews.apps.ReviewsDashboardConfig",
    "oscar.apps.dashboard.vouchers.apps.VouchersDashboardConfig",
    "oscar.apps.dashboard.communications.apps.CommunicationsDashboardConfig",
    "oscar.apps.dashboard.shipping.apps.ShippingDashboardConfig",
    "widget_tweaks", "haystack", "treebeard", "sorl.thumbnail", "django_tables2",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware", "oscar.apps.basket.middleware.BasketMiddleware",
]
TEMPLATES = [{{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {{"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.template.context_processors.media", "django.template.context_processors.static",
        "django.contrib.messages.context_processors.messages", "oscar.apps.search.context_processors.search_form",
        "oscar.apps.checkout.context_processors.checkout", "oscar.apps.communication.notifications.context_processors.notifications",
        "oscar.core.context_processors.metadata",
    ]}},
}}]
"""
URLS = """
from django.apps import apps
from django.urls import include, path
urlpatterns = [path("i18n/", include("django.conf.urls.i18n")), path("", include(apps.get_app_config("oscar").urls[0]))]
"""


def configure(folder: Path) -> None:
    (folder / "shop_settings.py").write_text(SETTINGS.format(folder=str(folder)))
    (folder / "shop_urls.py").write_text(URLS)
    sys.path.insert(0, str(folder))
    os.environ["DJANGO_SETTINGS_MODULE"] = "shop_settings"
    django.setup()


def fill(offers: list[dict[str, object]]) -> None:
    from django.core.management import call_command
    from oscar.core.loading import get_model

    call_command("migrate", verbosity=0)
    kind = get_model("catalogue", "ProductClass").objects.create(name="Data", track_stock=False)
    for name, code, form in (
        ("Seller", "seller", "text"),
        ("Released", "released", "date"),
        ("Records", "records", "text"),
    ):
        kind.attributes.create(name=name, code=code, type=form)
    partner = get_model("partner", "Partner").objects.create(name="Market")
    for number, offer in enumerate(offers):
        product = get_model("catalogue", "Product")(
            product_class=kind, title=offer["title"], description=offer["text"], upc=f"upc-{number}"
        )
        product.attr.seller = offer["seller"]
        product.attr.released = date.fromisoformat(str(offer["released"]))
        product.attr.records = offer["records"]
        product.save()
        product.stockrecords.create(
            partner=partner,
            partner_sku=f"sku-{number}",
            price=offer["price"],
            price_currency=offer["currency"],
        )
    call_command("update_index", verbosity=0)


if __name__ == "__main__":
    configure(Path(sys.argv[1]))
    fill(json.loads(Path(sys.argv[2]).read_text()))
    from django.core.wsgi import get_wsgi_application

    forever(get_wsgi_application())
