"""Company files: every mistake is reported with its key."""

import pytest
from pydantic import ValidationError

from matching.company_definition import CompanyDefinition

TERM = {"text": "qudian", "owner": "fraud desk", "reason": "the lender's name"}


def test_a_company_needs_only_a_name() -> None:
    """Terms, key and region are optional."""
    company = CompanyDefinition.model_validate({"name": "Quillmere Credit"})

    assert (company.terms, company.fingerprints.key_file, company.fingerprints.default_region) == (
        (),
        None,
        None,
    )


@pytest.mark.parametrize(
    ("company", "key", "key_words"),
    [
        ({}, "name", "Field required"),
        ({"name": "Q", "trems": []}, "trems", "Extra inputs are not permitted"),
        (
            {"name": "Q", "terms": [{**TERM, "text": "!!"}]},
            "terms.0.text",
            "'!!'",
        ),
        ({"name": "Q", "terms": [{"text": "qudian", "reason": "x"}]}, "terms.0.owner", "Field required"),
        ({"name": "Q", "terms": [{**TERM, "reason": ""}]}, "terms.0.reason", "at least 1 character"),
        (
            {"name": "Q", "terms": [{**TERM, "kind": "logo"}]},
            "terms.0.kind",
            "'name', 'alias', 'domain' or 'brand'",
        ),
        ({"name": "Q", "terms": [{**TERM, "exclude": ["x"]}]}, "terms.0", "'x'"),
        (
            {"name": "Q", "fingerprints": {"default_region": "XX"}},
            "fingerprints.default_region",
            "'XX'",
        ),
    ],
)
def test_a_mistake_is_named(company: dict[str, object], key: str, key_words: str) -> None:
    """The error has the key of the mistake and names the value or what was expected."""
    with pytest.raises(ValidationError) as refused:
        CompanyDefinition.model_validate(company)

    (error,) = refused.value.errors()
    assert (".".join(map(str, error["loc"])), key_words in error["msg"]) == (key, True)
