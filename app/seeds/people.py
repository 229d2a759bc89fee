"""The people of the demonstration data and their organizations."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bson import ObjectId

from app.models import Role
from app.seeds.moments import id_at

PASSWORD = "atrium-demo-password"  # noqa: S105 - meant to be known
AGE = timedelta(days=60)
"""How long before the data were made their first organization was."""


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    email: str
    role: Role
    """In the first organization."""
    staff: bool = False

    @property
    def first_name(self) -> str:
        return self.name.split()[0]


PEOPLE: Mapping[str, Person] = {
    "olivia": Person("Olivia Hart", "owner@example.com", Role.OWNER, staff=True),
    "ada": Person("Ada Moreau", "ada@example.com", Role.ADMIN),
    "grace": Person("Grace Okafor", "grace@example.com", Role.MEMBER),
    "ingrid": Person("Ingrid Solberg", "ingrid@example.com", Role.ADMIN),
    "noor": Person("Noor Haddad", "noor@example.com", Role.MEMBER),
    "daniel": Person("Daniel Levi", "daniel@example.com", Role.MEMBER),
    "mei": Person("Mei Tanaka", "mei@example.com", Role.MEMBER),
    "tomas": Person("Tomás Rivera", "tomas@example.com", Role.MEMBER),
    "kwame": Person("Kwame Mensah", "kwame@example.com", Role.MEMBER),
    "sofia": Person("Sofia Marino", "sofia@example.com", Role.MEMBER),
    "priya": Person("Priya Nair", "priya@example.com", Role.MEMBER),
    "jonas": Person("Jonas Weber", "jonas@example.com", Role.GUEST),
}
SHOWN = (PEOPLE["olivia"], PEOPLE["ada"], PEOPLE["grace"])
"""Those whom a visitor is offered to sign in as."""
INVITED = "sam.carter@example.com"


@dataclass(frozen=True, slots=True)
class Place:
    """An organization, its people by their names in the scripts, and how long before the anchor it was made."""

    slug: str
    name: str
    age: timedelta
    roles: Mapping[str, Role]

    def founded(self, anchor: datetime) -> datetime:
        return anchor - self.age

    def id(self, anchor: datetime) -> ObjectId:
        return id_at(self.founded(anchor), f"organization/{self.slug}")


DEMO = Place("demo", "Demo", AGE, {key: person.role for key, person in PEOPLE.items()})
RIVERSIDE = Place(
    "riverside",
    "Riverside Kitchen",
    timedelta(days=14),
    {"ada": Role.OWNER, "olivia": Role.ADMIN, "grace": Role.MEMBER, "tomas": Role.MEMBER},
)


def registered(key: str, anchor: datetime) -> datetime:
    """When a person made their account: shortly before the first organization was made, one after the other."""
    return anchor - AGE - timedelta(hours=1) + timedelta(minutes=list(PEOPLE).index(key))


def user_id(key: str, anchor: datetime) -> ObjectId:
    return id_at(registered(key, anchor), f"user/{key}")
