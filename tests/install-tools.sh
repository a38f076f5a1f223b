#!/usr/bin/env bash
# Installs the programs that some tests need, if apt-get can run without a password.
# Otherwise it prints the missing packages, and the tests that need them are skipped.
# Arguments name additional packages, which only slow tests need.
set -euo pipefail

packages=(
  dcmtk dicom3tools default-jre-headless fonts-wqy-microhei logrotate orthanc orthanc-dicomweb
  pixelmed-apps postgresql "$@"
)

missing() {
  local package
  for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${Status}\n' "$package" 2>/dev/null | grep -q ' installed$' ||
      echo "$package"
  done
}

# Runs a command as root, directly or by sudo without a password.
as_root() {
  if [[ $(id -u) -eq 0 ]]; then "$@"; else sudo -n "$@"; fi
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "apt-get is not available: tests that need ${packages[*]} are skipped if these are missing." >&2
  exit 0
fi

mapfile -t wanted < <(missing)
[[ ${#wanted[@]} -gt 0 ]] || exit 0

if ! as_root true 2>/dev/null; then
  echo "Not installed, some tests are skipped: run apt-get install ${wanted[*]}" >&2
  exit 0
fi

# The tests start their own servers. Debian would also start its services on 4242, 8042 and 5432;
# policy-rc.d prevents that. An existing policy-rc.d is not changed.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
  trap 'as_root rm -f "$policy"' EXIT
fi

echo "Installing ${wanted[*]} for the tests ..."
log=$(mktemp)
if ! {
  as_root apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
      "${wanted[@]}"
} >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "apt-get failed: tests that need ${wanted[*]} are skipped." >&2
fi
rm -f "$log"
