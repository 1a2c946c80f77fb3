if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || :
    # A clean stop and a start, of what runs. Each record that comes meanwhile is read afterwards.
    if [ "$1" -ge 1 ]; then
        systemctl try-restart archiver.service 'archiver@*.service' || :
    fi
fi
