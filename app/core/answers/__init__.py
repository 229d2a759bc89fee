"""Answers kept for those who ask the same again: never one that is older than a change this process has heard of.

What an answer depends on are types of events in the change log (`policies`). A process hears all changes, in order, so
it knows for each of these when it changed last (`versions`); it drops what a change makes old, and gives no answer of
another process that was begun before the change (`pool`). No message between processes is needed for that to hold.
"""

from app.core.answers.answer import Answer, Compute, Question
from app.core.answers.cache import TOTALS, Answers
from app.core.answers.policies import Hint, Policy, Scope, Tag, anywhere, here, mine

__all__ = [
    "TOTALS",
    "Answer",
    "Answers",
    "Compute",
    "Hint",
    "Policy",
    "Question",
    "Scope",
    "Tag",
    "anywhere",
    "here",
    "mine",
]
