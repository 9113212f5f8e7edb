"""django-oscar, a shop.

An offer is {"title", "text", "price", "currency", "seller", "released" (YYYY-MM-DD), "records"}. Seller,
release date and number of records are attributes of the product class, as the owner of a shop adds them.
"""

# These imports are installed in .venv-peers, which mypy does not see.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

from datetime import date

from django.apps import apps
from django.urls import include, path
from django.utils.functional import SimpleLazyObject
from django_site import Content, NoMigrations, run
from oscar import defaults

DJANGO = ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles", "sites", "flatpages")
OSCAR = (
    "analytics", "checkout", "address", "shipping", "catalogue", "communication", "partner", "basket",
    "payment", "offer", "order", "customer", "search", "voucher", "wishlists", "dashboard",
)  # fmt: skip
DASHBOARD = (
    "reports", "users", "orders", "catalogue", "offers", "partners", "pages", "ranges", "reviews", "vouchers",
    "communications", "shipping",
)  # fmt: skip
OTHERS = ("widget_tweaks", "haystack", "treebeard", "sorl.thumbnail", "django_tables2")
MIDDLEWARE = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware",
)
CONTEXT = (
    "django.template.context_processors.request",
    "django.template.context_processors.media",
    "django.template.context_processors.static",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
    "oscar.apps.search.context_processors.search_form",
    "oscar.apps.checkout.context_processors.checkout",
    "oscar.apps.communication.notifications.context_processors.notifications",
    "oscar.core.context_processors.metadata",
)
ATTRIBUTES = (("Seller", "text"), ("Released", "date"), ("Records", "text"))

urlpatterns = SimpleLazyObject(
    lambda: [
        path("i18n/", include("django.conf.urls.i18n")),
        path("", include(apps.get_app_config("oscar").urls[0])),
    ]
)


def fill(offers: Content) -> None:
    from oscar.core.loading import get_model

    kind = get_model("catalogue", "ProductClass").objects.create(name="Data", track_stock=False)
    for name, form in ATTRIBUTES:
        kind.attributes.create(name=name, code=name.lower(), type=form)
    partner = get_model("partner", "Partner").objects.create(name="Market")
    for number, offer in enumerate(offers):
        product = get_model("catalogue", "Product")(
            product_class=kind, title=offer["title"], description=offer["text"], upc=f"upc-{number}"
        )
        product.attr.seller = offer["seller"]
        product.attr.released = date.fromisoformat(offer["released"])
        product.attr.records = offer["records"]
        product.save()
        product.stockrecords.create(
            partner=partner,
            partner_sku=f"sku-{number}",
            price=offer["price"],
            price_currency=offer["currency"],
        )


if __name__ == "__main__":
    run(
        defaults,
        fill,
        SITE_ID=1,
        MIGRATION_MODULES=NoMigrations(),
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        AUTHENTICATION_BACKENDS=["oscar.apps.customer.auth_backends.EmailBackend"],
        INSTALLED_APPS=[
            *(f"django.contrib.{name}" for name in DJANGO),
            "oscar.config.Shop",
            *(f"oscar.apps.{name}.apps.{name.title()}Config" for name in OSCAR),
            *(f"oscar.apps.dashboard.{name}.apps.{name.title()}DashboardConfig" for name in DASHBOARD),
            "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
            *OTHERS,
        ],
        MIDDLEWARE=MIDDLEWARE,
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": CONTEXT},
            }
        ],
    )
