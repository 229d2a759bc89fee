"""A small schema made with Atrium's own kit, behind Atrium's own doors."""
