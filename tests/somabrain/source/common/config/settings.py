"""The settings that several services share, read from the environment once."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SOMABRAIN_", extra="ignore")

    kafka_url: str = ""
    redis_url: str = ""
    opa_url: str = ""
    opa_policy: str = ""
    postgres_dsn: str = ""


settings = Settings()
