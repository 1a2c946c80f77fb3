"""Requests that mean harm: hostile.py ADDRESS COUNT SECONDS, spread over that time. Ends with 1 if one was answered."""

import socket
import sys
import time

HELD_MOST = 400  # connections that are kept open; archiver closes them sooner
ANSWER_S = 0.3
LONG = b"a" * 100_000


def requests(host):
    """(what is sent, what becomes of the connection)"""
    head = b"Host: " + host + b"\r\n"
    return [
        (b"GET / HTTP/1.1\r\nX-Slow: ", "keep"),  # a head that never ends
        ((b"GET / HTTP/1.1\r\n" + head + b"\r\n") * 50, "keep"),  # it asks, and doesn't read
        (b"", "half"),
        (b"GET / HTTP/1.1\r\n" + head + b"X: " + LONG + b"\r\n\r\n", "read"),
        (b"GET /" + LONG + b" HTTP/1.1\r\n" + head + b"\r\n", "read"),
        (b"\x00\x7f\x01garbage\r\n\r\n" * 100, "read"),
        (b"GET /archive/../../../../etc/passwd HTTP/1.1\r\n" + head + b"\r\n", "read"),
        (b"GET /api/status HTTP/1.1\r\nHost: evil.example\r\n\r\n", "read"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", "read"),  # TLS
        (b"POST /api/status HTTP/1.1\r\n" + head + b"Content-Length: 1000000000\r\n\r\n" + LONG, "read"),
    ]


def main(address, count, seconds):
    host, port = address.split(":")
    kinds, held, answered = requests(address.encode()), [], 0
    began = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, began + number * seconds / count - time.monotonic()))
        answered += attack((host, int(port)), *kinds[number % len(kinds)], held)
    took_s = time.monotonic() - began
    print(f"{count} {took_s:.3f} {answered}")
    return 1 if answered else 0


def attack(address, request, then, held):
    """Whether it got what it asked for."""
    try:
        connection = socket.create_connection(address, ANSWER_S)
    except OSError:
        return False  # too many of them are open
    try:
        connection.sendall(request)
        if then == "half":
            connection.shutdown(socket.SHUT_WR)
        if then != "read":
            held.append(connection)
            if len(held) > HELD_MOST:
                held.pop(0).close()
            return False
        said = connection.recv(1024)
    except OSError:
        said = b""
    connection.close()
    return b"HTTP/1.1 200" in said or b"root:" in said


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
