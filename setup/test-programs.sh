#!/bin/sh
# Provides the programs that the tests run: PostgreSQL's server, Tor, systemd's checker of units, gpg, faketime, a C compiler, a
# font for Chinese, Chromium, Node, and WordPress with PHP and MariaDB. Tests of full disks need the right to mount one.
# As root on Debian, the script installs missing programs and starts none of them. Elsewhere it writes one line per missing
# program, with the tests that are left out, and prints the names for SPILLWATCH_TESTS_WITHOUT. In CI it fails instead.
set -eu

cd "$(dirname "$0")/.."

found() {
    for path in "$@"; do
        command -v "$path" >/dev/null && return
    done
    return 1
}

has_postgresql() { found initdb /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb /opt/homebrew/opt/postgresql*/bin/initdb; }
has_tor() { found tor /usr/sbin/tor; }
has_systemd() { found systemd-analyze; }
has_gpg() { found gpg; }
has_libarchive() { ldconfig -p 2>/dev/null | grep -q 'libarchive\.so' || [ -e /opt/homebrew/opt/libarchive ]; }
has_node() { # version 20 or newer, with npm, which installs the provider
    found npm && [ "$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')" -ge 20 ] 2>/dev/null
}
has_chromium() { found chromium chromium-browser; }
has_cjk_font() { find /usr/share/fonts /usr/local/share/fonts -name 'NotoSansCJK*' 2>/dev/null | grep -q .; }
has_mount() { # the right to mount a small disk that a test fills
    folder=$(mktemp -d) && mount -t tmpfs none "$folder" 2>/dev/null && umount "$folder" && rmdir "$folder"
}
has_faketime() { found faketime; }
has_gcc() { found cc gcc clang; }
has_wordpress() {
    found php && found mariadbd /usr/sbin/mariadbd && found my_print_defaults || return
    [ -e "$wordpress/usr/share/wordpress/wp-load.php" ] || [ -e /usr/share/wordpress/wp-load.php ]
}

install_postgresql() {
    # By default, Debian's package creates a cluster and starts it.
    settings=/etc/postgresql-common/createcluster.d
    mkdir -p "$settings"
    echo "create_main_cluster = false" >"$settings/spillwatch-tests.conf"
    setup/apt-install.sh postgresql
    rm "$settings/spillwatch-tests.conf"
}

install_tor() {
    # A masked service does not start, neither now nor at the next boot. Undo: systemctl unmask tor tor@default
    mkdir -p /etc/systemd/system
    for unit in tor.service tor@default.service; do
        [ -e "/etc/systemd/system/$unit" ] || ln -s /dev/null "/etc/systemd/system/$unit"
    done
    RUNLEVEL=1 setup/apt-install.sh tor
}

install_systemd() { setup/apt-install.sh systemd; }

install_gpg() { setup/apt-install.sh gnupg; }

install_libarchive() { setup/apt-install.sh libarchive13t64 || setup/apt-install.sh libarchive13; }
install_faketime() { setup/apt-install.sh faketime; }
install_mount() { :; } # a right, not a program

install_cjk_font() { setup/apt-install.sh fonts-noto-cjk; }

install_node() { setup/apt-install.sh nodejs npm; }

install_chromium() { setup/apt-install.sh chromium; }

install_gcc() {
    setup/apt-install.sh gcc libc6-dev
    .venv/bin/python -m setup # an installation without a compiler has no native scanner yet
}

install_wordpress() {
    # The programs without their services. WordPress is only unpacked, because its package requires a web server.
    setup/apt-install.sh php-cli php-mysql mariadb-server-core mariadb-client-core
    mkdir -p "$wordpress"
    (
        cd "$wordpress"
        apt-get download wordpress || { apt-get update && apt-get download wordpress; }
        dpkg-deb -x wordpress_*.deb .
        rm wordpress_*.deb
    )
}

wordpress=.venv-peers/wordpress
missing=
provide() { # NAME, THE TESTS THAT ARE LEFT OUT WITHOUT IT
    "has_$1" && return
    if [ "$(id -u)" = 0 ] && found apt-get; then
        "install_$1" >&2
        "has_$1" && return
    fi
    echo "setup: $1 is missing, so the tests leave out $2 (Debian, Ubuntu: sudo apt-get install $1)" >&2
    missing="${missing:+$missing,}$1"
}

provide postgresql "everything on PostgreSQL; the same tests run on SQLite"
provide tor "crawling through a private Tor network"
provide systemd "the check of the systemd unit"
provide gpg "the recognition of what gpg writes"
provide mount "disks that are full; it needs root"
provide faketime "nodes whose clock is wrong, with all other faults of several nodes"
provide gcc "the native scanner; the scanner in Python is tested"
provide libarchive "RAR and CAB archives"
provide cjk_font "reports as PDF; the package is fonts-noto-cjk"
provide chromium "the console in a browser"
provide node "signing in by an OpenID provider; it needs Node 20 or newer, and npm"
provide wordpress "crawling a real blog; it needs php-cli, php-mysql and mariadb-server-core as well"

if [ -n "$missing" ] && [ "${CI:-}" = true ]; then
    echo "setup: CI runs all tests, but these programs are missing: $missing. Install them first." >&2
    exit 1
fi
echo "$missing"
