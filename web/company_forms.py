"""What a person writes about a company, read as a file of companies/ is: each mistake is about a field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from configuration.mistake_messages import Mistake, mistakes_of
from matching.company_definition import EXCLUSIONS_LIMIT, CompanyDefinition, TermDefinition
from matching.errors import TermRefused
from matching.mentions.terms import check_exclusions
from storage.companies import DeclaredTerm, TermKind

#: Terms that one form may add: each is a line.
MAX_LINES = 500
MAX_FORM_CHARS = 100_000
MAX_REASON_CHARS = 500
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
#: Addresses of pages that a slug or a source's name would hide.
RESERVED = frozenset({"add", "try"})
#: The form's field by the key of a term's definition.
TERM_FIELDS = {"text": "terms", "kind": "kind", "owner": "owner", "reason": "reason", "exclude": "exclude"}


@dataclass
class FormMistakes:
    """Mistakes by field of a form; "" for the form as a whole."""

    by_field: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, text: str) -> None:
        found = self.by_field.setdefault(name, [])
        if text not in found:
            found.append(text)

    def of(self, name: str) -> Sequence[str]:
        return self.by_field.get(name, [])

    def __bool__(self) -> bool:
        return bool(self.by_field)


def lines_of(text: str) -> list[str]:
    """Return the lines of a text area that are not empty."""
    return [line.strip() for line in text[:MAX_FORM_CHARS].splitlines() if line.strip()]


def said(mistake: Mistake) -> str:
    """Return a mistake as a sentence for somebody who sees the field that it is about."""
    return f"{mistake.found}: {mistake.wanted}.{f' {mistake.hint}' if mistake.hint else ''}"


@dataclass(frozen=True, slots=True)
class TermsForm:
    """Terms that share kind, owner, reason and exclusions; `terms` and `exclude` have one a line."""

    terms: str = ""
    kind: str = "name"
    owner: str = ""
    reason: str = ""
    exclude: str = ""

    def read(self, mistakes: FormMistakes, *, required: bool, too_many: str) -> list[DeclaredTerm]:
        """Return the terms; adds to `mistakes`. `too_many`: the sentence for more lines than MAX_LINES."""
        texts = lines_of(self.terms)
        if len(texts) > MAX_LINES:
            mistakes.add("terms", too_many)
        if not texts and not required:
            return []
        texts = texts[:MAX_LINES] or [""]
        excluded = self._exclusions(texts, mistakes)
        found: list[DeclaredTerm] = []
        for number, text in enumerate(texts, 1):
            values = self._values(text, excluded.get(text, ()))
            try:
                term = TermDefinition.model_validate(values)
            except ValidationError as error:
                where = f"{number}: " if len(texts) > 1 else ""
                for mistake in _term_mistakes(error, values):
                    name = TERM_FIELDS.get(mistake.key.partition("[")[0], "terms")
                    mistakes.add(name, (where if name == "terms" else "") + said(mistake))
            else:
                kind = TermKind(term.kind)
                found.append(DeclaredTerm(term.text, kind, term.owner, term.reason, term.exclude))
        return found

    def _exclusions(self, texts: Sequence[str], mistakes: FormMistakes) -> Mapping[str, Sequence[str]]:
        """Return the exclusions of each term: those phrases that contain it. Each has to contain one."""
        found: dict[str, list[str]] = {}
        phrases = lines_of(self.exclude)
        if len(phrases) > EXCLUSIONS_LIMIT:
            mistakes.add("exclude", f"{len(phrases)}: at most {EXCLUSIONS_LIMIT} of them.")
        for phrase in phrases[:EXCLUSIONS_LIMIT]:
            why = ""
            for text in texts:
                try:
                    check_exclusions(text, (phrase,))
                except TermRefused as refused:
                    why = str(refused)
                else:
                    found.setdefault(text, []).append(phrase)
            if not any(phrase in each for each in found.values()):
                mistakes.add("exclude", why)
        return found

    def _values(self, text: str, exclude: Sequence[str]) -> Mapping[str, object]:
        return {
            "text": text,
            "kind": self.kind,
            "owner": self.owner.strip(),
            "reason": self.reason.strip(),
            "exclude": list(exclude),
        }


def _term_mistakes(error: ValidationError, values: Mapping[str, object]) -> list[Mistake]:
    schema = TermDefinition.model_json_schema()
    return mistakes_of(error, origin=lambda _: "", data=values, schema=schema)


def read_company(name: str, *, mail_provider: bool, mistakes: FormMistakes) -> CompanyDefinition | None:
    """Return a company without terms; None: `mistakes` has what is wrong."""
    values = {"name": name.strip(), "mail_provider": mail_provider}
    try:
        return CompanyDefinition.model_validate(values)
    except ValidationError as error:
        schema = CompanyDefinition.model_json_schema()
        for mistake in mistakes_of(error, origin=lambda _: "", data=values, schema=schema):
            mistakes.add(mistake.key if mistake.key in values else "name", said(mistake))
        return None
