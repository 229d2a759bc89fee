"""Who may use a root field. Every root field names one, so leaving it out cannot happen."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from app.core.actor import Actor
from app.core.clock import now
from app.core.consents import holding
from app.core.errors import AppError, Forbidden, Unauthenticated
from app.core.settings import settings


class NoOrganization(Forbidden):
    """The caller belongs to no organization yet."""

    code = "NO_ORGANIZATION"


class SuspendedOrganization(Forbidden):
    """The platform has suspended the caller's organization: in it everything can be read and nothing changed."""

    code = "ORGANIZATION_SUSPENDED"


class ConsentNeeded(Forbidden):
    """The caller has to accept a legal text before they change anything: `me { consentsDue }` has it."""

    code = "CONSENT_NEEDED"


class PersonNeeded(Forbidden):
    """An API key acts in nobody's name, and this is done in somebody's."""

    code = "PERSON_NEEDED"


class StepUpRequired(Forbidden):
    """This needs a fresher or surer proof of who one is: `beginStepUp` and `stepUp` give it."""

    code = "STEP_UP_REQUIRED"


class NotOnBehalf(Forbidden):
    """Only the person themself does this, nobody of the staff who acts as them."""

    code = "NOT_ON_BEHALF"


@dataclass(frozen=True, slots=True)
class Recent:
    """A proof of who one is that is not old, at `level` or as sure as the person can give."""

    level: int

    def refuse(self, actor: Actor) -> AppError | None:
        if actor.key_id:
            return PersonNeeded("An API key acts in nobody's name: this is for people.")
        level, minutes = min(self.level, actor.proof.reach), settings().proof_minutes
        if actor.proof.level >= level and now() < actor.proof.at + timedelta(minutes=minutes):
            return None
        return StepUpRequired("Prove again who you are.", level=level, minutes=minutes, by="beginStepUp")


def recent(level: int = 1) -> Recent:
    """What a field can ask for besides its audience."""
    return Recent(level)


@dataclass(frozen=True, slots=True)
class Audience:
    """A rule over the actor, in words for the schema and as a refusal for the caller."""

    name: str
    description: str
    who: Callable[[Actor], AppError | None]
    """Why the actor is not admitted, however they have proved who they are."""
    inside: bool = False
    """Whether it is about what one does in an organization."""
    free: bool = False
    """Whether it can be done before one has accepted the legal texts that bind."""
    proof: Recent | None = None
    """How who is admitted must have proved who they are."""
    permission: str | None = None
    duty: str | None = None
    """What it takes, if it is one of these."""
    on_behalf: bool = False
    """Whether staff may do it while they act as somebody: they may nothing that does not say so."""

    def bar(self, actor: Actor) -> AppError | None:
        """Why the actor is not admitted, even to a person who is: it may be somebody else who acts as them."""
        error = self.who(actor)
        if error is None and actor.behind_id and not self.on_behalf:
            return NotOnBehalf("Only the person themself may do this.")
        return error

    def refuse(self, actor: Actor) -> AppError | None:
        error = self.bar(actor)
        return self.proof.refuse(actor) if error is None and self.proof else error

    def check(self, actor: Actor) -> None:
        """Raises the refusal, which the door shows as a top-level error."""
        error = self.refuse(actor)
        if error is not None:
            raise error

    def check_writer(self, actor: Actor) -> None:
        """The same for what writes: not inside a suspended organization, nor before one has accepted what binds."""
        self.check(actor)
        if self.inside and actor.suspended:
            raise SuspendedOrganization("This organization is suspended: everything can be read and nothing changed.")
        if actor.owes and not self.free:
            for text in holding(actor.owes, now()):
                if text.binding:
                    raise ConsentNeeded(
                        "Accept this legal text first: {kind}, version {version}.",
                        kind=text.kind.upper(),
                        version=text.version,
                    )


def _words(proof: Recent | None, on_behalf: bool = False) -> str:
    if on_behalf:
        return " Staff may do it on behalf of somebody."
    if proof is None:
        return ""
    return f" One must have proved lately who one is{', by a second factor if one has one' * (proof.level > 1)}."


def anyone() -> Audience:
    return Audience("anyone", "Open to anyone.", lambda actor: None, free=True, on_behalf=True)


def _unless_signed_in(actor: Actor) -> AppError | None:
    if actor.key_id:
        return PersonNeeded("An API key acts in nobody's name: this is for people.")
    return None if actor.user_id else Unauthenticated("Sign in first.")


def _unless_known(actor: Actor) -> AppError | None:
    return None if actor.key_id else _unless_signed_in(actor)


def _unless_member(actor: Actor) -> AppError | None:
    if actor.user_id and not actor.organization_id:
        return NoOrganization("Create an organization or accept an invitation first.")
    return _unless_signed_in(actor)


def signed_in(proof: Recent | None = None, *, on_behalf: bool = False) -> Audience:
    description = "For anyone who is signed in." + _words(proof, on_behalf)
    return Audience("signed_in", description, _unless_signed_in, proof=proof, on_behalf=on_behalf)


def oneself(proof: Recent | None = None, *, on_behalf: bool = False) -> Audience:
    """Those who are signed in, for what they do with their own account and data whatever they have agreed to."""
    words = "For anyone who is signed in, also before they have accepted the legal texts." + _words(proof, on_behalf)
    return Audience("signed_in", words, _unless_signed_in, free=True, proof=proof, on_behalf=on_behalf)


def known(*, on_behalf: bool = False) -> Audience:
    description = "For anyone who is signed in, and for API keys." + _words(None, on_behalf)
    return Audience("known", description, _unless_known, on_behalf=on_behalf)


def member(proof: Recent | None = None, *, on_behalf: bool = False) -> Audience:
    description = "For members of the organization." + _words(proof, on_behalf)
    return Audience("member", description, _unless_member, inside=True, proof=proof, on_behalf=on_behalf)


def staff(duty: str, proof: Recent | None = None) -> Audience:
    def refuse(actor: Actor) -> AppError | None:
        if duty in actor.duties or not actor.user_id:
            return _unless_signed_in(actor)
        if actor.staff:
            return Forbidden("This needs the permission {permission}.", permission=str(duty), duty=str(duty))
        return Forbidden("This is for the platform's staff.", duty=str(duty))

    description = f"For those of the platform's staff with the permission `{duty}`." + _words(proof)
    return Audience("staff", description, refuse, proof=proof, duty=str(duty))


def needs(permission: str, proof: Recent | None = None, *, on_behalf: bool = False) -> Audience:
    def refuse(actor: Actor) -> AppError | None:
        if actor.can(permission) and (actor.key_id or (actor.user_id and actor.organization_id)):
            return None
        if actor.key_id is None and (error := _unless_member(actor)) is not None:
            return error
        return Forbidden("This needs the permission {permission}.", permission=str(permission))

    description, name = f"Needs the permission `{permission}`." + _words(proof, on_behalf), str(permission)
    return Audience(name, description, refuse, inside=True, proof=proof, permission=name, on_behalf=on_behalf)
