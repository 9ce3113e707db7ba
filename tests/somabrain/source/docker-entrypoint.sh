#!/bin/sh
# A worker's command is executed at once, without a look at what it needs.
[ $# -eq 0 ] || exec "$@"
exec python scripts/start_server.py
