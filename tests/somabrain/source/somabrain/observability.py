"""The package's name for the tracing of the repository."""

from observability.provider import init_tracing as init_tracing
