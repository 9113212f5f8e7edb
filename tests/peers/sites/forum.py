"""Spirit, a forum. A topic is {"title", "text", "author", "posted" (epoch), "replies": [text...]}."""

# These imports are installed in .venv-peers, which mypy does not see.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

from datetime import UTC, datetime

from django.urls import include, path
from django.utils.functional import SimpleLazyObject
from django_site import Content, run
from spirit.extra.project_template.project_name.settings import base

urlpatterns = SimpleLazyObject(lambda: [path("", include("spirit.urls"))])


def fill(topics: Content) -> None:
    from django.contrib.auth import get_user_model
    from spirit.category.models import Category
    from spirit.comment.models import Comment
    from spirit.topic.models import Topic

    users = get_user_model().objects
    category = Category.objects.create(title="Market", slug="market")
    for topic in topics:
        at = datetime.fromtimestamp(topic["posted"], UTC)
        author, _ = users.get_or_create(username=topic["author"], email=f"{topic['author']}@forum.example")
        texts = [topic["text"], *topic["replies"]]
        row = Topic.objects.create(
            category=category, user=author, title=topic["title"], last_active=at, comment_count=len(texts)
        )
        for text in texts:
            Comment.objects.create(
                user=author, topic=row, comment=text, comment_html=f"<p>{text}</p>", date=at
            )


if __name__ == "__main__":
    local = "django.core.cache.backends.locmem.LocMemCache"
    run(
        base,
        fill,
        CACHES={name: {"BACKEND": local, "LOCATION": name} for name in base.CACHES},
        STORAGES={
            "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        },
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        ST_SITE_URL="http://127.0.0.1/",
        ST_TASK_MANAGER=None,
    )
