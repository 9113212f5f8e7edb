"""Pages that say "not found" with status 200, by their words.

Programs and shops say it in one or two sentences, and in the language of their reader. A text counts if it is
short and if a sentence of it says that the page, thread, offer or paste does not exist.
"""

from __future__ import annotations

import re

#: A longer text is a listing that speaks of something missing.
MAX_CHARS = 300

_ENGLISH = (
    "page|thread|topic|post|listing|item|offer|product|paste|article|advert|ad|entry|lot|record|document|file|"
    "content|message|vendor|url"
)
_ENGLISH_MISSING = (
    r"(?:(?:was |were |is |could |can |cannot |can['’]t |has |have |been )*"
    r"(?:not (?:be )?found|be found|no longer (?:exists?|available|listed)|not available|unavailable|"
    r"(?:been )?(?:removed|deleted|expired))|(?:does|do|did)(?: not|n['’]t) exist)\b"
)
#: For each other language what is missing, and the words that say so after it.
_SENTENCES = (
    (
        "seite|thema|beitrag|angebot|artikel|eintrag|inserat|produkt|datei|anzeige",
        r"(?:nicht (?:mehr )?(?:gefunden|vorhanden|verfügbar)|existiert nicht|"
        r"(?:wurde|ist) (?:gelöscht|entfernt))",
    ),
    (
        "страниц|тема|темы|тему|сообщени|объявлени|товар|запись|паста|лот",
        r"(?:не найден|не существует|удал[её]н|недоступ|не обнаружен)",
    ),
    (
        "page|sujet|annonce|article|produit|offre|message|discussion",
        r"(?:introuvable|n.existe (?:pas|plus)|(?:a été|est) supprim|plus disponible)",
    ),
    (
        "página|tema|anuncio|artículo|producto|oferta|mensaje",
        r"(?:no (?:se )?(?:existe|ha encontrado|encontrad|ha sido encontrad)|(?:ha sido|fue) eliminad|"
        r"ya no está disponible)",
    ),
    (
        "página|tópico|anúncio|artigo|produto|oferta|mensagem",
        r"(?:não (?:existe|foi encontrad|encontrad)|foi (?:removid|excluíd|apagad))",
    ),
    (
        "pagina|discussione|annuncio|articolo|prodotto|offerta|messaggio",
        r"(?:non (?:esiste|trovat|è stat[oa] trovat)|rimoss|eliminat|non è più disponibile)",
    ),
    (
        "strona|temat|wątek|ogłoszenie|oferta|produkt|wpis",
        r"(?:nie (?:istnieje|został[ao]? znalezion|znalezion)|został[ao]? usunięt)",
    ),
    ("sayfa|konu|ilan|ürün|mesaj", r"(?:bulunamad|mevcut değil|silin)"),
    ("主题|帖子|页面|商品|内容|文章|信息|主題|頁面", r"(?:不存在|已?被?删除|已被刪除|未找到|找不到|已下架)"),
)
_SAYS_MISSING = re.compile(
    "|".join(
        [
            # A name may contain such a word: "Post Office records deleted".
            rf"^\W*(?:{_ENGLISH}) {_ENGLISH_MISSING}",
            r"\b(?:the|this|that|your|requested|specified|a) (?:\w+ ){0,2}"
            rf"(?:{_ENGLISH})s?\b[^.!?\n]{{0,40}}? {_ENGLISH_MISSING}",
            *(rf"(?:{what})[^.!?\n]{{0,40}}?{missing}" for what, missing in _SENTENCES),
            r"\bno such (?:page|thread|topic|post|listing|item|offer|product|paste|article)\b",
            r"\binvalid (?:page|thread|topic|post|listing|item|offer|product|paste)\b(?: specified| id\b)?",
            rf"\b(?:could|can) ?not find (?:the|that|this) (?:{_ENGLISH})\b",
            r"找不到.{0,6}(?:主题|帖子|页面|商品|内容)",
        ]
    ),
    re.IGNORECASE,
)
_ALL_OF_A_LINE = re.compile(
    r"^\W*(?:(?:error|fehler|ошибка|erreur)\W*)?(?:404\b)?\W*(?:page |seite )?"
    r"(?:not found|nicht gefunden|не найден[оа]?|introuvable|no encontrado|gone)?\W*$",
    re.IGNORECASE,
)


def says_missing(*texts: str) -> bool:
    """Return whether the texts of a listing's page, its title first, only say that it does not exist."""
    said = [" ".join(text.split()) for text in texts if text.strip()]
    if not said or sum(map(len, said)) > MAX_CHARS:
        return False
    return any(_SAYS_MISSING.search(text) for text in said) or (
        any(character.isalnum() for character in said[0]) and _ALL_OF_A_LINE.match(said[0]) is not None
    )
