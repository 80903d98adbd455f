"""The store on SQL databases: SQLite, PostgreSQL and MariaDB."""
