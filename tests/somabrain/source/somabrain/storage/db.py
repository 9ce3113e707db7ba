"""The database of SOMABRAIN_POSTGRES_DSN, and no other."""

import functools
import os

from sqlalchemy import create_engine
from sqlalchemy.orm import declarative_base, sessionmaker

Base = declarative_base()


def database_url():
    url = os.getenv("SOMABRAIN_POSTGRES_DSN", "").strip()
    if not url:
        raise RuntimeError("storage.db: SOMABRAIN_POSTGRES_DSN not set")
    if url.startswith("sqlite://"):
        raise RuntimeError("storage.db: SQLite DSN forbidden")
    return url


@functools.cache
def session_factory():
    return sessionmaker(bind=create_engine(database_url()))
