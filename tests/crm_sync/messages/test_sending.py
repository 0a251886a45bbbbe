"""Sending over HTTP: to nobody's house but the target's, signed, briefly and without detours."""

import datetime as dt
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from starlette.applications import Starlette
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from crm_sync.messages.addresses import destination, is_public, system_resolve
from crm_sync.messages.errors import DeliveryError, ForbiddenAddressError
from crm_sync.messages.model import Method, OutMessage
from crm_sync.messages.ports import Answer
from crm_sync.messages.sending import LONGEST_ANSWER, HttpSender, Target
from crm_sync.messages.verify import Scheme, SignedRequest, is_authentic
from exposure.errors import ConfigError
from tests.crm_sync.messages.parts import Clock
from tests.crm_sync.messages.served import served
from tests.crm_sync.messages.signers import STANDARD_SECRET

CLOCK = Clock()
MESSAGE = OutMessage(key="refetch:1", aggregate="a", target="crm", body=b'{"n": 1}')
PUBLIC = "93.184.215.14"


class Resolver:
    """A name server that says something else each time it is asked."""

    def __init__(self, *answers):
        self.answers = [
            list(answer) if isinstance(answer, tuple) else [answer] for answer in answers
        ]
        self.asked = []

    def __call__(self, host, port):
        self.asked.append((host, port))
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


# Where we may go ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "10.0.0.1", "0.0.0.0",  # noqa: S104 - refused
        "172.16.5.5", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254",
        "ff02::1", "::ffff:127.0.0.1", "::ffff:93.184.215.14", "::ffff:169.254.169.254",
        "64:ff9b::7f00:1", "64:ff9b::5db8:d70e", "2002:7f00:1::", "2001:0:53aa:64c:0:0:80ff:fffe",
        "2001:db8::1", "fec0::1", "3fff::1", "::7f00:1",
    ],
)  # fmt: skip
def test_an_address_inside_or_in_disguise_is_refused(address):
    assert not is_public(ipaddress.ip_address(address))
    with pytest.raises(ForbiddenAddressError, match="not public"):
        destination("https://receiver.example/", Resolver(address))
    with pytest.raises(ForbiddenAddressError, match="not public"):
        destination("https://receiver.example/", Resolver((PUBLIC, address)))


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_a_public_address_is_called_by_its_number_under_its_name(address):
    resolve = Resolver(address)
    there = destination("https://Receiver.example:8443/a/b?c=d#e", resolve)
    assert resolve.asked == [("receiver.example", 8443)]
    shown = f"[{address}]" if ":" in address else address
    assert there.url == f"https://{shown}:8443/a/b?c=d"
    assert there.authority == "receiver.example:8443"
    assert destination("https://receiver.example", resolve).authority == "receiver.example"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://receiver.example/", "https"),
        ("ftp://receiver.example/", "https://"),
        ("file:///etc/passwd", "https://"),
        ("gopher://receiver.example/", "https://"),
        ("//receiver.example/", "https://"),
        ("https:///path", "https://"),
        ("https://receiver.example:22/", "port"),
        ("https://receiver.example:6379/", "port"),
        ("https://receiver.example:99999/", "no URL"),
        ("https://receiver.example:x/", "no URL"),
        ("https://[::1/", "no URL"),
        ("https://user@receiver.example/", "user"),
        ("https://receiver.example\\@127.0.0.1/", "characters"),
        ("https://receiver.example/\r\nHost: x", "characters"),
        ("https://receiver.example/ x", "characters"),
        ("https://r\u00e9ceiver.example/", "characters"),
        ("https://receiver.example/" + "x" * 2_000, "characters"),
        ("", "characters"),
    ],
)
def test_a_url_that_is_not_plain_https_is_refused(url, why):
    resolve = Resolver(PUBLIC)
    with pytest.raises(ForbiddenAddressError, match=why):
        destination(url, resolve)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost", "[::1]"])
def test_other_spellings_of_this_machine_lead_to_this_machine_and_are_refused(host):
    with pytest.raises((ForbiddenAddressError, DeliveryError)):
        destination(f"https://{host}/", system_resolve)


def test_what_a_name_server_makes_up_is_refused():
    with pytest.raises(ForbiddenAddressError, match="no address"):
        destination("https://receiver.example/", Resolver("receiver.example"))
    with pytest.raises(DeliveryError, match="does not resolve"):
        destination("https://receiver.example/", Resolver(()))
    with pytest.raises(DeliveryError, match="does not resolve"):
        system_resolve("nowhere.invalid", 443)


def test_this_machine_may_be_called_where_the_desk_says_so_and_only_this_machine():
    there = destination("http://platform.example:9000/x", Resolver("127.0.0.1"), loopback=True)
    assert there.url == "http://127.0.0.1:9000/x"
    for addresses in ("10.0.0.1", PUBLIC, ("127.0.0.1", "10.0.0.1")):
        with pytest.raises(ForbiddenAddressError):
            destination("http://platform.example:9000/", Resolver(addresses), loopback=True)


# What is sent ------------------------------------------------------------------------------------


class Receiver:
    """A target that remembers what came and answers in its own way."""

    def __init__(self):
        self.came = []
        paths = {"/": self.ok, "/moved": self.moved, "/busy": self.busy, "/big": self.big,
                 "/hangs": self.hangs, "/later": self.later}  # fmt: skip
        self.app = Starlette(
            routes=[Route(p, e, methods=["GET", "POST"]) for p, e in paths.items()]
        )

    async def ok(self, request):
        body = await request.body()
        self.came.append((request.method, dict(request.headers), dict(request.query_params), body))
        return Response(b'{"ok": true}')

    async def moved(self, _):
        return RedirectResponse("/")

    async def busy(self, _):
        return Response(status_code=429, headers={"Retry-After": "17"})

    async def later(self, _):
        return Response(status_code=503, headers={"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"})

    async def big(self, _):
        return Response(b"x" * (LONGEST_ANSWER + 1))

    async def hangs(self, request):
        while (await request.receive())["type"] != "http.disconnect":
            pass
        return Response()


