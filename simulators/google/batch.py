"""`POST /batch/calendar/v3`: up to 1,000 calls in one multipart/mixed body, each with the full inner path.

Each inner call counts and fails on its own. The outer bearer token serves inner calls that bring none.
"""

from email import message_from_bytes
from email.message import Message
from http.client import responses
from urllib.parse import parse_qs, unquote, urlsplit

from simulators.google import api, discovery, errors
from simulators.google.errors import ApiError
from simulators.google.wire import Request, Response
from simulators.google.world import GoogleWorld

PATH = "/batch/calendar/v3"
MAX_CALLS = 1000


def answer(world: GoogleWorld, request: Request) -> Response:
    content_type = request.headers.get("content-type", "")
    outer = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + request.body)
    if not outer.is_multipart():
        return errors.bad_request("Failed to parse batch request: multipart/mixed is wanted.").response()
    parts = [part for part in outer.get_payload() if isinstance(part, Message)]
    if len(parts) > MAX_CALLS:
        message = f"The batch request contains too many calls: {len(parts)}, at most {MAX_CALLS}."
        return errors.bad_request(message).response()
    boundary = world.secret("batch_", 24)
    with world.lock:
        world.calls["batch"] += 1
    chunks = [_one(world, request, part, boundary) for part in parts]
    chunks.append(f"--{boundary}--\r\n".encode())
    return Response(200, {"Content-Type": f"multipart/mixed; boundary={boundary}"}, b"".join(chunks))


def _one(world: GoogleWorld, outer: Request, part: Message, boundary: str) -> bytes:
    try:
        inner = _inner(outer, part)
        answered = api.answer(world, inner)
    except ApiError as refusal:
        answered = refusal.response()
    if answered.cut:
        answered = errors.ApiError(503, "backendError", "Backend Error").response()
    content_id = (part["Content-ID"] or "<>").strip()
    lines = [f"--{boundary}", "Content-Type: application/http", f"Content-ID: <response-{content_id[1:-1]}>", ""]
    lines.append(f"HTTP/1.1 {answered.status} {responses.get(answered.status, 'Unknown')}")
    lines += [f"{name}: {value}" for name, value in answered.headers.items()]
    lines.append(f"Content-Length: {len(answered.body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + answered.body + b"\r\n"


def _inner(outer: Request, part: Message) -> Request:
    payload = part.get_payload(decode=True)
    if part.get_content_type() != "application/http" or not isinstance(payload, bytes):
        raise errors.bad_request("Each part must be application/http.")
    first, _, rest = payload.replace(b"\r\n", b"\n").lstrip(b"\n").partition(b"\n")
    words = first.decode("utf-8", "replace").split(" ")
    if len(words) < 2:
        raise errors.bad_request("Cannot read the inner request line.")
    target = urlsplit(words[1])
    if target.netloc or not target.path.startswith(discovery.SERVICE_PATH):
        raise errors.bad_request("The inner path must be the full path of the call, without a host.")
    message = message_from_bytes(rest)
    headers = {name.lower(): value for name, value in message.items()}
    if "authorization" not in headers and "authorization" in outer.headers:
        headers["authorization"] = outer.headers["authorization"]
    body = rest.partition(b"\n\n")[2]
    query = parse_qs(target.query, keep_blank_values=True)
    return Request(words[0], unquote(target.path), query, headers, body)
