"""Postgres: tables, their migrations, and every statement, the long ones in `sql/`."""
