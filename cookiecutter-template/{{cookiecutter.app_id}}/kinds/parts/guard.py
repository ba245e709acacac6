"""Lets only the owner of this session through to a program that has no login of its own.

Listens on LISTEN_PORT, where Open OnDemand's proxy comes in. The session's card posts the password;
the answer is a cookie, and requests with that cookie are handed on to the program, which listens on
a Unix socket in a directory that only this user can enter. Needs Python 3.6, nothing else.
"""

import asyncio
import hmac
import os
import re
import secrets
import sys
import urllib.parse

PASSWORD = os.environ.pop("GUARD_PASSWORD")
if not PASSWORD:
    sys.exit("The session has no password: nobody could be told from its owner.")
SOCKET = os.environ["APP_SOCKET"]
BASE = os.environ["APP_BASE_URL"]  # where browsers see this server
PORT = int(os.environ["LISTEN_PORT"])
PARENT = int(os.environ["GUARD_PARENT"])  # ends with it

COOKIE = "ood_session_%d" % PORT
SECRET = secrets.token_urlsafe(32)
# Open OnDemand's /rnode takes the prefix away, /node leaves it there.
LOGIN_PATHS = ("/.session/login", BASE + "/.session/login")
MOST_BYTES = 65536  # of a request's or an answer's head
HEAD_SECONDS = 10
MOST_STRANGERS = 100  # connections at a time that have not shown the session's cookie
DROPPED = ("connection", "keep-alive", "proxy-connection", "expect")

FORBIDDEN = """<!DOCTYPE html><title>No session</title>
<p>This page belongs to one user's session. Is it yours? Open it with the button under
"My Interactive Sessions".</p>"""


class Refused(Exception):
    """A request that is answered here."""

    def __init__(self, status, text=""):
        super().__init__(status)
        self.status = status
        self.text = text or "<!DOCTYPE html><title>{0}</title><p>{0}</p>".format(status)


class Head:
    """The first lines of a request or an answer."""

    def __init__(self, data):
        lines = data[:-4].decode("latin-1").split("\r\n")
        self.first = lines[0]
        self.fields = []
        if re.search(r"[\r\n\0]", "".join(lines)):
            raise Refused("400 Bad Request")
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            # A name with blanks, or a line that continues the last one, is read in two ways.
            if not colon or not re.match(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z", name):
                raise Refused("400 Bad Request")
            self.fields.append((name, value.strip(" \t")))

    def get(self, name):
        """The values of a field."""
        return [value for key, value in self.fields if key.lower() == name]

    def encode(self, extra):
        """As bytes, without what concerns one connection alone."""
        kept = [(n, v) for n, v in self.fields if n.lower() not in DROPPED]
        lines = [self.first] + ["%s: %s" % field for field in kept + extra]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def read_head(reader):
    """The head of a message, or None at the end of the connection."""
    try:
        data = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS)
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise Refused("431 Request Header Fields Too Large")
    return Head(data)


def is_same(given, wanted):
    """Compare secrets in a time that says nothing about them."""
    return hmac.compare_digest(given.encode("latin-1", "replace"), wanted.encode("ascii"))


def is_ours(head):
    """Whether the request has the session's cookie; takes that cookie out of it."""
    found = False
    fields = []
    for name, value in head.fields:
        if name.lower() == "cookie":
            others = []
            for part in value.split(";"):
                key, _, text = part.strip().partition("=")
                if key == COOKIE:
                    found = is_same(text, SECRET) or found
                elif part.strip():
                    others.append(part.strip())
            if not others:
                continue
            value = "; ".join(others)
        fields.append((name, value))
    head.fields = fields
    return found


def check_origin(head):
    """Refuse what another site makes a browser send."""
    hosts = head.get("host")
    for origin in head.get("origin"):
        if urllib.parse.urlsplit(origin).netloc.lower() not in [h.lower() for h in hosts]:
            raise Refused("403 Forbidden")


def body_length(head):
    """The number of bytes of a request's body, or None where it comes in chunks."""
    lengths, codings = head.get("content-length"), head.get("transfer-encoding")
    if codings:
        # Who reads such a message one way may be followed by one who reads it another way.
        if lengths or [c.lower() for c in codings] != ["chunked"]:
            raise Refused("400 Bad Request")
        return None
    if len(set(lengths)) > 1 or (lengths and not re.match(r"[0-9]{1,15}\Z", lengths[0])):
        raise Refused("400 Bad Request")
    return int(lengths[0]) if lengths else 0


async def copy(reader, writer, count=-1):
    """Hand on `count` bytes, or all until the end."""
    while count:
        data = await reader.read(MOST_BYTES if count < 0 else min(count, MOST_BYTES))
        if not data:
            break
        writer.write(data)
        await writer.drain()
        count -= len(data) if count > 0 else 0


async def copy_body(reader, writer, length):
    """Hand on a request's body, and nothing that comes after it."""
    if length is not None:
        await copy(reader, writer, length)
        return
    while True:
        line = await reader.readuntil(b"\r\n")
        size = re.match(rb"([0-9A-Fa-f]{1,8})(?:;[^\r\n]*)?\r\n\Z", line)
        if not size:
            raise Refused("400 Bad Request")
        writer.write(line)
        left = int(size.group(1), 16)
        if not left:
            break
        await copy(reader, writer, left + 2)
    line = b""
    while line != b"\r\n":  # trailers
        line = await reader.readuntil(b"\r\n")
        writer.write(line)
    await writer.drain()


