#!/bin/sh
# Makes a layer for machines, in whose /opt/cloud-init is cloud-init as Debian packages it, with the Python modules it needs, if it is
# not there yet. Nothing of it is installed on this host.
#
# Arguments: the folder of the layer.
set -eu
folder=$1
packages='cloud-init python3-attr python3-blinker python3-certifi python3-chardet python3-charset-normalizer python3-configobj
	python3-idna python3-jinja2 python3-json-pointer python3-jsonpatch python3-jsonschema python3-markupsafe python3-netifaces
	python3-oauthlib python3-pyrsistent python3-requests python3-serial python3-six python3-urllib3 python3-yaml'

mkdir -p "$(dirname "$folder")"
exec 9>"$folder.lock"
flock 9
[ ! -e "$folder" ] || exit 0
fresh=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$fresh"' EXIT
# dash(1) leaves by a signal without that, unless it is made an exit.
trap 'exit 1' HUP INT TERM
cd "$fresh"
apt-cache show cloud-init >/dev/null 2>&1 || apt-get update -qq
# The lists of a machine that was not updated for a while may name versions that are gone.
# shellcheck disable=SC2086
apt-get download -qq -o APT::Sandbox::User=root $packages ||
	{ apt-get update -qq && apt-get download -qq -o APT::Sandbox::User=root $packages; }
mkdir -p root/opt/cloud-init
for package in *.deb; do
	dpkg-deb --extract "$package" root/opt/cloud-init
done
# Else each machine would compile them anew.
/usr/bin/python3 -m compileall -q root/opt/cloud-init/usr/lib/python3/dist-packages
dpkg-deb --field cloud-init_*.deb Version >root/opt/cloud-init/version
chmod -R u=rwX,go=rX root
mv root "$folder"
