#!/bin/sh
# root.sh PROGRAM DIRECTORY makes the root of a container that runs it: the program, the C library's files that it loads, the
# certificates of the authorities that the system trusts, a user, and directories for configuration and data. No shell.
set -eu
program=$1
root=$2

mkdir -p "$root/usr/bin" "$root/etc/archiver" "$root/etc/ssl/certs" "$root/tmp" "$root/var/lib/archiver"
install -m 755 "$program" "$root/usr/bin/archiver"

# What it is linked to, by the paths at which the loader looks; among them the loader itself. The C library loads the last two
# by itself, for names of hosts.
libraries=$(ldd "$program" | sed -n 's/.*[[:space:]]\(\/[^ ]*\) (0x.*/\1/p')
directory=$(dirname "$(echo "$libraries" | grep '/libc\.so')")
for library in $libraries "$directory/libnss_dns.so.2" "$directory/libresolv.so.2"; do
    if [ -e "$library" ]; then
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    fi
done

if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
fi
echo 'archiver:x:65532:65532:archiver:/var/lib/archiver:/nonexistent' >"$root/etc/passwd"
echo 'archiver:x:65532:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
chmod 1777 "$root/tmp"
chown 65532:65532 "$root/var/lib/archiver"
chmod 750 "$root/var/lib/archiver"
