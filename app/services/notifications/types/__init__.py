"""Notification types: what tells of itself, whom, how urgently, and where unless they choose otherwise.

A type is one declaration of `declaration.NotificationType`, named in `registry.TYPES`; nothing else needs to know it.
"""
