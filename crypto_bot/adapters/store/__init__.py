"""SQLite or PostgreSQL through SQLAlchemy, migrated by Alembic."""