async def log_in(head, reader, writer):
    """Answer the post of the session's card: with the cookie, or with no."""
    check_origin(head)
    length = body_length(head)
    if length is None or length > 4096:
        raise Refused("413 Payload Too Large")
    body = await asyncio.wait_for(reader.readexactly(length), HEAD_SECONDS)
    fields = urllib.parse.parse_qs(body.decode("latin-1"))
    if not is_same(fields.get("password", [""])[0], PASSWORD):
        await asyncio.sleep(1)
        raise Refused("403 Forbidden", FORBIDDEN)
    cookie = "%s=%s; Path=%s/; HttpOnly; SameSite=Lax" % (COOKIE, SECRET, BASE)
    if [v.lower() for v in head.get("x-forwarded-proto")] == ["https"]:
        cookie += "; Secure"
    writer.write(
        (
            "HTTP/1.1 303 See Other\r\nLocation: %s/\r\nSet-Cookie: %s\r\nCache-Control: no-store\r\n"
            "Content-Length: 0\r\nConnection: close\r\n\r\n" % (BASE, cookie)
        ).encode("latin-1")
    )
    await writer.drain()


async def hand_on(head, reader, writer):
    """One request to the program, and its answer back."""
    upgrade = head.get("upgrade")
    if upgrade or head.first.split(" ")[0] not in ("GET", "HEAD"):
        check_origin(head)
    length = body_length(head)
    wants_more = [v.lower() for v in head.get("expect")] == ["100-continue"]
    try:
        from_app, to_app = await asyncio.open_unix_connection(SOCKET, limit=MOST_BYTES)
    except OSError:
        raise Refused("502 Bad Gateway", "<!DOCTYPE html><p>The program has ended.</p>")
    tasks = []
    try:
        to_app.write(head.encode([("Connection", "Upgrade" if upgrade else "close")]))
        if wants_more:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")

        async def send():
            await copy_body(reader, to_app, length)
            if upgrade:
                await copy(reader, to_app)
            else:
                while await reader.read(MOST_BYTES):  # until the browser goes away
                    pass

        async def answer():
            while True:
                # A program may think for long before it answers, so nothing is timed here.
                try:
                    reply = Head(await from_app.readuntil(b"\r\n\r\n"))
                except asyncio.IncompleteReadError:
                    raise Refused("502 Bad Gateway")
                status = reply.first.split(" ")[1:2]
                if status == ["101"]:
                    writer.write(reply.encode([("Connection", "Upgrade")]))
                    break
                if status and status[0].startswith("1"):
                    continue
                writer.write(reply.encode([("Connection", "close")]))
                break
            await copy(from_app, writer)

        tasks = [asyncio.ensure_future(send()), asyncio.ensure_future(answer())]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        sending, answering = tasks
        if answering not in done and isinstance(sending.exception(), OSError):
            # The program answers before it has read everything, and reads no more.
            await asyncio.wait([answering], timeout=HEAD_SECONDS)
            done = {answering} if answering.done() else done
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        to_app.close()


strangers = []


async def serve(reader, writer):
    """One connection; it carries one request, so that no other user's can follow."""
    if len(strangers) >= MOST_STRANGERS:
        strangers.pop(0).close()  # who has something to say has said it long since
    strangers.append(writer)
    try:
        try:
            head = await read_head(reader)
            if head is None:
                return
            words = head.first.split(" ")
            if len(words) != 3 or not words[2].startswith("HTTP/1."):
                raise Refused("400 Bad Request")
            if words[0] == "POST" and words[1].partition("?")[0] in LOGIN_PATHS:
                await log_in(head, reader, writer)
            elif is_ours(head):
                if writer in strangers:
                    strangers.remove(writer)
                await hand_on(head, reader, writer)
            else:
                raise Refused("403 Forbidden", FORBIDDEN)
        except Refused as refused:
            body = refused.text.encode("utf-8")
            writer.write(
                (
                    "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n"
                    "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
                    % (refused.status, len(body))
                ).encode("latin-1")
                + body
            )
            await writer.drain()
    except (OSError, EOFError, ValueError, asyncio.TimeoutError, asyncio.LimitOverrunError):
        pass  # whoever asked has gone away, or talks no HTTP
    finally:
        if writer in strangers:
            strangers.remove(writer)
        writer.close()


async def main():
    """Wait for the program, then listen: an open port tells Open OnDemand that it is ready."""
    while True:
        try:
            _, writer = await asyncio.open_unix_connection(SOCKET)
            writer.close()
            break
        except OSError:
            await asyncio.sleep(0.5)
        if os.getppid() != PARENT:
            return
    await asyncio.start_server(serve, None, PORT, limit=MOST_BYTES)
    print("The program is ready on port %d." % PORT, flush=True)
    while os.getppid() == PARENT:
        await asyncio.sleep(2)


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
sys.exit(loop.run_until_complete(main()))
