"""Company files: every mistake is named with its key."""

import pytest
from pydantic import ValidationError

from matching.company_definition import CompanyDefinition

TERM = {"text": "qudian", "owner": "fraud desk", "reason": "the lender's name"}


def test_a_company_needs_only_a_name() -> None:
    """No terms, no key, telephone numbers as the list was enrolled."""
    company = CompanyDefinition.model_validate({"name": "Quillmere Credit"})

    assert (company.terms, company.fingerprints.key_file, company.fingerprints.default_region) == (
        (),
        None,
        None,
    )


@pytest.mark.parametrize(
    ("company", "key", "sentence"),
    [
        ({}, "name", "Field required"),
        ({"name": "Q", "trems": []}, "trems", "Extra inputs are not permitted"),
        (
            {"name": "Q", "terms": [{**TERM, "text": "!!"}]},
            "terms.0.text",
            "no letter or digit left after folding",
        ),
        ({"name": "Q", "terms": [{"text": "qudian", "reason": "x"}]}, "terms.0.owner", "Field required"),
        ({"name": "Q", "terms": [{**TERM, "reason": ""}]}, "terms.0.reason", "at least 1 character"),
        (
            {"name": "Q", "terms": [{**TERM, "kind": "logo"}]},
            "terms.0.kind",
            "'name', 'alias', 'domain' or 'brand'",
        ),
        ({"name": "Q", "terms": [{**TERM, "exclude": ["x"]}]}, "terms.0", "excludes nothing"),
        (
            {"name": "Q", "fingerprints": {"default_region": "XX"}},
            "fingerprints.default_region",
            "'XX' is no region",
        ),
    ],
)
def test_a_mistake_is_named(company: dict[str, object], key: str, sentence: str) -> None:
    """With the key it stands at and what was wanted there."""
    with pytest.raises(ValidationError) as refused:
        CompanyDefinition.model_validate(company)

    (error,) = refused.value.errors()
    assert (".".join(map(str, error["loc"])), sentence in error["msg"]) == (key, True)
