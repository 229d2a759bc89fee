"""Guards that watch what code under test does behind its results."""

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from app.core import changes

_HANDSHAKE = {"saslStart", "saslContinue", "authenticate"}


class SessionGuard(CommandListener):
    """Notes every command that code inside an atomic scope sends without the scope's transaction (R23).

    Such a command neither sees what the scope has written nor is rolled back with it. Give one to `database.connect` as
    `event_listeners=[guard]`; the driver calls it in the task that sends.
    """

    def __init__(self) -> None:
        self.escaped: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name in _HANDSHAKE:
            return
        try:
            inside = changes.scoped()
        except RuntimeError:  # a task that a scope started
            inside = True
        if inside and "autocommit" not in event.command:  # retryable writes have a txnNumber, too
            target = event.command.get(event.command_name)
            self.escaped.append(f"{event.command_name} {target}")

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...
