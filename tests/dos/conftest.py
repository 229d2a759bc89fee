"""Hostile requests come both ways, as those of the endpoint's own tests do."""

from tests.api.graphql.conftest import way

__all__ = ["way"]
