#!/usr/bin/env bash
# The programs that Python packages cannot bring: Chromium (charts, browser tests), Prometheus and its node exporter (integration test), fonts.
# Installs only what is missing, through apt-get, as root or with a sudo that asks no password; otherwise says what to run and succeeds,
# because everything that does not need them still works. The services that Debian would start are stopped: tests start their own.
set -euo pipefail

missing=()
need() { # package, programs of which one is enough
    local package=$1 program
    shift
    for program in "$@"; do
        if command -v "$program" > /dev/null; then return; fi
    done
    missing+=("$package")
}
[ -x "${BROWSER_PATH:-}" ] || need chromium chromium chromium-browser google-chrome google-chrome-stable
need prometheus prometheus
need prometheus-node-exporter prometheus-node-exporter node_exporter
need fontconfig fc-list
need_font() { # package, a family of it: by name, because another font that is here has other widths and other signs
    if command -v fc-list > /dev/null && [ -n "$(fc-list ":family=$2")" ]; then return; fi
    missing+=("$1")
}
need_font fonts-liberation "Liberation Sans" # the widths of Arial and Helvetica, which the pages and charts ask for
need_font fonts-dejavu-core "DejaVu Sans"    # the signs that Liberation lacks

if [ ${#missing[@]} -eq 0 ]; then
    echo "system packages: all there"
    exit 0
fi
line="apt-get install --yes --no-install-recommends ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! sudo --non-interactive true 2> /dev/null; then
        echo "system packages missing: ${missing[*]}"
        echo "  fix it with: sudo $line"
        echo "  until then charts cannot be drawn, and the tests that need them are skipped with that reason"
        exit 0
    fi
    as_root=(sudo --non-interactive)
fi
if ! command -v apt-get > /dev/null; then
    echo "system packages missing: ${missing[*]} (no apt-get here: install them with the package manager of this system)"
    exit 0
fi

policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then # Debian's way to say: install, but do not start
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy > /dev/null
    "${as_root[@]}" chmod +x $policy
    trap '"${as_root[@]}" rm -f $policy' EXIT
fi
echo "system packages: $line"
log=$(mktemp)
if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive $line; } > "$log" 2>&1; then
    tail -n 15 "$log" >&2
    echo "could not install ${missing[*]}: run 'apt-get update && $line' as root and look at its answer" >&2
    exit 1
fi
rm -f "$log"
if [ -d /run/systemd/system ]; then
    for unit in prometheus prometheus-node-exporter; do
        if [[ " ${missing[*]} " == *" $unit "* ]]; then "${as_root[@]}" systemctl disable --quiet "$unit" || true; fi
    done
fi
