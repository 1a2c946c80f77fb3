systemd-sysusers archiver.conf >/dev/null 2>&1 ||
    getent passwd archiver >/dev/null ||
    useradd --system --user-group --home-dir /var/lib/archiver --shell /sbin/nologin archiver
# A configuration may hold secrets.
chgrp archiver /etc/archiver /etc/archiver/topics.toml || :
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || :
fi
