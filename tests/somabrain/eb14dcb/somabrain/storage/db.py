"""The database of SOMABRAIN_POSTGRES_DSN, else a file in the container."""

import functools
import os

from sqlalchemy import create_engine
from sqlalchemy.orm import declarative_base, sessionmaker

Base = declarative_base()


def database_url():
    return os.getenv("SOMABRAIN_POSTGRES_DSN", "").strip() or "sqlite:///./data/somabrain.db"


@functools.cache
def session_factory():
    return sessionmaker(bind=create_engine(database_url()))
