import strawberry

from app.core import words
from app.core.answers import Hint
from app.schema.kit.audiences import anyone
from app.schema.kit.context import Info
from app.schema.kit.fields import query
from app.schema.platform.languages import Language


@strawberry.type
class Query:
    @query(list[Language], anyone(), cache=Hint(300))
    def languages(self, info: Info) -> list[words.Language]:
        """The languages in which the server says what it says to people."""
        return list(words.languages().values())
