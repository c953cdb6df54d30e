"""Notices to any receiver that Apprise supports."""