@pytest.fixture
def receiver():
    return Receiver()


@pytest.fixture
def there(receiver):
    with served(receiver.app) as port:
        yield f"http://receiver.invalid:{port}"


def sender(url, resolve=None, within_s=5.0, trust=None, **target):
    targets = {"crm": Target(url=url, loopback=True, **target)}
    context = trust or ssl.create_default_context()
    return HttpSender(targets, CLOCK, resolve or Resolver("127.0.0.1"), context, within_s)


def with_path(path, method=Method.POST):
    return OutMessage(key="k", aggregate="a", target="crm", path=path, method=method)


def test_a_message_arrives_signed_and_any_receiver_can_check_it(receiver, there):
    answer = sender(there, secret=STANDARD_SECRET.decode()).send(MESSAGE)
    assert answer == Answer(200, b'{"ok": true}', 0.0)
    [(method, headers, _, body)] = receiver.came
    assert (method, body) == ("POST", MESSAGE.body)
    assert headers["content-type"] == "application/json"
    assert headers["idempotency-key"] == headers["webhook-id"] == "refetch:1"
    raw = {name.encode(): value.encode() for name, value in headers.items()}
    came = SignedRequest(headers=raw, body=body)
    assert is_authentic(Scheme.STANDARD, came, [STANDARD_SECRET], CLOCK() // 1_000_000)


def test_an_id_has_no_dot_and_is_still_the_messages_own(receiver, there):
    sends = sender(there, secret=STANDARD_SECRET.decode())
    for key in ("a.b", "a~2Eb", "a_b"):
        sends.send(OutMessage(key=key, aggregate="a", target="crm", body=b"{}"))
    ids = [headers["webhook-id"] for _, headers, _, _ in receiver.came]
    assert ids == ["a~2Eb", "a~7E2Eb", "a_b"]


def test_a_question_is_a_get_with_what_the_target_asks_for(receiver, there):
    asks = sender(there, headers=lambda message: {"authorization": f"Bearer {message.key}"})
    asks.send(with_path("/?properties=a,b", Method.GET))
    [(method, headers, query, body)] = receiver.came
    assert (method, query, body) == ("GET", {"properties": "a,b"}, b"")
    assert headers["authorization"] == "Bearer k"
    assert "webhook-signature" not in headers


def test_a_name_is_resolved_once_and_what_was_checked_is_what_is_called(receiver, there):
    """The name does not exist, so nobody else can have resolved it; a second answer is a trap."""
    resolve = Resolver("127.0.0.1", "169.254.169.254")
    assert sender(there, resolve).send(MESSAGE).status == 200
    assert len(resolve.asked) == 1
    assert receiver.came[0][1]["host"] == there.removeprefix("http://")
    with pytest.raises(ForbiddenAddressError):
        sender(there, resolve).send(MESSAGE)
    assert len(receiver.came) == 1


def test_a_redirect_is_an_answer_and_not_a_way(receiver, there):
    assert sender(there).send(with_path("/moved")).status == 307
    assert receiver.came == []


def test_a_target_says_how_long_it_wants_to_be_left_alone(there):
    assert sender(there).send(with_path("/busy")) == Answer(429, b"", 17.0)
    assert sender(there).send(with_path("/later")) == Answer(503, b"", 0.0)


def test_an_answer_without_an_end_is_not_read(there):
    with pytest.raises(DeliveryError, match="more than 65536 bytes"):
        sender(there).send(with_path("/big"))


def test_a_target_that_takes_too_long_is_left(there):
    with pytest.raises(DeliveryError, match="took too long"):
        sender(there, within_s=0.2).send(with_path("/hangs"))


def test_a_target_that_is_not_there_cannot_be_reached():
    with pytest.raises(DeliveryError, match="cannot be reached: ConnectError"):
        sender("http://127.0.0.1:1").send(MESSAGE)


def test_a_proxy_of_the_environment_is_not_used(receiver, there, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert sender(there).send(MESSAGE).status == 200


def test_a_target_that_nobody_knows_is_named():
    with pytest.raises(ConfigError, match="nobody knows the target other"):
        sender("https://x.example").send(OutMessage(key="k", aggregate="a", target="other"))


@pytest.mark.parametrize("secret", ["short", "whsec_AAAA", "whsec_%%", "plain secret " * 3])
def test_a_secret_that_is_none_is_refused_and_none_is_shown(secret):
    with pytest.raises(ConfigError, match="a signing secret is whsec_"):
        Target(url="https://x.example", secret=secret)
    good = Target(url="https://x.example", secret=STANDARD_SECRET.decode())
    assert STANDARD_SECRET.decode() not in repr(good)


# Certificates ------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path):
    """A certificate of ``receiver.invalid``, and a context that believes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver.invalid")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("receiver.invalid")]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def test_the_name_and_not_the_number_has_to_be_on_the_certificate(receiver, certificate):
    cert, key = certificate
    trust = ssl.create_default_context(cafile=str(cert))
    with served(receiver.app, ssl_certfile=str(cert), ssl_keyfile=str(key)) as port:
        assert sender(f"https://receiver.invalid:{port}", trust=trust).send(MESSAGE).status == 200
        with pytest.raises(DeliveryError, match="ConnectError"):
            sender(f"https://other.invalid:{port}", trust=trust).send(MESSAGE)
        with pytest.raises(DeliveryError, match="ConnectError"):
            sender(f"https://receiver.invalid:{port}").send(MESSAGE)
    assert len(receiver.came) == 1
