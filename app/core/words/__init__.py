"""What the server says to people, in their language: English sentences in the code, catalogues for the others."""

from app.core.words.catalogues import ENGLISH, Language, language, languages, negotiated, said
from app.core.words.sentences import Words, sentence, words

__all__ = ["ENGLISH", "Language", "Words", "language", "languages", "negotiated", "said", "sentence", "words"]
