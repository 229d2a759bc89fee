"""Atrium on one machine: private servers, a mail box, and the supervisor of `atrium dev`."""
