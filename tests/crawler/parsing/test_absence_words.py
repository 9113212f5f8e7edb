"""Short texts that only say that a page does not exist, and offers that speak of something missing."""

from __future__ import annotations

import pytest

from crawler.parsing.absence_words import MAX_CHARS, says_missing

MISSING = (
    ("Thread not found", "It does not exist."),
    ("Error 404", ""),
    ("404 Not Found", ""),
    ("Not found",),
    ("404",),
    ("Information", "The requested topic does not exist."),
    ("MyForum", "The specified thread does not exist."),
    ("vBulletin Message", "Invalid Thread specified. If you followed a valid link, please notify us."),
    ("Oops! We ran into some problems.", "The requested thread could not be found."),
    ("This paste has been removed",),
    ("Paste expired", "This paste has expired."),
    ("Item is no longer available",),
    ("No such offer",),
    ("This listing doesn't exist",),
    ("Sorry", "The message you're looking for can't be found"),
    ("Seite nicht gefunden", "Die Seite, die Sie suchen, wurde nicht gefunden."),
    ("Ошибка", "Тема не найдена"),
    ("Объявление удалено",),
    ("Discuz! Board", "抱歉，指定的主题不存在或已被删除或正在被审核"),
    ("Erreur", "La page demandée est introuvable"),
    ("Página no encontrada",),
    ("El producto ya no está disponible",),
    ("Página não encontrada",),
    ("Annuncio rimosso",),
    ("Konu bulunamadı",),
)
OFFERS = (
    ("Database of Norwick Mutual", "full dump, 2M rows"),
    ("404media leak", "sources and mails of the site"),
    ("Lost and not found: customers of Peltora", "rows"),
    ("Gone Fishing Ltd customers 2025", ""),
    ("Passwords that were not changed", ""),
    ("Halvorine, deleted users table", "users who deleted their account, 40k records"),
    ("Sold. Thanks to all", "contact me"),
    ("Topic Travel not available for resale", ""),
    ("Post Office Ltd records removed from S3", "400k"),
    ("Error logs of Ostrava Lending", "404 pages and what was requested"),
    ("Page Industries database", ""),
    ("Thread not found", "x" * MAX_CHARS),
    ("...", ""),
    ("", ""),
)


@pytest.mark.parametrize("texts", MISSING)
def test_a_page_that_says_that_it_does_not_exist(texts: tuple[str, ...]) -> None:
    """In the words of forums, shops and paste sites, in several languages."""
    assert says_missing(*texts)


@pytest.mark.parametrize("texts", OFFERS)
def test_an_offer_that_speaks_of_something_missing(texts: tuple[str, ...]) -> None:
    """Names, deleted accounts and long texts are listings."""
    assert not says_missing(*texts)
