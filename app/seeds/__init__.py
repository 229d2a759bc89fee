"""Demonstration data: an organization that looks like one that has been at work for weeks."""

from app.seeds.demo import Progress, SeedsRefused, seed

__all__ = ["Progress", "SeedsRefused", "seed"]
