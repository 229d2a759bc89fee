"""Changes of what is stored. A migration is a module `m<four digits>_<what>` here with `async def up(database)`.

`up` must be safe to run again, for a process may die in its middle, and the release before must be able to work with
its result, for that release still serves while it runs.
"""
