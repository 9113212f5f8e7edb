"""Spirit, a forum on Django: `python forum.py FOLDER TOPICS.json`.

A topic is {"title", "text", "author", "posted" (epoch), "replies": [text...]}.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import django  # type: ignore[import-not-found]  # lives in .venv-peers
from serve import forever  # type: ignore[import-not-found]  # beside this script

SETTINGS = """
from spirit.extra.project_template.project_name.settings.base import *
SECRET_KEY = "synthetic"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "forum_urls"
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": {folder!r} + "/forum.sqlite3"}}}}
CACHES = {{name: {{"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": name}} for name in CACHES}}
STORAGES["staticfiles"] = {{"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
HAYSTACK_CONNECTIONS["default"]["STORAGE"] = "ram"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
ST_SITE_URL = "http://127.0.0.1/"
ST_TASK_MANAGER = None
TIME_ZONE = "UTC"
USE_TZ = True
LOGGING = {{"version": 1}}
"""
URLS = 'from django.urls import include, path\nurlpatterns = [path("", include("spirit.urls"))]\n'


def configure(folder: Path) -> None:
    (folder / "forum_settings.py").write_text(SETTINGS.format(folder=str(folder)))
    (folder / "forum_urls.py").write_text(URLS)
    sys.path.insert(0, str(folder))
    os.environ["DJANGO_SETTINGS_MODULE"] = "forum_settings"
    django.setup()


def fill(topics: list[dict[str, object]]) -> None:
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from spirit.category.models import Category
    from spirit.comment.models import Comment
    from spirit.topic.models import Topic

    call_command("migrate", verbosity=0)
    users = get_user_model().objects
    category = Category.objects.create(title="Market", slug="market")
    for topic in topics:
        posted = datetime.fromtimestamp(topic["posted"], UTC)
        author, _ = users.get_or_create(username=topic["author"], email=f"{topic['author']}@forum.example")
        row = Topic.objects.create(category=category, user=author, title=topic["title"], last_active=posted)
        for text in (topic["text"], *topic["replies"]):
            Comment.objects.create(
                user=author, topic=row, comment=text, comment_html=f"<p>{text}</p>", date=posted
            )
        Topic.objects.filter(pk=row.pk).update(comment_count=1 + len(topic["replies"]))


if __name__ == "__main__":
    configure(Path(sys.argv[1]))
    fill(json.loads(Path(sys.argv[2]).read_text()))
    from django.core.wsgi import get_wsgi_application

    forever(get_wsgi_application())
