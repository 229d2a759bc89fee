class BackupError(Exception):
    """A backup cannot be made, read or restored; the message is one sentence that says what to do."""
