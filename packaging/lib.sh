# Shared by the scripts beside it; sourced, never run. POSIX sh.
# Everything said goes to stderr: stdout belongs to whoever calls the script.
# shellcheck shell=sh

# The script that sourced this file, as the reader knows it.
sg_name=packaging/$(basename "$0")

say()
{
	printf '%s: %s\n' "$sg_name" "$*" >&2
}

die()
{
	say "$*"
	exit 1
}

have()
{
	command -v "$1" >/dev/null 2>&1
}

# Where downloads and built tools are kept between runs; safe to delete at any time.
sg_cache()
{
	if [ -n "${STARTGUARD_CACHE:-}" ]; then
		printf '%s\n' "$STARTGUARD_CACHE"
	elif [ -n "${XDG_CACHE_HOME:-}" ]; then
		printf '%s/startguard\n' "$XDG_CACHE_HOME"
	elif [ -n "${HOME:-}" ]; then
		printf '%s/.cache/startguard\n' "$HOME"
	else
		die "no place for a cache: set STARTGUARD_CACHE or HOME"
	fi
}

# retry WHAT COMMAND...: mirrors fail for a moment now and then, so three tries with a pause.
retry()
{
	_what=$1
	shift
	for _pause in 2 5 last; do
		"$@" && return 0
		if [ "$_pause" = last ]; then
			break
		fi
		say "$_what failed, trying again in $_pause s"
		sleep "$_pause"
	done
	say "$_what failed three times"
	return 1
}
