"""Telling people: notices to whatever receiver Apprise knows."""
