"""ID-14: every column says what becomes of it when a person is erased."""

from typing import Any

import pytest

from app.core import privacy
from app.core.privacy import ERASE, NEUTRAL, PSEUDONYM, SECRET
from app.models import DOCUMENTS, TenantRow, User

MODELS: list[Any] = sorted(DOCUMENTS, key=lambda one: one.__name__)
PEOPLES = {"email", "name", "address", "agent", "text", "bio", "phone", "place", "reason"}
"""Names of columns that as a rule hold what is a person's."""


def _columns(model: Any) -> set[str]:
    row = next(kind for kind in model.__mro__ if "collection" in vars(kind))
    free = {"id", "revision_id"} | ({"organization_id"} if issubclass(model, TenantRow) else set())
    return set(row.columns()) - free


@pytest.mark.parametrize("model", MODELS, ids=lambda one: one.__name__)
def test_every_column_has_a_policy(model: Any) -> None:
    assert set(privacy.by_column(model.policies)) == _columns(model)


@pytest.mark.parametrize("model", MODELS, ids=lambda one: one.__name__)
def test_what_is_to_be_erased_is(model: Any) -> None:
    policies = privacy.by_column(model.policies)
    erased = {name for name, policy in policies.items() if policy in (ERASE, SECRET)}
    cleared = {name for subject in model.data_subjects for name in (erased if subject.whole else subject.becomes)}
    assert erased <= cleared
    assert {subject.by for subject in model.data_subjects} <= _columns(model) | {"_id"}
    assert all(set(subject.becomes) <= _columns(model) for subject in model.data_subjects)


def test_what_is_kept_has_a_reason_and_what_is_a_persons_is_not_taken_for_neutral() -> None:
    known = {ERASE, SECRET, PSEUDONYM, NEUTRAL}
    for model in MODELS:
        for name, policy in privacy.by_column(model.policies).items():
            assert policy in known or (policy.name == "keep" and policy.reason), f"{model.__name__}.{name}"
            if model.data_subjects:
                assert name not in PEOPLES or policy is not NEUTRAL, f"{model.__name__}.{name}"


def test_a_column_without_a_policy_is_found() -> None:
    class Tall(User):
        collection = "tall"
        height: int

    with pytest.raises(AssertionError):
        test_every_column_has_a_policy(Tall)


def test_two_policies_are_one_too_many() -> None:
    with pytest.raises(ValueError, match="name has two"):
        privacy.by_column({"name email": ERASE, "name": NEUTRAL})
